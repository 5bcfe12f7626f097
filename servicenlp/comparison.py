"""Two models on the same interactions: which change level, and which figures differ by more than chance."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from servicenlp.classifier import ServiceClassifier, require_level
from servicenlp.evaluation import calibration_bins
from servicenlp.grouping import split_groups
from servicenlp.taxonomy import CATEGORY_NAMES, TARGETS, values

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TIMES = 1000
_CHUNK = 100  # draws held at a time
_ENOUGH = 20  # groups, below which interactions are drawn one by one
_TOP = 0.3


class Comparison(NamedTuple):
    """What two models make of the same interactions.

    Attributes
    ----------
    figures : DataFrame
        figure, a, b, difference (b less a), low and high (its 95% interval); empty without labels.
    changed : DataFrame
        The interactions whose level changed, the farthest first: what is known of them, level
        (the label, if there is one), level_a, level_b, confidence_a, confidence_b, text.
    shift : DataFrame
        Level by the first model (rows) and by the second (columns).
    n : int
        How many interactions there are.
    """

    figures: pd.DataFrame
    changed: pd.DataFrame
    shift: pd.DataFrame
    n: int


def compare_models(a: ServiceClassifier, b: ServiceClassifier, table: pd.DataFrame, *, times: int = TIMES, seed: int = 0) -> Comparison:
    """Compare two models.

    Parameters
    ----------
    a, b : ServiceClassifier
        Fitted on the level at least.
    table : DataFrame
        Column text; targets where they are known.
    times : int
        Bootstrap samples: whole families where there are 20 at least, else interactions with their
        near-copies; both models are judged on the same ones (Efron and Tibshirani 1993, *An
        Introduction to the Bootstrap*, percentile interval).
    seed : int
        Of the samples.

    Examples
    --------
    >>> from servicenlp import load_model
    >>> model = load_model()
    >>> table = pd.DataFrame({"text": ["They lied to me.", "Quick and kind."], "level": [1, 4]})
    >>> len(compare_models(model, model, table, times=10).changed)
    0
    """
    for model in (a, b):
        require_level(model)
    table = table.reset_index(drop=True)
    frames = [model.predict_frame(table["text"]) for model in (a, b)]
    levels = [frame["level"].to_numpy() for frame in frames]
    columns = [f"p_level_{level}" for level in values("level")]
    sure = [frame[columns].to_numpy().max(axis=1) for frame in frames]
    known = [name for name in ("file", "row", "id", "level") if name in table]
    items = table[known].assign(level_a=levels[0], level_b=levels[1], confidence_a=sure[0].round(4), confidence_b=sure[1].round(4))
    items = items.assign(text=table["text"])[levels[0] != levels[1]]
    far = (items["level_a"] - items["level_b"]).abs().sort_values(ascending=False, kind="stable").index
    shift = pd.crosstab(pd.Series(levels[0], name="level"), pd.Series(levels[1], name="level"))
    shift = shift.reindex(index=values("level"), columns=values("level"), fill_value=0)
    return Comparison(_differences(frames, table, times, seed), items.loc[far], shift, len(table))


def _differences(frames: list[pd.DataFrame], table: pd.DataFrame, times: int, seed: int) -> pd.DataFrame:
    """Return each figure of both, their difference and its interval."""
    targets = [target for target in TARGETS if target in table and table[target].notna().any() and all(target in f for f in frames)]
    if not targets:
        return pd.DataFrame(columns=["figure", "a", "b", "difference", "low", "high"])
    tallies = [_tally(frame, table, targets) for frame in frames]
    whole = [_figures(np.ones((1, len(table))), tally) for tally in tallies]
    parts = []
    for draws in _draw(table, times, seed):
        sampled = [_figures(draws, tally) for tally in tallies]
        parts.append({name: sampled[1][name] - sampled[0][name] for name in whole[0]})
    rows = []
    for name in whole[0]:
        first, second = (float(figures[name][0]) for figures in whole)
        gaps = np.concatenate([part[name] for part in parts])
        gaps = gaps[np.isfinite(gaps)]
        low, high = np.percentile(gaps, [2.5, 97.5]) if len(gaps) else (np.nan, np.nan)
        rows.append({"figure": name, "a": first, "b": second, "difference": second - first, "low": low, "high": high})
    return pd.DataFrame(rows)


def _draw(table: pd.DataFrame, times: int, seed: int) -> Iterator[Floats]:
    """Yield samples as how often each interaction is in them, shape (n_samples, n_interactions)."""
    rng = np.random.default_rng(seed)
    bare = table.assign(family=table["family"] if "family" in table else "", file=table["file"] if "file" in table else "")
    group = pd.factorize(split_groups(bare)[0])[0]
    if group.max() + 1 < _ENOUGH:
        group = np.arange(len(table))
    n = int(group.max()) + 1
    for start in range(0, times, _CHUNK):
        yield rng.multinomial(n, np.full(n, 1 / n), size=min(_CHUNK, times - start)).astype(float)[:, group]


def _tally(frame: pd.DataFrame, table: pd.DataFrame, targets: list[str]) -> dict[str, Floats]:
    """Return, by target, what each interaction adds to the counts that its figures are made of."""
    tally = {}
    for target in targets:
        index = pd.Index(values(target))
        true, guess = index.get_indexer(pd.Index(table[target])), index.get_indexer(pd.Index(frame[target]))
        known = np.flatnonzero(true >= 0)
        tally[target] = np.zeros((len(table), len(index) ** 2))
        tally[target][known, true[known] * len(index) + guess[known]] = 1
        if target == "level":
            proba = frame[[f"p_level_{level}" for level in index]].to_numpy()
            tally["top"], tally["gaps"] = _rank(proba, true, known), np.zeros((len(table), 10))
            for k, part in enumerate(calibration_bins(proba[known])):
                at = known[part]
                tally["gaps"][at, k] = proba[at].max(axis=1) - (proba[at].argmax(axis=1) == true[at])
    return tally


def _rank(proba: Floats, true: Ints, known: Ints) -> Floats:
    """Return which interactions are criminal, and which of those among the likeliest."""
    top = np.zeros((len(true), 2))
    top[true == 0, 0] = 1
    first = known[np.argsort(-proba[known, 0], kind="stable")[: int(np.ceil(_TOP * len(known)))]]
    top[first[true[first] == 0], 1] = 1
    return top


def _figures(draws: Floats, tally: dict[str, Floats]) -> dict[str, Floats]:
    """Return the figures of `evaluate` for each sample; who is in the top 30% and in which bin is fixed."""
    out: dict[str, Floats] = {}
    counts = {
        target: (draws @ part).reshape(len(draws), *[round(part.shape[1] ** 0.5)] * 2)
        for target, part in tally.items()
        if target in TARGETS
    }
    with np.errstate(invalid="ignore", divide="ignore"):
        if "level" in counts:
            level, top = counts["level"], draws @ tally["top"]
            total, far = level.sum(axis=(1, 2)), abs(np.subtract.outer(np.arange(6), np.arange(6)))
            chance = level.sum(axis=2)[:, :, None] * level.sum(axis=1)[:, None, :] / total[:, None, None]
            out["level accuracy"] = level[:, far == 0].sum(axis=1) / total
            out["level within one"] = level[:, far <= 1].sum(axis=1) / total
            out["level quadratic kappa"] = 1 - (level * far**2).sum(axis=(1, 2)) / (chance * far**2).sum(axis=(1, 2))
            out["bad (1-2) F1"] = _f1(level[:, :2, :2].sum(axis=(1, 2)), level[:, :2].sum(axis=(1, 2)), level[:, :, :2].sum(axis=(1, 2)))
            out["criminal recall, top 30%"] = top[:, 1] / top[:, 0]
            out["calibration error"] = abs(draws @ tally["gaps"]).sum(axis=1) / total
        both = [_label_f1(counts[category])[:, 1:] for category in CATEGORY_NAMES if category in counts]
        if both:
            out["category mean F1"] = np.concatenate(both, axis=1).mean(axis=1)
        for target in list(TARGETS)[1 + len(CATEGORY_NAMES) :]:
            if target not in counts:
                continue
            seen = tally[target].sum(axis=0).reshape(counts[target].shape[1:]).sum(axis=1) > 0
            out[f"{target} macro F1"] = _label_f1(counts[target])[:, seen].mean(axis=1)
    return out


def _label_f1(counts: Floats) -> Floats:
    """Return the F1 of each label for each sample."""
    return _f1(np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2), counts.sum(axis=1))


def _f1(hit: Floats, true: Floats, guessed: Floats) -> Floats:
    return np.where(true + guessed > 0, 2 * hit / np.maximum(true + guessed, 1e-12), 0.0)


def render(compared: Comparison, a: str, b: str) -> str:
    """Return the comparison for a terminal of 80 columns.

    Parameters
    ----------
    compared : Comparison
        As `compare_models` gives it.
    a, b : str
        What the models are called.
    """
    n, changed = compared.n, compared.changed
    lines = [f"A {a}", f"B {b}", "", f"{n:,} interactions, {len(changed):,} ({len(changed) / n:.1%}) changed level"]
    if "level" in changed and len(changed):
        right = [(changed["level"] == changed[name]).sum() for name in ("level_a", "level_b")]
        lines[-1] += f": {right[1]:,} to the label, {right[0]:,} away from it"
    if len(compared.figures):
        lines += ["", f"{'figure':<28} {'A':>7} {'B':>7}  {'B - A':>7}  95% interval"]
        for row in compared.figures.to_dict("records"):
            mark = " *" if row["low"] > 0 or row["high"] < 0 else ""
            shown = f"{row['a']:7.3f} {row['b']:7.3f}  {row['difference']:+7.3f}  {row['low']:+.3f} to {row['high']:+.3f}{mark}"
            lines.append(f"{row['figure']:<28} {shown}")
        lines.append("* more than chance")
    lines += ["", "Level by A (rows) and by B (columns)", compared.shift.to_string()]
    return "\n".join(lines)
