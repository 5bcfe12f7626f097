"""The staircase slides down: levels over time, where they change for good, and gestures that have become usual."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from servicenlp.insights.results import Result
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.statistics import ALPHA, SMALL, adjust, change_points, level_counts, mean_level, two_shares, wilson
from servicenlp.insights.tally import ALL, Tally
from servicenlp.taxonomy import LEVELS

THEME = "The staircase slides down"
RARE, COMMON, USUAL = 0.03, 0.05, 0.20  # shares of interactions in which a gesture is told
RATIO = 2.5
_SOURCE = "Kaufman: each level slides down the staircase, since what surprises today is desired tomorrow and expected after that."
_KEYS = ["by", "group", "period"]
_LEVELS = [int(label.value) for label in LEVELS]


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the tables of this theme; all are empty where no date is known."""
    counts = over_time(tally)
    moved, steps = changes(counts), drift(tally, rules)
    today = against_today(counts, tally, steps)
    return [
        Result(
            "levels_over_time", "Level mix over time", THEME, shares(counts),
            f"For each group and {tally.plan.period} the share of interactions at each level with its 95% Wilson interval.",
            _SOURCE, _said_moved(moved),
        ),
        Result(
            "means_over_time", "Level over time, raw and against today's expectations", THEME, today,
            "mean is the mean level with its 95% interval. today is the same mean after each interaction that rests on gestures that have all "
            "slid (table drift) is taken down by as many steps, though not below 3: what it would be worth by today's expectations. "
            "disappointed is the share of levels 1 and 2, pleased that of 4 to 6.",
            _SOURCE, _said_today(today),
        ),
        Result(
            "changes", "Changes for good", THEME, moved,
            "Periods from which on a group's mean level differs from before, as found by PELT (package ruptures, weighted least squares, a "
            "penalty that lets one series in twenty give a false alarm when nothing has changed); before and after are the means of the "
            "stretches on both sides, with the 95% interval of their difference. Stretches of fewer than two periods are never told.",
            "Kaufman: the staircase; method: Killick, Fearnhead and Eckley (2012).", _said_moved(moved),
        ),
        Result(
            "gestures", "Gestures over time", THEME, gestures(tally, rules),
            "In how many interactions of each period a gesture is told, with the 95% Wilson interval of the share, and their mean level.",
            _SOURCE, _said_drift(steps),
        ),
        Result(
            "drift", "Gestures that slide", THEME, steps,
            "The share of interactions that tell of a gesture in the first and the last third of the periods. A gesture that was told in fewer "
            f"than {RARE:.0%} and is now told in {COMMON:.0%} or more, at least {RATIO} times as often, has slid one step; if now in {USUAL:.0%} "
            f"or more, two. p is corrected for the number of gestures and must be below {ALPHA}; both thirds need {SMALL} interactions. "
            "arithmetic shows the figures. level_before and level_after are the mean levels of the interactions that tell of it.",
            _SOURCE, _said_drift(steps),
        ),
    ]  # fmt: skip


def over_time(tally: Tally) -> pd.DataFrame:
    """Return the counts of levels 1 to 6 of each group and period."""
    table = tally.frame("levels")
    return level_counts(table[table["period"] != ""], _KEYS)


