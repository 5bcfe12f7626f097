"""New service models: what is said of warranties, contracts, upgrades, parts, online help and memberships."""

import pandas as pd

from servicenlp.insights.results import Result, describe, many
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.tally import Tally

_MANNERS = ["wished for", "praised", "damned", "mentioned"]


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the table of this theme."""
    table = offerings(tally, rules)
    return [describe("offerings", table, _said(table))]


def offerings(tally: Tally, rules: RuleSet) -> pd.DataFrame:
    """Return how each offering is spoken of."""
    names = {rule.id: rule.name for rule in rules.of("offering")}
    told = tally.frame("offerings")
    wide = told.pivot_table(index=["by", "group", "rule"], columns="manner", values="n", aggfunc="sum", fill_value=0)
    wide = wide.reindex(columns=_MANNERS, fill_value=0).reset_index().rename_axis(columns=None).rename(columns={"rule": "offering"})
    wide.insert(3, "name", wide["offering"].map(names))
    wide.insert(4, "count", wide[_MANNERS].sum(axis=1))
    return wide.sort_values(["by", "group", "count", "offering"], ascending=[True, True, False, True], ignore_index=True)


def _said(table: pd.DataFrame) -> str:
    whole = table[table["by"] == ""]
    if whole.empty:
        return "No offering of this kind was spoken of."
    first = whole.iloc[0]
    told = ", ".join(f"{many(first[manner], 'time')} {manner}" for manner in _MANNERS if first[manner])
    return f"Most spoken of: {first['name']}, {told}."
