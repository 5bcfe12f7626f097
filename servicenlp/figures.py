"""Tables of insights to charts: which chart shows which table, and in which colours."""

from collections.abc import Callable, Sequence
from math import ceil, floor
from typing import Any, NamedTuple

import pandas as pd

from servicenlp.charts import Bar, Part, Point, Range, bars, columns, lines, moves, plane, ranges
from servicenlp.insights import ALL, Insights
from servicenlp.insights.statistics import SMALL, rows_of
from servicenlp.insights.tally import ANYTHING
from servicenlp.taxonomy import CAUSES, LEVELS

MAX_GROUPS = 8  # of each column, the largest
_MAX_ROWS = 12
Legend = tuple[tuple[str, str], ...]
Row = dict[str, Any]

_LEVELS: Legend = tuple((f"k-level-{label.value}", f"{label.value} {label.name}") for label in LEVELS)
_THREE: Legend = (("k-level-1", "disappointed (1 and 2)"), ("k-level-3", "expected (3)"), ("k-level-5", "pleased (4 to 6)"))
_CAUSES: Legend = tuple(
    (f"k-step-{i}", label.name if label.value != "none" else "not to be told") for i, label in enumerate([*CAUSES[1:], CAUSES[0]], 1)
)
_MANNERS: Legend = (("k-step-1", "damned"), ("k-step-2", "wished for"), ("k-step-3", "mentioned"), ("k-step-5", "praised"))
_THEN: Legend = (("k-hollow", "then"), ("k-dot", "now"))
_BELOW: Legend = (("k-hollow", "below the target"), ("k-dot", "at it or above"))
_VERDICTS: Legend = (("k-step-1", "better than us"), ("k-step-4", "worse than us"))


class Figure(NamedTuple):
    """A chart, what it is called where there are several, what its colours mean, and whether it takes the whole width."""

    svg: str
    title: str = ""
    legend: Legend = ()
    wide: bool = False


def figures(insights: Insights, name: str) -> list[Figure]:
    """Return the charts of a table, none where it has no rows or no chart of its own.

    Examples
    --------
    >>> import servicenlp
    >>> from servicenlp import insights
    >>> scored = servicenlp.score_frame(pd.DataFrame({"text": ["Lovely, as ever."], "team": ["A"]}))
    >>> [figure.title for figure in figures(insights.compute(scored, by=["team"]), "standing")]
    ['', 'team']
    """
    draw = _FIGURES.get(name)
    return draw(insights, insights.results[name].finding) if draw and len(insights[name]) else []


def groups(insights: Insights, by: str | None = None) -> list[tuple[str, str]]:
    """Return the whole and the groups that the page shows, the largest of each column."""
    means = insights["means"]
    found = [("", ALL)] if by is None else []
    for column in insights.about["by"] if by is None else [by]:
        own = means[means["by"] == column].sort_values("n", ascending=False, kind="stable")
        found += [(column, str(group)) for group in own["group"].head(MAX_GROUPS)]
    return found


def group_name(by: str, group: str) -> str:
    """Return what a group is called on the page."""
    return f"{by}: {group}" if by else "The whole"


def _of_all(insights: Insights, by: str) -> str:
    n = int((insights["means"]["by"] == by).sum())
    return by if n <= MAX_GROUPS else f"{by}: the {MAX_GROUPS} largest of {n:,}"


def _where(table: pd.DataFrame, by: str, group: str) -> list[Row]:
    return rows_of(table[(table["by"] == by) & (table["group"] == group)])


def _whole(table: pd.DataFrame) -> list[Row]:
    return _where(table, "", ALL)


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 or share == 0 else f"{share:.1%}"


def _shares(highest: float) -> list[tuple[float, str]]:
    """Return a scale of shares from 0."""
    top = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if highest <= step or step == 1)
    return [(top * k / 2, f"{top * k / 2:.1%}".replace(".0%", "%")) for k in range(3)]


def _levels(values: Sequence[float]) -> list[tuple[float, str]]:
    """Return a scale of the levels around some values, of two at least."""
    low, high = floor(min(values, default=1)), ceil(max(values, default=6))
    return [(level, str(level)) for level in range(min(low, 5), max(high, low + 1) + 1)]


def _level_parts(counts: Sequence[float], written: bool = True) -> list[Part]:
    """Return the shares of the six levels as parts of a bar."""
    n = sum(counts) or 1
    return [Part(count / n, kind, _percent(count / n) if written else "") for count, (kind, _) in zip(counts, _LEVELS, strict=True)]


