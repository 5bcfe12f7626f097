"""One or two steps up: what separates a group's interactions from the step above, and what mending it would bring."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from servicenlp.insights.results import Result, describe
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.statistics import ALPHA, SMALL, Floats, adjust, bootstrap, two_shares
from servicenlp.insights.tally import ALL, Tally
from servicenlp.taxonomy import CATEGORIES, CATEGORY_NAMES, CAUSES, LEVELS, values

_OUTCOMES = [str(value) for value in values("primary")]
_PATTERNS = list(product(_OUTCOMES, repeat=len(CATEGORY_NAMES)))
_N_LEVELS, _TIMES, _PRIOR = len(LEVELS), 300, 5.0
_TITLES = {str(label.value): label.name for label in (*CATEGORIES, *CAUSES)}
_AT = {pattern: i for i, pattern in enumerate(_PATTERNS)}


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the tables of this theme."""
    del rules
    gaps, rises = separating(tally), estimates(tally)
    n = sum(n for (by, *_), n in tally.counts["levels"].items() if not by)
    return [
        describe("steps_up", gaps, _said(gaps, n), alpha=ALPHA, small=SMALL),
        describe("rises", rises, _said_rise(rises, n), prior=_PRIOR, times=_TIMES),
    ]


def matrices(tally: Tally) -> dict[tuple[str, str], Floats]:
    """Return for each group the counts by outcomes of the four categories (81 rows) and level (6 columns)."""
    found: dict[tuple[str, str], Floats] = {}
    for (by, group, level, *outcomes), n in tally.counts["patterns"].items():
        table = found.setdefault((by, group), np.zeros((len(_PATTERNS), _N_LEVELS)))
        if (pattern := tuple(outcomes)) in _AT:
            table[_AT[pattern], level - 1] += n
    return found


def has(category: str, outcome: str) -> np.ndarray:
    """Return which of the patterns have an outcome in a category."""
    k = CATEGORY_NAMES.index(category)
    return np.array([pattern[k] == outcome for pattern in _PATTERNS])


def _targets(table: Floats) -> list[tuple[int, int, int]]:
    """Return (today's level, steps, target): the median, and one and two steps above."""
    today = int(np.searchsorted(np.cumsum(table.sum(axis=0)), table.sum() / 2)) + 1
    return [(today, step, today + step) for step in (1, 2) if today + step <= _N_LEVELS]


def separating(tally: Tally) -> pd.DataFrame:
    """Return what is more (or less) common under each group's target than at it, ranked."""
    tables = matrices(tally)
    columns = ["by", "group", "today", "steps", "target", "what", "name", "side", "below", "at", "gap", "p"]
    if ("", ALL) not in tables:
        return pd.DataFrame(columns=columns)
    parts = []
    for (by, group), table in tables.items():
        if table.sum() < SMALL:
            continue
        for today, step, target in _targets(table):
            rows = [*_categories(table, tables["", ALL], target), *_causes(tally, by, group, target)]
            part = pd.DataFrame([(by, group, today, step, target, *row) for row in rows], columns=columns)
            part["p"] = adjust(part["p"]) if len(part) else part["p"]
            parts.append(part[(part["p"] < ALPHA) & (part["gap"] > 0)].sort_values("gap", ascending=False))
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def _categories(table: Floats, whole: Floats, target: int) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    below, at = table[:, : target - 1].sum(axis=1), whole[:, target - 1 :].sum(axis=1)
    for category in CATEGORY_NAMES:
        for outcome, sign in (("failed", 1), ("delighted", -1)):
            which = has(category, outcome)
            rows.append(("category", _TITLES[category], outcome, *_gap(below[which].sum(), below.sum(), at[which].sum(), at.sum(), sign)))
    return rows


def _causes(tally: Tally, by: str, group: str, target: int) -> list[tuple[object, ...]]:
    counts = tally.counts["causes"]
    names = [str(value) for value in values("cause") if value != "none"]

    def told(where: tuple[str, str], levels: Sequence[int], cause: str) -> int:
        return sum(counts[(*where, cause, level)] for level in levels)

    below, at = range(1, target), range(target, _N_LEVELS + 1)
    n = sum(told((by, group), below, str(cause)) for cause in values("cause"))
    m = sum(told(("", ALL), at, str(cause)) for cause in values("cause"))
    return [("cause", _TITLES[c], "decided", *_gap(told((by, group), below, c), n, told(("", ALL), at, c), m, 1)) for c in names]


