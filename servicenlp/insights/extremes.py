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
    n = {name: len(kept) for name, kept in tally.extremes.items()}
    return [
        describe("read_these", table, f"{n['criminal']} criminal and {n['unbelievable']} unbelievable interactions to read.", read=READ)
    ]
