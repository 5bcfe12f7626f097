"""How far raters agree: on the level, on each category, and on which items they do not.

Weighted kappa: J. Cohen, *Weighted kappa*, 1968, with quadratic weights. Alpha: K. Krippendorff,
*Content Analysis*; ordinal for the level, nominal for a category.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from servicenlp.consensus import merge_labels
from servicenlp.errors import DataError
from servicenlp.raters import TARGETS, Rater, Texts
from servicenlp.taxonomy import CATEGORIES, LEVELS, values

_DRAWS = 400  # of the bootstrap


class Figure(NamedTuple):
    """One figure of agreement between two raters or among all: 1 is perfect, 0 is what chance gives.

    Attributes
    ----------
    what : str
        level, one level by its name, or a category.
    measure : str
        weighted kappa, kappa or alpha.
    between : str
        The raters.
    n : int
        Items that both, or at least two, rated.
    value, low, high : float
        Nan where all ratings are the same; the limits are of a bootstrap over items, for alpha only.
    """

    what: str
    measure: str
    between: str
    n: int
    value: float
    low: float = float("nan")
    high: float = float("nan")


class Lean(NamedTuple):
    """How far a rater's levels lie above (lenient) or below (strict) the mean of the others' on the same items."""

    name: str
    n: int
    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Strict, lenient, or nothing if it may be chance."""
        return "strict" if self.high < 0 else "lenient" if self.low > 0 else ""


@dataclass(frozen=True)
class Agreement:
    """What raters' labels come to.

    Attributes
    ----------
    figures : list of Figure
        Alpha among all, then pair by pair.
    leans : list of Lean
        The strictest first.
    disputed : DataFrame
        The items on which they differ, the widest apart first: id, text, spread (levels between
        the lowest and the highest), differ (the targets), and each rater's labels.
    n_items : int
        Items that two or more rated.
    """

    figures: list[Figure]
    leans: list[Lean]
    disputed: pd.DataFrame
    n_items: int


def compare_raters(raters: Sequence[Rater], texts: Texts | None = None, seed: int = 0) -> Agreement:
    """Tell how far raters agree.

    Parameters
    ----------
    raters : sequence of Rater
        Two or more.
    texts : Texts, optional
        For the list to adjudicate.
    seed : int
        Of the bootstrap.

    Raises
    ------
    DataError
        If there are fewer than two, or no item was rated by two.

    Examples
    --------
    >>> ann = Rater("ann", {"a": {"level": 1}, "b": {"level": 2}, "c": {"level": 5}})
    >>> bob = Rater("bob", {"a": {"level": 1}, "b": {"level": 3}, "c": {"level": 5}})
    >>> found = compare_raters([ann, bob])
    >>> [round(f.value, 2) for f in found.figures if f.what == "level"], list(found.disputed["text"])
    ([0.95, 0.94], ['b'])
    """
    if len(raters) < 2:
        raise DataError(f"Agreement: fewer than two raters. Found {', '.join(r.name for r in raters) or 'none'}. Name more label files.")
    rated = Counter(item for rater in raters for item in rater.ratings)
    shared = sorted(item for item, n in rated.items() if n > 1)
    if not shared:
        raise DataError("Agreement: no item was rated by two. Found different texts only. Let two raters label the same interactions.")
    figures = [_alpha(raters, shared, target, seed) for target in TARGETS]
    for one, other in combinations(raters, 2):
        figures += _pair(one, other)
    leans = sorted((lean for rater in raters if (lean := _lean(rater, raters, shared))), key=lambda lean: lean.mean)
    return Agreement([f for f in figures if f.n], leans, _disputed(raters, shared, texts or Texts({}, {})), len(shared))


def _alpha(raters: Sequence[Rater], shared: Sequence[str], target: str, seed: int) -> Figure:
    import krippendorff

    labels = values(target)
    counts = np.array([[sum(r.ratings.get(item, {}).get(target) == label for r in raters) for label in labels] for item in shared])
    counts = counts[counts.sum(axis=1) > 1]
    kind: Literal["ordinal", "nominal"] = "ordinal" if target == "level" else "nominal"

    def alpha(rows: Any) -> float:
        if np.count_nonzero(rows.sum(axis=0)) < 2:
            return float("nan")
        return float(krippendorff.alpha(value_counts=rows, level_of_measurement=kind, value_domain=list(range(len(labels)))))

    if not len(counts):
        return Figure(target, "alpha", "all", 0, float("nan"))
    rng = np.random.default_rng(seed)
    drawn = [alpha(counts[rng.integers(0, len(counts), len(counts))]) for _ in range(_DRAWS)]
    known = [value for value in drawn if value == value]
    low, high = np.percentile(known, [2.5, 97.5]) if known else (np.nan, np.nan)
    return Figure(target, "alpha", "all", len(counts), alpha(counts), float(low), float(high))


def _pair(one: Rater, other: Rater) -> list[Figure]:
    """Return the kappas of two raters: of the level, of each level by itself, of each category."""
    between = f"{one.name}, {other.name}"
    figures = []
    for target in TARGETS:
        a, b = _both(one, other, target)
        figures.append(Figure(target, "weighted kappa" if target == "level" else "kappa", between, len(a), _kappa(a, b, target)))
        if target == "level":
            for level in LEVELS:
                own = [x == level.value for x in a], [x == level.value for x in b]
                n = len(a) if any(own[0]) or any(own[1]) else 0
                figures.append(Figure(level.name, "kappa", between, n, _kappa(own[0], own[1], level.name)))
    return figures