def _gap(count: float, n: float, other: float, m: float, sign: int) -> tuple[float, float, float, float]:
    if min(n, m) == 0:
        return np.nan, np.nan, np.nan, 1.0
    p = two_shares(count, n, other, m) if n >= SMALL / 3 and m >= SMALL / 3 else 1.0
    return count / n, other / m, sign * (count / n - other / m), p


def estimates(tally: Tally) -> pd.DataFrame:
    """Return how many interactions of each group would rise if a category stopped failing."""
    tables = matrices(tally)
    columns = ["by", "group", "steps", "target", "category", "n", "failing", "rise", "low", "high", "share"]
    if ("", ALL) not in tables:
        return pd.DataFrame(columns=columns)
    whole = _samples(tables["", ALL], tally.seed)
    chances = {target: _chances(whole, target) for target in range(2, _N_LEVELS + 1)}
    rows = []
    for number, ((by, group), table) in enumerate(tables.items()):
        if table.sum() < SMALL:
            continue
        own = whole if (by, group) == ("", ALL) else _samples(table, tally.seed + number)
        for _, step, target in _targets(table):
            for category in CATEGORY_NAMES:
                rise = _rise(own, chances[target], category, target)
                failing = table[has(category, "failed"), : target - 1].sum()
                low, high = np.percentile(rise[1:], [2.5, 97.5])
                told = (int(table.sum()), int(failing), rise[0], low, high, rise[0] / table.sum())
                rows.append((by, group, step, target, _TITLES[category], *told))
    found = pd.DataFrame(rows, columns=columns)
    found = found[found["failing"] > 0]
    return found.sort_values(["by", "group", "steps", "rise"], ascending=[True, True, True, False], ignore_index=True)


def _samples(table: Floats, seed: int) -> Floats:
    """Return the counts as they are, and after them bootstrap samples."""
    return np.concatenate([table[None], bootstrap(table.ravel(), _TIMES, seed).reshape(-1, *table.shape)])


def _chances(samples: Floats, target: int) -> Floats:
    """Return for each sample and pattern the chance to reach the target, drawn towards that of its kind."""
    n, reached = samples.sum(axis=2), samples[:, :, target - 1 :].sum(axis=2)
    kinds = np.eye(_KINDS.max() + 1)[_KINDS]
    prior = (reached @ kinds) / np.maximum(n @ kinds, 1)
    return np.asarray((reached + _PRIOR * prior[:, _KINDS]) / (n + _PRIOR), float)


def _rise(samples: Floats, chances: Floats, category: str, target: int) -> Floats:
    """Return for each sample the expected number of failing interactions that would reach the target."""
    failing = has(category, "failed")
    k = CATEGORY_NAMES.index(category)
    mended = [_AT[(*pattern[:k], "none", *pattern[k + 1 :])] for pattern, fails in zip(_PATTERNS, failing, strict=True) if fails]
    return np.asarray((samples[:, failing, : target - 1].sum(axis=2) * chances[:, mended]).sum(axis=1), float)


# Patterns with as many failures, and with or without a delight, are of a kind.
_KINDS = np.array([2 * pattern.count("failed") + ("delighted" in pattern) for pattern in _PATTERNS])


def _said(gaps: pd.DataFrame, n: float) -> str:
    whole = gaps[(gaps["group"] == ALL) & (gaps["steps"] == 1)]
    if n < SMALL:
        return f"Fewer than {SMALL} interactions: nothing is said of the step above."
    if whole.empty:
        return "Nothing separates the interactions under the target from those at it by more than noise."
    row = whole.iloc[0]
    return (
        f"One step up is level {row['target']}; what most separates the rest from it: {row['name']} {row['side']} in {row['below']:.0%} of "
        f"the interactions below, {row['at']:.0%} of those at it or above."
    )


def _said_rise(rises: pd.DataFrame, n: float) -> str:
    whole = rises[(rises["group"] == ALL) & (rises["steps"] == 1)]
    if n < SMALL:
        return f"Fewer than {SMALL} interactions: nothing is estimated."
    if whole.empty:
        return "No category fails under the target, so none could rise by it."
    row = whole.iloc[0]
    return (
        f"An estimated {row['rise']:,.0f} of {row['n']:,} interactions ({row['low']:,.0f} to {row['high']:,.0f}) would reach "
        f"level {row['target']} if {row['category']} stopped failing."
    )