def _standing(insights: Insights, said: str) -> list[Figure]:
    names = [label.name for label in LEVELS]
    mix = {(row["by"], row["group"], row["measure"]): row for row in rows_of(insights["standing"])}

    def bar(by: str, group: str, label: str) -> Bar:
        own = [mix[by, group, name] for name in names]
        return Bar(label, _level_parts([row["count"] for row in own]), f"n = {own[0]['n']:,}")

    found = [Figure(bars("standing", "Level mix", said, [bar("", ALL, "The whole")], 1), "", _LEVELS)]
    for k, by in enumerate(insights.about["by"]):
        told = [bar(by, group, group) for _, group in groups(insights, by)]
        found.append(Figure(bars(f"standing-{k}", f"Level mix by {by}", said, told, 1), _of_all(insights, by)))
    return found


def _means(insights: Insights, said: str) -> list[Figure]:
    table, found = insights["means"], []
    whole = _whole(table)[0]["mean"]
    for k, by in enumerate(insights.about["by"]):
        told = [_where(table, by, group)[0] for _, group in groups(insights, by)]
        rows = [Range(row["group"], row["mean"], row["low"], row["high"], f"{row['mean']:.2f}  (n = {row['n']:,})") for row in told]
        ticks = _levels([end for row in rows for end in (row.low, row.high)])
        svg = ranges(f"means-{k}", f"Mean level by {by}", said, rows, ticks, whole)
        legend: Legend = (("k-dot", "mean, with its 95% interval"), ("k-second", f"the whole, {whole:.2f}"))
        found.append(Figure(svg, _of_all(insights, by), () if k else legend))
    return found


def _mixes(name: str, title: str, label: Callable[[Row], str]) -> Callable[[Insights, str], list[Figure]]:
    """Return what draws the level mix in each row of the whole."""

    def draw(insights: Insights, said: str) -> list[Figure]:
        table = insights[name]
        own = (_whole(table) if "by" in table else rows_of(table))[:_MAX_ROWS]
        rows = [Bar(label(row), _level_parts([row[one.name] for one in LEVELS]), f"n = {row['n']:,}") for row in own]
        return [Figure(bars(name, title, said, rows, 1), "", _LEVELS)]

    return draw


def _told(name: str, title: str, label: Callable[[Row], str]) -> Callable[[Insights, str], list[Figure]]:
    """Return what draws the share of each row of the whole, with its interval."""

    def draw(insights: Insights, said: str) -> list[Figure]:
        table = insights[name][insights[name]["count"] > 0]
        own = (_whole(table) if "by" in table else rows_of(table))[:_MAX_ROWS]
        rows = [Range(label(row), row["share"], row["low"], row["high"], f"{row['count']:,} of {row['n']:,}") for row in own]
        return [Figure(ranges(name, title, said, rows, _shares(max(row.high for row in rows))))] if rows else []

    return draw


def _levels_over_time(insights: Insights, said: str) -> list[Figure]:
    found = []
    for k, (by, group) in enumerate(groups(insights)):
        by_period: dict[str, list[float]] = {}
        for row in _where(insights["levels_over_time"], by, group):
            by_period.setdefault(row["period"], []).append(row["count"])
        if len(by_period) > 1:
            stacks = [_level_parts(counts, False) for counts in by_period.values()]
            name = f"{group_name(by, group)} (n = {sum(map(sum, by_period.values())):,})"
            svg = columns(f"mix-{k}", f"Level mix over time: {name}", said, list(by_period), stacks, 110 if by else 190)
            found.append(Figure(svg, name, () if by else _LEVELS, not by))
    return found


