"""The staircase slides down: levels over time, where they change for good, and gestures that have become usual."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from servicenlp.insights.results import Result, describe
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.statistics import (
    ALPHA,
    SMALL,
    Floats,
    adjust,
    change_points,
    each,
    level_counts,
    mean_level,
    rows_of,
    two_shares,
    wilson,
)
from servicenlp.insights.tally import ALL, Tally

RARE, COMMON, USUAL = 0.03, 0.05, 0.20  # shares of interactions in which a gesture is told
RATIO = 2.5
_KEYS = ["by", "group", "period"]


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the tables of this theme; all are empty where no date is known."""
    counts = over_time(tally)
    moved, steps, told = changes(counts), drift(tally, rules), gestures(tally, rules)
    today = against_today(counts, tally, steps)
    return [
        describe("levels_over_time", shares(counts), _said_mix(today), period=tally.plan.period),
        describe("means_over_time", today, _said_today(today)),
        describe("changes", moved, _said_moved(moved)),
        describe("gestures", told, _said_gestures(told)),
        describe("drift", steps, _said_drift(steps), rare=RARE, common=COMMON, ratio=RATIO, usual=USUAL, alpha=ALPHA, small=SMALL),
    ]


def over_time(tally: Tally) -> pd.DataFrame:
    """Return the counts of levels 1 to 6 of each group and period."""
    table = tally.frame("levels")
    return level_counts(table[table["period"] != ""], _KEYS)


