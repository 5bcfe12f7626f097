"""The staircase slides down: levels over time, where they change for good, and gestures that have become usual."""

from itertools import pairwise
from typing import Any, NamedTuple

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
_NO_DATE = "No date is known, so there is nothing over time."
TOO_SHORT = f"Fewer than three periods, or fewer than {SMALL} interactions at one end of them: too few to tell what moves."


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the tables of this theme; all are empty where no date is known."""
    counts = over_time(tally)
    moved, steps, told = changes(counts), drift(tally, rules), gestures(tally, rules)
    today = against_today(counts, tally, steps)
    said = [_NO_DATE] * 5
    if len(counts):
        slide = _said_drift(steps) if period_thirds(tally) else TOO_SHORT
        said = [_said_mix(today), _said_today(today), _said_moved(moved), _said_gestures(told), slide]
    mix, means, moves, given, slid = said
    return [
        describe("levels_over_time", shares(counts), mix, period=tally.plan.period),
        describe("means_over_time", today, means, small=SMALL),
        describe("changes", moved, moves, small=SMALL),
        describe("gestures", told, given),
        describe("drift", steps, slid, rare=RARE, common=COMMON, ratio=RATIO, usual=USUAL, alpha=ALPHA, small=SMALL),
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
        points = change_points(np.array(mean), n / variance, len(by_group)) if variance > 0 else []
        found = _joined([0, *points, len(series)], series)
        for i in range(1, len(found) - 1):
            before, after = series[found[i - 1] : found[i]].sum(axis=0), series[found[i] : found[i + 1]].sum(axis=0)
            rows.append((by, group, periods[found[i]], *_difference(before, after)))
    columns = ["by", "group", "period", "n_before", "n_after", "before", "after", "difference", "low", "high", "bad_before", "bad_after"]
    return pd.DataFrame(rows, columns=columns)


def _joined(ends: list[int], series: Floats) -> list[int]:
    """Return the ends of stretches after each that is small has gone to that neighbour whose mean is the nearer."""
    while len(ends) > 2:
        parts = [series[start:end].sum(axis=0) for start, end in pairwise(ends)]
        small = next((i for i, part in enumerate(parts) if part.sum() < SMALL), None)
        if small is None:
            break
        means = [mean_level(part).mean for part in parts]
        near = min((i for i in (small - 1, small + 1) if 0 <= i < len(parts)), key=lambda i: abs(means[i] - means[small]))
        del ends[max(small, near)]
    return ends


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
        return "No group's level has changed to last, by more than noise."
    whole, groups = (rows_of(moved[(moved["by"] == "") == own]) for own in (True, False))
    told = "The whole: " + "; ".join(map(_way, whole)) if whole else "The whole shows no change that lasts"
    if not groups:
        return told + "."
    most = max(groups, key=lambda row: abs(row["difference"]))
    names = {(row["by"], row["group"]) for row in groups}
    some = f"{len(names)} groups changed, most of all" if len(names) > 1 else "Of the groups, one changed:"
    ways = [_way(row) for row in groups if (row["by"], row["group"]) == (most["by"], most["group"])]
    return f"{told}. {some} {most['by']} {most['group']}: {'; '.join(ways)}."


def _way(row: dict[str, Any]) -> str:
    way = "fell" if row["difference"] < 0 else "rose"
    return f"the mean level {way} from {row['before']:.2f} to {row['after']:.2f} in {row['period']}"


def _said_mix(today: pd.DataFrame) -> str:
    rows = rows_of(today[(today["group"] == ALL) & (today["n"] >= SMALL)])
    if not rows:
        return f"No period holds {SMALL} interactions with a date, so no share is told of any."
    if len(rows) == 1:
        return f"Only {rows[0]['period']} holds {SMALL} interactions or more, so no periods are compared."
    worst, best = max(rows, key=lambda row: row["disappointed"]), min(rows, key=lambda row: row["disappointed"])
    counts = [(round(row["disappointed"] * row["n"]), row["n"]) for row in (worst, best)]
    # The highest and the lowest of all are compared, so that it counts as one of as many comparisons as there are pairs.
    noise = two_shares(*counts[0], *counts[1]) * len(rows) * (len(rows) - 1) / 2 >= ALPHA
    return (
        f"Of the periods with {SMALL} interactions or more, {worst['period']} disappointed most ({worst['disappointed']:.0%} of "
        f"{worst['n']:,}), {best['period']} least ({best['disappointed']:.0%} of {best['n']:,})"
        + (", which is no more than noise." if noise else ".")
    )


def _said_gestures(told: pd.DataFrame) -> str:
    counts = told.groupby("name", sort=False)["count"].sum()
    if not counts.sum():
        return "No gesture is told of in an interaction with a date."
    n = int(told.drop_duplicates("period")["n"].sum())
    return f"Most often told: {counts.idxmax()}, in {counts.max():,} of {n:,} interactions with a date."


def _said_today(today: pd.DataFrame) -> str:
    whole = today[today["group"] == ALL]
    first, *_, last = rows_of(whole) * 2
    if first is last:
        return f"All dates are in {first['period']}, so there is nothing over time."
    told = f"From {first['period']} to {last['period']} the mean level went from {first['mean']:.2f} to {last['mean']:.2f}"
    if min(first["n"], last["n"]) < SMALL:
        told += f" (fewer than {SMALL} interactions at one end, so no difference is claimed)"
    elif abs(first["mean"] - last["mean"]) < np.hypot(first["high"] - first["low"], last["high"] - last["low"]) / 2:
        told += " (no more than noise)"
    if not np.any(whole["mean"] - whole["today"] > 0.005):
        return told + "; no gesture has slid, so today's expectations are the same."
    return told + f"; against today's expectations from {first['today']:.2f} to {last['today']:.2f}."


def _said_drift(steps: pd.DataFrame) -> str:
    slid = steps[steps["steps"] > 0]
    if slid.empty:
        return "No gesture has become usual enough to slide a step."
    return (
        f"{', '.join(slid['name'])}: rare then, common now, and worth {'a step' if slid['steps'].max() == 1 else 'a step or two'} less. "
        + (f"{slid.iloc[0]['name'].capitalize()}: {slid.iloc[0]['arithmetic']}.")
    )