def _means_over_time(insights: Insights, said: str) -> list[Figure]:
    changes, found = insights["changes"], []
    told = {key: rows for key in groups(insights) if len(rows := _where(insights["means_over_time"], *key)) > 1}
    # The intervals of few interactions would take the whole scale, and leave the others flat.
    ends = [(row, ("mean", "today", "low", "high") if row["n"] >= SMALL else ("mean", "today")) for rows in told.values() for row in rows]
    ticks = _levels([row[name] for row, names in ends for name in names])
    for k, ((by, group), rows) in enumerate(told.items()):
        periods = [row["period"] for row in rows]
        name = f"{group_name(by, group)} (n = {sum(row['n'] for row in rows):,})"
        marks = [
            (periods.index(row["period"]), f"from {row['period']}: {row['before']:.2f} → {row['after']:.2f}")
            for row in _where(changes, by, group)
        ]
        series = [Range("", row["mean"], row["low"], row["high"]) for row in rows]
        today = [row["today"] for row in rows]
        slid = any(row["mean"] - row["today"] > 0.005 for row in rows)
        legend: Legend = (
            ("k-line", "mean level, with its 95% interval"),
            *((("k-second", "against today's expectations"),) if slid else ()),
        )
        svg = lines(
            f"level-{k}", f"Mean level over time: {name}", said, periods, series,
            second=today if slid else (), marks=marks, ticks=ticks, height=110 if by else 190,
        )  # fmt: skip
        found.append(Figure(svg, name, () if by else legend, not by))
    return found


def _gestures(insights: Insights, said: str) -> list[Figure]:
    table, found = insights["gestures"], []
    often = table.groupby("gesture", sort=False)["count"].sum().sort_values(ascending=False, kind="stable")
    chosen = [gesture for gesture, count in often.items() if count >= 5][:4]
    ticks = _shares(table[table["gesture"].isin(chosen)]["high"].max())
    for k, gesture in enumerate(chosen if table["period"].nunique() > 1 else []):
        rows = rows_of(table[table["gesture"] == gesture])
        series = [Range("", row["share"], row["low"], row["high"]) for row in rows]
        name = rows[0]["name"]
        svg = lines(f"gesture-{k}", f"How often: {name}", said, [row["period"] for row in rows], series, ticks=ticks, height=110)
        found.append(Figure(svg, name))
    return found


def _moved(name: str, title: str, columns: tuple[str, str]) -> Callable[[Insights, str], list[Figure]]:
    """Return what draws from where to where the rows of a table moved."""

    def draw(insights: Insights, said: str) -> list[Figure]:
        told = [(row["name"], *(row[column] for column in columns)) for row in rows_of(insights[name])[:_MAX_ROWS]]
        rows = [(what, then, now, f"{then:.1%} → {now:.1%}") for what, then, now in told]
        return [Figure(moves(name, title, said, rows, max(max(row[1:3]) for row in rows)), "", _THEN)]

    return draw


def _steps_up(insights: Insights, said: str) -> list[Figure]:
    table, found = insights["steps_up"], []
    for k, (by, group) in enumerate(groups(insights)):
        own = [row for row in _where(table, by, group) if row["steps"] == 1][:5]
        if own:
            title = f"{group_name(by, group)}: from {_level(own[0]['today'])} to {_level(own[0]['target'])}"
            rows = [(f"{r['name']} {r['side']}", r["below"], r["at"], f"{r['below']:.0%} → {r['at']:.0%}") for r in own]
            found.append(Figure(moves(f"steps-{k}", f"Below the target, and at it. {title}", said, rows, 1), title, () if by else _BELOW))
    return found


def _level(value: int) -> str:
    return f"{value} {LEVELS[value - 1].name}"


def _rises(insights: Insights, said: str) -> list[Figure]:
    own = [row for row in _whole(insights["rises"]) if row["steps"] == 1]
    if not own:
        return []
    rows = []
    for row in own:
        note = f"{row['rise']:,.0f} ({row['low']:,.0f} to {row['high']:,.0f})"
        rows.append(Range(f"{row['category']} stops failing", row["rise"], row["low"], row["high"], note))
    title = f"Interactions that would reach level {own[0]['target']}, estimated"
    most = max(1, ceil(max(row["high"] for row in own)))
    return [Figure(ranges("rises", title, said, rows, [(0, "0"), (most, f"{most:,}")]))]


def _competitors(insights: Insights, said: str) -> list[Figure]:
    table, rows = insights["competitors"], []
    for row in rows_of(table[table["topic"] == ANYTHING])[:_MAX_ROWS]:
        parts = [Part(row[verdict], kind, f"{row[verdict]:,}") for verdict, (kind, _) in zip(("better", "worse"), _VERDICTS, strict=True)]
        rows.append(Bar(row["name"], parts, f"{row['count']:,}"))
    return [Figure(bars("competitors", "Named as better or worse", said, rows), "", _VERDICTS)]


