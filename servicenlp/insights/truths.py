"""Four truths: the value map, who pays, process or person, and the customer's own part."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from servicenlp.insights.results import Result, describe, many
from servicenlp.insights.rings import mention_table
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.statistics import SMALL, Floats, bootstrap, rows_of, wilson
from servicenlp.insights.steps import has, matrices
from servicenlp.insights.tally import ALL, Tally
from servicenlp.taxonomy import CATEGORIES, CATEGORY_NAMES, CAUSES, LEVELS

_TIMES = 500
_SLIGHT, _SLIGHT_SHARE = 0.1, 0.01  # of the mean importance, and of all interactions: less is not worth telling
_LEAST = 5  # failures and delights without which nothing is said of what a category moves
_NAMES = {str(label.value): label.name for label in CATEGORIES} | {"any": "any category"}


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the tables of this theme."""
    value, paid = value_map(tally), mention_table(tally, rules, "payment", "payment")
    blame, effort = causes(tally), mention_table(tally, rules, "effort", "effort")
    return [
        describe("value_map", value, _said_value(value), times=_TIMES, least=_LEAST),
        describe("who_pays", paid, _said_mention(paid, "No fee, waiver or contract was told of.")),
        describe("causes", blame, _said_causes(blame)),
        describe("effort", effort, _said_mention(effort, "No effort, slip or self-service was told of.")),
    ]