def shares(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each level in each group and period, with its interval."""
    n = counts.sum(axis=1)
    table = counts.reset_index().melt(_KEYS, var_name="level", value_name="count").sort_values([*_KEYS, "level"], ignore_index=True)
    table["n"] = n.reindex(pd.MultiIndex.from_frame(table[_KEYS])).to_numpy(int) if len(table) else []
    table["share"] = table["count"] / table["n"]
    table["low"], table["high"] = wilson(table["count"], table["n"])
    return table[[*_KEYS, "n", "level", "count", "share", "low", "high"]].astype({"count": int, "level": int})


def changes(counts: pd.DataFrame) -> pd.DataFrame:
    """Return where each group's mean level changes for good."""
    rows: list[tuple[object, ...]] = []
    by_group: dict[tuple[str, str], dict[str, Floats]] = {}
    for (by, group, period), row in each(counts):
        by_group.setdefault((by, group), {})[period] = row
    for (by, group), own in by_group.items():
        periods, series = list(own), np.array(list(own.values()))
        if series.sum() < SMALL:
            continue
        n, mean = series.sum(axis=1), [mean_level(row).mean for row in series]
        variance = _within(series)
        found = [0, *change_points(np.array(mean), n / variance, len(by_group)), len(series)] if variance > 0 else [0, len(series)]
        for i in range(1, len(found) - 1):
            before, after = series[found[i - 1] : found[i]].sum(axis=0), series[found[i] : found[i + 1]].sum(axis=0)
            rows.append((by, group, periods[found[i]], *_difference(before, after)))
    columns = ["by", "group", "period", "n_before", "n_after", "before", "after", "difference", "low", "high", "bad_before", "bad_after"]
    return pd.DataFrame(rows, columns=columns)


def _within(series: Floats) -> float:
    """Return the variance of a level within periods, which no slide inflates."""
    told = [(row.sum(), mean_level(row).variance) for row in series if row.sum() > 1]
    return float(sum((n - 1) * variance for n, variance in told) / max(1, sum(n - 1 for n, _ in told)))


def _difference(before: Floats, after: Floats) -> tuple[float, ...]:
    a, b = mean_level(before), mean_level(after)
    half = 1.96 * np.sqrt(a.variance / before.sum() + b.variance / after.sum())
    move = b.mean - a.mean
    bad = [float(counts[:2].sum() / counts.sum()) for counts in (before, after)]
    return int(before.sum()), int(after.sum()), a.mean, b.mean, move, move - half, move + half, *bad


def gestures(tally: Tally, rules: RuleSet) -> pd.DataFrame:
    """Return how often each gesture is told in each period of the whole."""
    names = {rule.id: rule.name for rule in rules.of("gesture")}
    told = tally.frame("mentions")
    told = told[(told["by"] == "") & (told["period"] != "") & told["rule"].isin(names)]
    n = _sizes(tally)
    counts = level_counts(told, ["rule", "period"])
    rows = []
    told_levels = dict(each(counts))
    for rule in names:
        for period, size in n.items():
            row = told_levels.get((rule, period), np.zeros(6))
            rows.append((rule, names[rule], period, int(size), int(row.sum()), mean_level(row).mean))
    table = pd.DataFrame(rows, columns=["gesture", "name", "period", "n", "count", "mean_level"])
    table.insert(5, "share", table["count"] / table["n"])
    low, high = wilson(table["count"], table["n"])
    table.insert(6, "low", low)
    table.insert(7, "high", high)
    return table


def _sizes(tally: Tally) -> pd.Series:
    """Return how many interactions of the whole each period has, in the order of time."""
    table = tally.frame("levels")
    return table[(table["by"] == "") & (table["period"] != "")].groupby("period")["n"].sum().sort_index()


class _Third(NamedTuple):
    """Some periods at one end: how many interactions they hold, and a gesture's."""

    periods: list[str]
    n: int

    @property
    def name(self) -> str:
        return self.periods[0] if len(self.periods) == 1 else f"{self.periods[0]} to {self.periods[-1]}"


def period_thirds(tally: Tally) -> tuple[_Third, _Third] | None:
    """Return the first and the last third of the periods; None where there are too few periods or interactions."""
    n = _sizes(tally)
    size = max(1, len(n) // 3)
    first, last = (_Third(list(part.index), int(part.sum())) for part in (n.iloc[:size], n.iloc[-size:]))
    return (first, last) if len(n) >= 3 and min(first.n, last.n) >= SMALL else None


def drift(tally: Tally, rules: RuleSet) -> pd.DataFrame:
    """Return the share of each gesture then and now, and how many steps it has slid."""
    columns = ["gesture", "name", "then", "now", "share_then", "share_now", "p", "steps", "level_before", "level_after", "arithmetic"]
    table, ends = gestures(tally, rules), period_thirds(tally)
    if ends is None:
        return pd.DataFrame(columns=columns)
    rows = []
    for gesture, name in dict.fromkeys(zip(table["gesture"], table["name"], strict=True)):
        own = table[table["gesture"] == gesture]
        parts = [own[own["period"].isin(end.periods)] for end in ends]
        counts = [int(part["count"].sum()) for part in parts]
        if not sum(counts):
            continue
        levels = [_weighted(part) for part in parts]
        then, now = (count / end.n for count, end in zip(counts, ends, strict=True))
        p = two_shares(counts[0], ends[0].n, counts[1], ends[1].n)
        told = [f"{count:,} of {end.n:,} ({count / end.n:.1%}) in {end.name}" for count, end in zip(counts, ends, strict=True)]
        rows.append([gesture, name, *counts, then, now, p, 0, *levels, " -> ".join(told)])
    found = pd.DataFrame(rows, columns=columns)
    found["p"] = adjust(found["p"]) if len(found) else found["p"]
    slid = (found["p"] < ALPHA) & (found["share_then"] < RARE) & (found["share_now"] >= COMMON)
    slid &= found["share_now"] >= RATIO * found["share_then"]
    found["steps"] = slid.astype(int) + (slid & (found["share_now"] >= USUAL)).astype(int)
    return found.sort_values(["steps", "p", "gesture"], ascending=[False, True, True], ignore_index=True)


def _weighted(part: pd.DataFrame) -> float:
    told = part[part["count"] > 0]
    return float(np.average(told["mean_level"], weights=told["count"])) if len(told) else float("nan")


def against_today(counts: pd.DataFrame, tally: Tally, steps: pd.DataFrame) -> pd.DataFrame:
    """Return the mean level of each group and period, raw and against today's expectations."""
    slid = dict(zip(steps["gesture"], steps["steps"], strict=True))
    told = tally.frame("gestures")
    moved = counts.to_numpy(float).copy()
    place = {key: i for i, key in enumerate(counts.index.tolist())}
    for row in rows_of(told[told["period"] != ""]):
        # A level rests on the gesture that is still the rarest: while one of them surprises, it stands.
        down = min(slid.get(name, 0) for name in row["gestures"].split("+"))
        new = max(min(row["level"], 3), row["level"] - down)
        at = place[row["by"], row["group"], row["period"]]
        moved[at, row["level"] - 1] -= row["n"]
        moved[at, new - 1] += row["n"]
    rows = []
    for (key, raw), lower in zip(each(counts), moved, strict=True):
        n = int(raw.sum())
        rows.append((*key, n, *mean_level(raw)[:3], mean_level(lower).mean, raw[:2].sum() / n, raw[3:].sum() / n))
    return pd.DataFrame(rows, columns=[*_KEYS, "n", "mean", "low", "high", "today", "disappointed", "pleased"])


def _said_moved(moved: pd.DataFrame) -> str:
    if moved.empty:
        return "No group's level has changed for good by more than noise."
    row = max(rows_of(moved), key=lambda row: abs(row["difference"]))
    whose = "the whole" if row["group"] == ALL else f"{row['by']} {row['group']}"
    way = "fell" if row["difference"] < 0 else "rose"
    return (
        f"{len(moved)} change{'s' if len(moved) > 1 else ''} for good; the largest: from {row['period']} on the mean level of {whose} "
        f"{way} from {row['before']:.2f} to {row['after']:.2f}."
    )


def _said_mix(today: pd.DataFrame) -> str:
    rows = rows_of(today[(today["group"] == ALL) & (today["n"] >= SMALL)])
    if not rows:
        return f"No period holds {SMALL} interactions with a date, so no share is told of any."
    if len(rows) == 1:
        return f"Only {rows[0]['period']} holds {SMALL} interactions or more, so no periods are compared."
    worst, best = max(rows, key=lambda row: row["disappointed"]), min(rows, key=lambda row: row["disappointed"])
    return (
        f"Of the periods with {SMALL} interactions or more, {worst['period']} disappointed most ({worst['disappointed']:.0%} of "
        f"{worst['n']:,}), {best['period']} least ({best['disappointed']:.0%} of {best['n']:,})."
    )


def _said_gestures(told: pd.DataFrame) -> str:
    counts = told.groupby("name", sort=False)["count"].sum()
    if not counts.sum():
        return "No gesture is told of in an interaction with a date."
    n = int(told.drop_duplicates("period")["n"].sum())
    return f"Most often told: {counts.idxmax()}, in {counts.max():,} of {n:,} interactions with a date."


def _said_today(today: pd.DataFrame) -> str:
    whole = today[today["group"] == ALL]
    if whole.empty:
        return "No date was named, so there is nothing over time."
    first, *_, last = rows_of(whole) * 2
    if first is last:
        return f"All dates are in {first['period']}, so there is nothing over time."
    return (
        f"From {first['period']} to {last['period']} the mean level went from {first['mean']:.2f} to {last['mean']:.2f}; against today's "
        f"expectations from {first['today']:.2f} to {last['today']:.2f}."
    )


def _said_drift(steps: pd.DataFrame) -> str:
    slid = steps[steps["steps"] > 0]
    if slid.empty:
        return "No gesture has become usual enough to slide a step."
    return (
        f"{', '.join(slid['name'])}: rare then, common now, and worth {'a step' if slid['steps'].max() == 1 else 'a step or two'} less. "
        + (f"{slid.iloc[0]['name'].capitalize()}: {slid.iloc[0]['arithmetic']}.")
    )