def _interests(insights: Insights, said: str) -> list[Figure]:
    """Draw what goes with each interest, side by side."""
    table = insights["interests"]
    own = table[table.groupby("what")["count"].transform("sum") > 0]
    order = {what: k for k, what in enumerate(dict.fromkeys(own["what"]))}
    told = sorted(rows_of(own), key=lambda row: (order[row["what"]], ("company", "client", "none").index(row["interest"])))
    rows = [Range(f"{r['what']}: {r['name']}", r["share"], r["low"], r["high"], f"{r['count']:,} of {r['n']:,}") for r in told]
    ticks = _shares(max((row.high for row in rows), default=0))
    return [Figure(ranges("interests", "What goes with whose interest", said, rows, ticks))] if rows else []


def _mentioned(name: str) -> Callable[[Insights, str], list[Figure]]:
    """Return what draws how many mention each thing, and how these went."""

    def draw(insights: Insights, said: str) -> list[Figure]:
        rows = []
        for row in rows_of(insights[name])[:_MAX_ROWS]:
            bad, good = round(row["disappointed"] * row["count"]), round(row["pleased"] * row["count"])
            parts = [Part(size, kind) for size, (kind, _) in zip((bad, row["count"] - bad - good, good), _THREE, strict=True)]
            rows.append(Bar(row["name"], parts, f"{row['count']:,}"))
        return [Figure(bars(name, f"{insights.results[name].title}: interactions", said, rows), "", _THREE)]

    return draw


def _value_map(insights: Insights, said: str) -> list[Figure]:
    own = _whole(insights["value_map"])
    if not own:
        return []
    points = [Point(row["category"], *((row[k], row[f"{k}_low"], row[f"{k}_high"]) for k in ("importance", "performance"))) for row in own]
    corners = ("could spend less", "keep", "may under-perform", "mend first")
    svg = plane("value-map", "Value map", said, points, ("moves the level more", "delights more than it fails"), corners)
    told = [f"{row['category']}: {row['importance']:.2f} levels, {row['performance']:+.1%}; {row['advice']}" for row in own]
    return [Figure(svg, "", tuple(("k-number", text) for text in told))]


def _causes(insights: Insights, said: str) -> list[Figure]:
    told: dict[str, dict[str, Row]] = {}
    for row in _whole(insights["causes"]):
        told.setdefault(row["category"], {})[row["cause"]] = row
    order = [str(label.value) for label in (*CAUSES[1:], CAUSES[0])]
    rows = []
    for category, by_cause in told.items():
        own = [by_cause[cause] for cause in order]
        parts = [Part(row["share"], kind, _percent(row["share"])) for row, (kind, _) in zip(own, _CAUSES, strict=True)]
        rows.append(Bar(f"{category} failed", parts, f"n = {own[0]['n']:,}"))
    return [Figure(bars("causes", "What failures came of", said, rows, 1), "", _CAUSES)]


def _offerings(insights: Insights, said: str) -> list[Figure]:
    rows = [
        Bar(row["name"], [Part(row[manner], kind, str(row[manner])) for kind, manner in _MANNERS], f"{row['count']:,}")
        for row in _whole(insights["offerings"])
    ]
    return [Figure(bars("offerings", "How offerings are spoken of", said, rows), "", _MANNERS)]


_FIGURES: dict[str, Callable[[Insights, str], list[Figure]]] = {
    "standing": _standing,
    "means": _means,
    "csat": _mixes("csat", "Levels at each rating", lambda row: f"rated {row['csat']}"),
    "levels_over_time": _levels_over_time,
    "means_over_time": _means_over_time,
    "gestures": _gestures,
    "drift": _moved("drift", "Share of interactions, then and now", ("share_then", "share_now")),
    "steps_up": _steps_up,
    "rises": _rises,
    "wishes": _told("wishes", "Share of interactions that hold a wish about it", lambda row: row["name"]),
    "competitors": _competitors,
    "rings": _mixes("rings", "Level mix in each ring", lambda row: row["name"] if row["ring"] != "none" else "no ring decided"),
    "support_topics": _mentioned("support_topics"),
    "inward": _moved("inward", "Share of mentions that pleased, then and now", ("pleased_then", "pleased_now")),
    "interests": _interests,
    "value_map": _value_map,
    "who_pays": _mentioned("who_pays"),
    "causes": _causes,
    "effort": _mentioned("effort"),
    "offerings": _offerings,
}
