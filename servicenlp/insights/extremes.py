"""Read these: the interactions that are most surely criminal, and most surely unbelievable."""

import pandas as pd

from servicenlp.insights.quotations import READ
from servicenlp.insights.results import Result, describe
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.tally import Tally


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the table of this theme."""
    del rules
    rows = [(name, -row, p, *quote[1:]) for name, kept in tally.extremes.items() for p, row, quote in kept]
    table = pd.DataFrame(rows, columns=["what", "row", "probability", "level", "period", "text", "start", "end"])
    return [describe("read_these", table, _said(tally), read=READ)]


def _said(tally: Tally) -> str:
    told = []
    for value, name in ((1, "criminal"), (6, "unbelievable")):
        n, kept = sum(n for (by, _, _, level), n in tally.counts["levels"].items() if not by and level == value), len(tally.extremes[name])
        told.append(f"the {kept} surest of {n:,} {name}" if kept < n else f"{n or 'no'} {name}")
    return f"To read: {told[0]} and {told[1]} interactions."
