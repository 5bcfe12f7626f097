"""Read these: the interactions that are most surely criminal, and most surely unbelievable."""

import pandas as pd

from servicenlp.insights.results import Result
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.tally import READ, Tally


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the table of this theme."""
    del rules
    rows = [(name, -row, p, *quote[1:]) for name, kept in tally.extremes.items() for p, row, quote in kept]
    table = pd.DataFrame(rows, columns=["what", "row", "probability", "level", "period", "text", "start", "end"])
    n = {name: len(kept) for name, kept in tally.extremes.items()}
    return [
        Result(
            "read_these", "Read these", "Read these", table,
            f"Up to {READ} interactions of level 1 with the highest probability of it, and up to {READ} of level 6: row in the scored file (from "
            "1), the words (the 3,000 characters around the evidence of long ones), and where in them the evidence stands (start, end).",
            "Kaufman: criminal service is remembered and told, unbelievable service becomes legend.",
            f"{n['criminal']} criminal and {n['unbelievable']} unbelievable interactions to read.",
        )
    ]  # fmt: skip
