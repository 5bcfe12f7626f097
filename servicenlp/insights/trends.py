"""The trend as text for a terminal of 80 columns: a bar of level digits for each group and period."""

import textwrap

import numpy as np
import pandas as pd

from servicenlp.insights.results import Insights
from servicenlp.insights.statistics import rows_of
from servicenlp.insights.tally import ALL
from servicenlp.taxonomy import LEVELS

_BAR = 40
_MAX_GROUPS = 12
_VALUES = [int(label.value) for label in LEVELS]


def trend_table(insights: Insights) -> pd.DataFrame:
    """Return one row for each group and period: n, mean level with its interval, the level against today's, and the share of each level.

    Examples
    --------
    >>> import servicenlp
    >>> from servicenlp import insights
    >>> scored = servicenlp.score_frame(pd.DataFrame({"text": ["Lovely.", "Never came."], "day": ["2026-01-02", "2026-02-03"]}))
    >>> trend_table(insights.compute(scored, date="day"))[["period", "n"]].values.tolist()
    [['2026-01', 1], ['2026-02', 1]]
    """
    means, mix = insights["means_over_time"], insights["levels_over_time"]
    keys = ["by", "group", "period"]
    wide = mix.pivot_table(index=keys, columns="level", values="share", sort=False).reindex(columns=_VALUES)
    wide.columns = pd.Index([label.name for label in LEVELS])
    changed = insights["changes"][[*keys, "difference"]].rename(columns={"difference": "change"})
    return means.merge(wide.reset_index(), on=keys, how="left").merge(changed, on=keys, how="left")


def render(insights: Insights) -> str:
    """Return the trend of the whole and of each group."""
    table = trend_table(insights)
    keys = dict.fromkeys(zip(table["by"], table["group"], strict=True))
    groups = [((by, group), table[(table["by"] == by) & (table["group"] == group)]) for by, group in keys]
    groups.sort(key=lambda pair: (pair[0][0] != "", pair[0][0], -pair[1]["n"].sum()))
    lines = []
    for (by, group), own in groups[:_MAX_GROUPS]:
        lines += ["All" if group == ALL and not by else _short(f"{by}: {group}", 78), *_rows(own, insights.about["period"]), ""]
    if len(groups) > _MAX_GROUPS:
        lines += [f"... and {len(groups) - _MAX_GROUPS} more groups; all are in the table (-o).", ""]
    lines += ["1 criminal  2 basic  3 expected  4 desired  5 surprising  6 unbelievable"]
    if table["change"].notna().any():
        lines += ["↑ ↓: from here on the mean level is higher or lower, by more than noise."]
    if np.any(table["mean"].to_numpy() - table["today"].to_numpy() > 0.005):
        lines += ["today: the mean against today's expectations, after gestures that became", "usual have slid a step."]
    drift = insights["drift"]
    for row in rows_of(drift[drift["steps"] > 0]):
        told = f"{row['name']} has slid {row['steps']} step{'s' if row['steps'] > 1 else ''}: {row['arithmetic']}"
        lines += ["", *textwrap.wrap(told, 78, subsequent_indent="  ")]
    return "\n".join(lines)


def _rows(own: pd.DataFrame, period: str) -> list[str]:
    lines = [f"{period:<9}{'n':>7} {'level 1 to 6':<{_BAR}} {'1+2':>5} {'mean':>5} {'today':>5}"]
    for row in rows_of(own):
        mark = "" if pd.isna(row["change"]) else " ↑" if row["change"] > 0 else " ↓"
        bar = _bar([row[label.name] for label in LEVELS])
        lines.append(
            f"{row['period']:<9}{row['n']:7,} {bar:<{_BAR}} {row['disappointed']:5.0%} {row['mean']:5.2f} {row['today']:5.2f}{mark}"
        )
    return lines


def _bar(shares: list[float]) -> str:
    """Return digits in proportion to the shares; what is there at all keeps one if there is room by rounding."""
    ends = [round(_BAR * sum(shares[: k + 1])) for k in range(len(shares))]
    return "".join(str(value) * (end - start) for value, start, end in zip(_VALUES, [0, *ends], ends, strict=False))


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