def _both(one: Rater, other: Rater, target: str) -> tuple[list[Any], list[Any]]:
    pairs = [
        (labels[target], other.ratings[item][target])
        for item, labels in one.ratings.items()
        if target in labels and target in other.ratings.get(item, {})
    ]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _kappa(a: Sequence[Any], b: Sequence[Any], target: str) -> float:
    from sklearn.metrics import cohen_kappa_score

    labels = values(target) if target in TARGETS else [False, True]
    if len(set(a) | set(b)) < 2:
        return float("nan")  # all the same: nothing to agree on
    return float(cohen_kappa_score(a, b, labels=labels, weights="quadratic" if target == "level" else None))


def _lean(rater: Rater, raters: Sequence[Rater], shared: Sequence[str]) -> Lean | None:
    gaps = []
    for item in shared:
        others = [r.ratings[item]["level"] for r in raters if r is not rater and "level" in r.ratings.get(item, {})]
        if others and "level" in rater.ratings.get(item, {}):
            gaps.append(rater.ratings[item]["level"] - sum(others) / len(others))
    if len(gaps) < 2:
        return None
    from scipy.stats import t

    mean = float(np.mean(gaps))
    half = float(t.ppf(0.975, len(gaps) - 1) * np.std(gaps, ddof=1) / np.sqrt(len(gaps)))
    return Lean(rater.name, len(gaps), mean, mean - half, mean + half)


def _disputed(raters: Sequence[Rater], shared: Sequence[str], texts: Texts) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for item in shared:
        told = {rater.name: rater.ratings[item] for rater in raters if item in rater.ratings}
        differ = [target for target in TARGETS if len({labels[target] for labels in told.values() if target in labels}) > 1]
        if differ:
            levels = [labels["level"] for labels in told.values() if "level" in labels]
            row: dict[str, Any] = {"id": texts.ids.get(item, ""), "text": texts.texts.get(item, item)}
            row |= {"spread": max(levels) - min(levels) if levels else 0, "differ": "|".join(differ)}
            row |= {f"{rater.name}: {target}": told.get(rater.name, {}).get(target) for target in TARGETS for rater in raters}
            rows.append(row)
    columns = ["id", "text", "spread", "differ", *(f"{rater.name}: {target}" for target in TARGETS for rater in raters)]
    table = pd.DataFrame(rows, columns=columns).astype(object)
    order = sorted(range(len(rows)), key=lambda i: (-rows[i]["spread"], -rows[i]["differ"].count("|")))
    return table.iloc[order].reset_index(drop=True)


def merge_raters(raters: Sequence[Rater], texts: Texts | None = None) -> pd.DataFrame:
    """Return one label of each target for each item that anyone rated, as `train` reads it.

    Returns
    -------
    DataFrame
        id, text, the targets (see `merge_labels`), weight (the share of the raters who gave that
        level) and raters (how many there were).

    Examples
    --------
    >>> ann, bob = Rater("ann", {"Late.": {"level": 2}, "Rude.": {"level": 1}}), Rater("bob", {"Rude.": {"level": 2}})
    >>> merge_raters([ann, bob])[["text", "level", "weight", "raters"]].values.tolist()
    [['Late.', 2, 1.0, 1], ['Rude.', 1, 0.5, 2]]
    """
    texts = texts or Texts({}, {})
    rows = []
    for item in dict.fromkeys(item for rater in raters for item in rater.ratings):
        given = [rater.ratings[item] for rater in raters if item in rater.ratings]
        labels, share = merge_labels(given)
        row = {"id": texts.ids.get(item, ""), "text": texts.texts.get(item, item), **{target: labels.get(target) for target in TARGETS}}
        rows.append({**row, "weight": round(share, 4), "raters": len(given)})
    return pd.DataFrame(rows, columns=["id", "text", *TARGETS, "weight", "raters"]).astype(object)


def render(found: Agreement, title: str = "") -> str:
    """Return the figures for a terminal of 80 columns."""
    lines = [f"{title}{found.n_items:,} items rated by two or more, {len(found.disputed):,} to adjudicate", ""]
    lines.append(f"{'':<22} {'measure':<15} {'n':>6} {'value':>6}  95% interval")
    names = {str(category.value): category.name for category in CATEGORIES}
    between = "all"
    for figure in found.figures:
        if figure.between != between:
            between = figure.between
            lines += ["", between]
        name = names.get(figure.what, figure.what if figure.what == "level" else f"  {figure.what}")
        limits = f"  {figure.low:.2f} to {figure.high:.2f}" if figure.low == figure.low else ""
        value = f"{figure.value:6.2f}" if figure.value == figure.value else "     -"
        lines.append(f"{name:<22} {figure.measure:<15} {figure.n:6,} {value}{limits}")
    if found.leans:
        lines += ["", "Levels above (+) or below (-) the others' on the same items"]
        for lean in found.leans:
            lines.append(f"{lean.name:<22} {lean.mean:+.2f} ({lean.low:+.2f} to {lean.high:+.2f}) on {lean.n:,}  {lean.verdict}".rstrip())
    return "\n".join(lines)