def value_map(tally: Tally) -> pd.DataFrame:
    """Return importance and performance of each category in each group."""
    rows = []
    for number, ((by, group), table) in enumerate(matrices(tally).items()):
        if table.sum() < SMALL:
            continue
        samples = [table, *bootstrap(table.ravel(), _TIMES, tally.seed + number).reshape(-1, *table.shape)]
        importance = np.array([_effects(sample) for sample in samples])
        performance = np.array([_performance(sample) for sample in samples])
        mean, mean_performance = importance.mean(axis=1, keepdims=True), performance.mean(axis=1, keepdims=True)
        against = np.percentile((importance - mean)[1:], [0.5, 99.5], axis=0)  # wider, for four are compared
        ahead = np.percentile((performance - mean_performance)[1:], [0.5, 99.5], axis=0)
        ends, reach = (np.percentile(values[1:], [2.5, 97.5], axis=0) for values in (importance, performance))
        for k, category in enumerate(CATEGORY_NAMES):
            n = [int(table[has(category, outcome)].sum()) for outcome in ("failed", "delighted")]
            told = importance[0, k], ends[0, k], ends[1, k], importance[0, k] / max(importance[0].sum(), 1e-9)
            far = _off(against[:, k], _SLIGHT * abs(mean[0, 0])) if min(n) >= _LEAST else 0
            advice = _ADVICE.get((far, _off(ahead[:, k], _SLIGHT_SHARE)), _NOISE)
            rows.append((by, group, _NAMES[category], int(table.sum()), *n, *told, performance[0, k], reach[0, k], reach[1, k], advice))
    columns = ["by", "group", "category", "n", "failed", "delighted", "importance", "importance_low", "importance_high", "share",
               "performance", "performance_low", "performance_high", "advice"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


# Failed and delighted of each category, for each of the patterns that `matrices` counts.
_DESIGN = np.column_stack([has(c, outcome) for c, outcome in product(CATEGORY_NAMES, ("failed", "delighted"))]).astype(float)
_LEVEL = np.array([int(label.value) for label in LEVELS], float)


def _effects(table: Floats) -> Floats:
    """Return how far the level moves from failed to delighted in each category; least squares with a trace of ridge."""
    n = table.sum(axis=1)
    total = max(n.sum(), 1.0)
    x = _DESIGN - n @ _DESIGN / total
    y = table @ _LEVEL - n * (table.sum(axis=0) @ _LEVEL / total)
    coefficients = np.linalg.solve((x * n[:, None]).T @ x + np.eye(x.shape[1]), x.T @ y)
    return np.asarray(coefficients[1::2] - coefficients[::2], float)


def _performance(table: Floats) -> Floats:
    n = table.sum(axis=1)
    return np.asarray((_DESIGN[:, 1::2] - _DESIGN[:, ::2]).T @ n / max(n.sum(), 1.0), float)


_NOISE = "no more than noise"
# By whether it moves the level more or less than the mean of the four, and whether it goes better or worse.
_ADVICE = {
    (1, 1): "matters more, goes better: keep",
    (1, -1): "matters more, goes worse: mend first",
    (-1, 1): "matters less, goes better: could spend less here",
    (-1, -1): "matters less, goes worse: may under-perform",
    (1, 0): "matters more",
    (-1, 0): "matters less",
    (0, -1): "goes worse",
    (0, 1): "goes better",
}


def _off(interval: Floats, slight: float) -> int:
    """Return on which side of zero an interval is, and by more than is slight; 0 where it is not."""
    return 1 if interval[0] > slight else -1 if interval[1] < -slight else 0


def causes(tally: Tally) -> pd.DataFrame:
    """Return the share of each cause among the failures of each category and group."""
    counts: dict[tuple[str, str, str, str], int] = {}
    for (by, group, category, cause, _), n in tally.counts["failures"].items():
        counts[by, group, category, cause] = counts.get((by, group, category, cause), 0) + n
    sizes: dict[tuple[str, str, str], int] = {}
    for (by, group, category, _), n in counts.items():
        sizes[by, group, category] = sizes.get((by, group, category), 0) + n
    names = {str(label.value): label.name for label in CAUSES} | {"none": "not to be told"}
    rows = []
    for (by, group, category), n in sorted(sizes.items()):
        for cause, name in names.items():
            count = int(counts.get((by, group, category, cause), 0))
            low, high = wilson(count, n)
            rows.append((by, group, _NAMES[category], cause, name, int(n), count, count / n, float(low), float(high)))
    return pd.DataFrame(rows, columns=["by", "group", "category", "cause", "name", "n", "count", "share", "low", "high"])


def _said_value(value: pd.DataFrame) -> str:
    whole = value[value["group"] == ALL]
    if whole.empty:
        return f"Fewer than {SMALL} interactions: no map."
    ranked = sorted(rows_of(whole), key=lambda row: -row["importance"])
    if ranked[0]["importance_low"] <= 0:
        return "No category moves the level by more than noise."
    told = [f"{row['category']} {row['advice']}" for row in ranked if row["advice"] != _NOISE]
    lead = f"From failed to delighted a category moves the level by {ranked[-1]['importance']:.1f} to {ranked[0]['importance']:.1f} levels"
    if not any("matters" in row["advice"] for row in ranked):
        lead += ", none more or less than the others beyond noise"
    return lead + (f". Against the mean of the four, {'; '.join(told)}." if told else ".")


def _said_mention(table: pd.DataFrame, otherwise: str) -> str:
    if table.empty:
        return otherwise
    first = table.iloc[0]
    return f"Most often: {first['name']}, in {many(first['count'], 'interaction')}, mean level {first['mean_level']:.2f}."


def _share(row: dict[str, Any]) -> str:
    return f"{row['share']:.0%} ({row['low']:.0%} to {row['high']:.0%})"


def _said_causes(blame: pd.DataFrame) -> str:
    whole = {row["cause"]: row for row in rows_of(blame[(blame["group"] == ALL) & (blame["category"] == _NAMES["any"])])}
    if not whole:
        return "Nothing failed."
    process, person = whole["process"], whole["person"]
    if process["n"] < SMALL:
        return f"Only {many(process['n'], 'interaction')} with a failure: too few to say what failures come of."
    return f"Of {process['n']:,} interactions with a failure, {_share(process)} came of a process, {_share(person)} of a person."