def shares(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each level in each group and period, with its interval."""
    n = counts.sum(axis=1)
    table = counts.stack().rename("count").reset_index().rename(columns={"level_5": "level"})
    table["n"] = n.reindex(pd.MultiIndex.from_frame(table[_KEYS])).to_numpy(int) if len(table) else []
    table["share"] = table["count"] / table["n"]
    table["low"], table["high"] = wilson(table["count"], table["n"])
    return table[[*_KEYS, "n", "level", "count", "share", "low", "high"]].astype({"count": int})


def changes(counts: pd.DataFrame) -> pd.DataFrame:
    """Return where each group's mean level changes for good."""
    rows: list[tuple[object, ...]] = []
    groups = [key for key, _ in counts.groupby(level=["by", "group"], sort=False)]
    for by, group in groups:
        series = counts.loc[(by, group)]
        if series.to_numpy().sum() < SMALL:
            continue
        n, mean = series.sum(axis=1).to_numpy(), [mean_level(row).mean for row in series.to_numpy()]
        variance = _within(series)
        found = [0, *change_points(np.array(mean), n / variance, len(groups)), len(series)] if variance > 0 else [0, len(series)]
        for i in range(1, len(found) - 1):
            before, after = series.iloc[found[i - 1] : found[i]].sum(), series.iloc[found[i] : found[i + 1]].sum()
            rows.append((by, group, series.index[found[i]], *_difference(before.to_numpy(), after.to_numpy())))
    columns = ["by", "group", "period", "n_before", "n_after", "before", "after", "difference", "low", "high", "bad_before", "bad_after"]
    return pd.DataFrame(rows, columns=columns)


def _within(series: pd.DataFrame) -> float:
    """Return the variance of a level within periods, which no slide inflates."""
    told = [(row.sum(), mean_level(row).variance) for row in series.to_numpy() if row.sum() > 1]
    return float(sum((n - 1) * variance for n, variance in told) / max(1, sum(n - 1 for n, _ in told)))


def _difference(before: np.ndarray, after: np.ndarray) -> tuple[float, ...]:
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
    for rule in names:
        for period, size in n.items():
            row = counts.loc[(rule, period)].to_numpy() if (rule, period) in counts.index else np.zeros(6)
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
    for (gesture, name), own in table.groupby(["gesture", "name"], sort=False):
        parts = [own[own["period"].isin(end.periods)] for end in ends]
        counts = [int(part["count"].sum()) for part in parts]
        if not sum(counts):
            continue
        levels = [_weighted(part) for part in parts]
        then, now = (count / end.n for count, end in zip(counts, ends, strict=True))
        p = two_shares(counts[0], ends[0].n, counts[1], ends[1].n)
        told = [f"{count} of {end.n} ({count / end.n:.1%}) in {end.name}" for count, end in zip(counts, ends, strict=True)]
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
    moved = counts.copy()
    for row in told[told["period"] != ""].itertuples():
        # A level rests on the gesture that is still the rarest: while one of them surprises, it stands.
        down = min(slid.get(name, 0) for name in row.gestures.split("+"))
        level = int(row.level)
        new = max(min(level, 3), level - down)
        if new < level:
            key = (row.by, row.group, row.period)
            moved.at[key, level] -= row.n
            moved.at[key, new] += row.n
    rows = []
    for (key, row), lower in zip(counts.iterrows(), moved.to_numpy(), strict=True):
        raw, n = row.to_numpy(), int(row.sum())
        rows.append((*key, n, *mean_level(raw)[:3], mean_level(lower).mean, raw[:2].sum() / n, raw[3:].sum() / n))
    return pd.DataFrame(rows, columns=[*_KEYS, "n", "mean", "low", "high", "today", "disappointed", "pleased"])


def _said_moved(moved: pd.DataFrame) -> str:
    if moved.empty:
        return "No group's level has changed for good by more than noise."
    row = moved.loc[moved["difference"].abs().idxmax()]
    whose = "the whole" if row["group"] == ALL else row["group"]
    way = "fell" if row["difference"] < 0 else "rose"
    return (
        f"{len(moved)} change{'s' if len(moved) > 1 else ''} for good; the largest: from {row['period']} on the mean level of {whose} {way} "
        f"from {row['before']:.2f} to {row['after']:.2f}."
    )


def _said_today(today: pd.DataFrame) -> str:
    whole = today[today["group"] == ALL]
    if whole.empty:
        return "No date was named, so there is nothing over time."
    first, last = whole.iloc[0], whole.iloc[-1]
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
        + (f"{slid.iloc[0]['name']}: {slid.iloc[0]['arithmetic']}.")
    )
