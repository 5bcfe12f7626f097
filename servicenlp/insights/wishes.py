"""Ask the customer, and benchmark: what they wish for, and whom they name as better or worse at what."""

import pandas as pd

from servicenlp.insights.results import Result, describe, many, percent
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.statistics import each, level_counts, mean_level, rows_of, wilson
from servicenlp.insights.tally import ANYTHING, Tally


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the tables of this theme."""
    names = {rule.id: rule.name for rule in rules.of("topic")} | {"topic-other": "something else"}
    wished, rivals = wishes(tally, names), competitors(tally, names)
    return [
        describe("wishes", wished, _said(wished)),
        describe("competitors", rivals, _said_rivals(rivals)),
    ]


def wishes(tally: Tally, names: dict[str, str]) -> pd.DataFrame:
    """Return the wishes of each group by topic."""
    told = tally.frame("wishes")
    sizes = tally.frame("levels").groupby(["by", "group"])["n"].sum().to_dict()
    counts = level_counts(told, ["by", "group", "topic"])
    rows = [(*key, names[key[2]], int(row.sum()), int(sizes[key[:2]]), mean_level(row).mean) for key, row in each(counts)]
    table = pd.DataFrame(rows, columns=["by", "group", "topic", "name", "count", "n", "mean_level"])
    table.insert(6, "share", table["count"] / table["n"])
    low, high = wilson(table["count"], table["n"])
    table.insert(7, "low", low)
    table.insert(8, "high", high)
    return table.sort_values(["by", "group", "count", "topic"], ascending=[True, True, False, True], ignore_index=True)


def competitors(tally: Tally, names: dict[str, str]) -> pd.DataFrame:
    """Return who is named as better or worse, at anything and at what, in the whole."""
    told = tally.frame("rivals")
    told = told[told["by"] == ""].assign(about=lambda table: table["topic"].map({ANYTHING: ANYTHING, **names}))
    wide = told.pivot_table(index=["name", "topic", "about"], columns="verdict", values="n", aggfunc="sum", fill_value=0)
    wide = wide.reindex(columns=["better", "worse"], fill_value=0).reset_index().rename_axis(columns=None)
    wide.insert(3, "count", wide["better"] + wide["worse"])
    wide["rank"] = wide.groupby("name")["count"].transform("max")
    return wide.sort_values(["rank", "name", "count", "topic"], ascending=[False, True, False, True], ignore_index=True).drop(
        columns="rank"
    )


def _said(wished: pd.DataFrame) -> str:
    whole = wished[wished["by"] == ""]
    if whole.empty:
        return "No wish was found."
    named = whole[whole["topic"] != "topic-other"]
    if named.empty:
        return f"A wish in {many(int(whole['count'].sum()), 'interaction')}, about none of the topics."
    first = named.iloc[0]
    return f"Most wishes are about {first['name']}: in {first['count']:,} of {many(first['n'], 'interaction')} ({percent(first['share'])})."


def _said_rivals(rivals: pd.DataFrame) -> str:
    if rivals.empty:
        return "No competitor was named in a comparison."
    whole = rivals[rivals["topic"] == ANYTHING]
    told = [f"{row['name']} (better than us in {row['better']:,}, worse in {row['worse']:,})" for row in rows_of(whole.head(3))]
    lead = f"{len(whole):,} competitors are named in comparisons, most often " if len(whole) > 3 else "Named in comparisons: "
    return lead + ", ".join(told) + "."
