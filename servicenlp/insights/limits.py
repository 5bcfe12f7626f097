"""Limits that a weekly job watches: ``criminal>5%``, ``delivery failed>20@period=last``."""

import operator
import re
from dataclasses import dataclass
from fractions import Fraction

import pandas as pd

from servicenlp.columns import FLAGS
from servicenlp.errors import DataError
from servicenlp.insights.tally import ALL, Tally
from servicenlp.taxonomy import CATEGORY_NAMES, LEVELS

_LEVELS = {label.name: int(label.value) for label in LEVELS}
_OUTCOMES = [f"{category} {outcome}" for category in CATEGORY_NAMES for outcome in ("failed", "delighted")]
NAMES = list(dict.fromkeys([*_LEVELS, *FLAGS, *_OUTCOMES]))
_FORM = re.compile(
    r"\s*(?P<name>[a-z -]+?)\s*(?P<sign>[<>])\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<percent>%?)\s*(?P<where>(?:@[^@=]+=[^@]+)*)\s*"
)
_COMPARE = {"<": operator.lt, ">": operator.gt}


@dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes
    ----------
    text : str
        As it was given.
    name : str
        A level, a flag, or a category with failed or delighted.
    sign : str
        "<" or ">": the limit is passed where the figure is on that side.
    number : Fraction
        A share where `percent`, else a count; exact, so that 5% is not a little more than 5%.
    percent : bool
        Whether it is a share.
    period : str
        Which period only; "last" is the latest one, empty all.
    by, group : str
        Which group only; empty is the whole.
    """

    text: str
    name: str
    sign: str
    number: Fraction
    percent: bool
    period: str = ""
    by: str = ""
    group: str = ALL


def parse_limit(text: str) -> Limit:
    """Read a limit.

    Parameters
    ----------
    text : str
        A name, ``>`` or ``<``, a number or a percentage, and, each after ``@``, a period (``period=last``,
        ``period=2026-03``) and a group (``team=Billing``).

    Raises
    ------
    DataError
        If it cannot be read.

    Examples
    --------
    >>> limit = parse_limit("delivery failed > 12.5% @period=last @team=Billing")
    >>> limit.name, float(limit.number), limit.period, limit.group
    ('delivery failed', 0.125, 'last', 'Billing')
    """
    told = _FORM.fullmatch(text)
    if not told:
        raise DataError(f"--fail-if: not a limit. Found {text!r}. Write as in 'criminal>5%' or 'churn-risk>20@period=last'.")
    if told["name"] not in NAMES:
        raise DataError(f"--fail-if: nothing of that name. Found {told['name']!r}. Choose from {', '.join(NAMES)}.")
    where = dict(part.split("=", 1) for part in told["where"].split("@") if part.strip())
    where = {key.strip(): value.strip() for key, value in where.items()}
    period = where.pop("period", "")
    if len(where) > 1:
        raise DataError(f"--fail-if: more than one group. Found {', '.join(where)}. Name one column.")
    by, group = next(iter(where.items()), ("", ALL))
    return Limit(
        text,
        told["name"],
        told["sign"],
        Fraction(told["number"]) / (100 if told["percent"] else 1),
        bool(told["percent"]),
        period,
        by,
        group,
    )


def check_limit(limit: Limit, tally: Tally) -> str | None:
    """Return one line that says how a limit is passed, or None if it is kept.

    Raises
    ------
    DataError
        If there is no such period or group.
    """
    levels = _where(tally.frame("levels"), limit)
    if levels.empty:
        known = sorted({group for by, group, *_ in tally.counts["levels"] if by == limit.by})
        raise DataError(
            f"--fail-if {limit.text}: no such group. Found {', '.join(map(repr, known[:5])) or 'none'}. Give its column with --by."
        )
    period = limit.period
    if period == "last":
        period = max(levels["period"])
    if period not in ("", *levels["period"]) or (limit.period and not period):
        told = ", ".join(sorted(set(levels["period"]) - {""})[-5:]) or "no dates"
        raise DataError(f"--fail-if {limit.text}: no such period. Found {told}. Name one of these, or last; --date names the date.")
    table = _where(tally.frame(_cube(limit.name)), limit)
    if period:
        levels, table = levels[levels["period"] == period], table[table["period"] == period]
    count, n = int(table.loc[_chosen(table, limit.name), "n"].sum()), int(levels["n"].sum())
    if not _COMPARE[limit.sign](Fraction(count, n if limit.percent else 1), limit.number):
        return None
    where = f" in {period}" * bool(period) + f" for {limit.by} {limit.group}" * bool(limit.by)
    bound = f"{float(limit.number * 100):g}%" if limit.percent else f"{float(limit.number):g}"
    return f"{limit.name}{where}: {count:,} of {n:,} ({count / n:.1%}), {'more' if limit.sign == '>' else 'less'} than {bound}."


def _where(table: pd.DataFrame, limit: Limit) -> pd.DataFrame:
    return table[(table["by"] == limit.by) & (table["group"] == limit.group)]


def _cube(name: str) -> str:
    return "levels" if name in _LEVELS else "flags" if name in FLAGS else "outcomes"


def _chosen(table: pd.DataFrame, name: str) -> pd.Series:
    if name in _LEVELS:
        return table["level"] == _LEVELS[name]
    if name in FLAGS:
        return table["flag"] == name
    category, outcome = name.split(" ")
    return table[category] == outcome
