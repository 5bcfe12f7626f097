"""New service models: what is said of warranties, contracts, upgrades, parts, online help and memberships."""

import pandas as pd

from servicenlp.insights.results import Result
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.tally import Tally

_MANNERS = ["wished for", "praised", "damned", "mentioned"]


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the table of this theme."""
    table = offerings(tally, rules)
    return [
        Result(
            "offerings", "New service models", "New service models", table,
            "In how many interactions of each group an offering is spoken of: wished for (in the same sentence as a wish), else praised where the "
            "interaction is at level 4 or more, damned at 1 or 2, mentioned at 3.",
            "New service models: service turned from a cost into recurring revenue.", _said(table),
        )
    ]  # fmt: skip


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
    told = ", ".join(f"{first[manner]} times {manner}" for manner in _MANNERS if first[manner])
    return f"Most spoken of: {first['name']}, {told}."
