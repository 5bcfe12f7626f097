"""Values-based service: whose interest came first, and what followed for the relationship."""

import pandas as pd

from servicenlp.insights.results import Result, describe, many
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.statistics import ALPHA, SMALL, adjust, each, level_counts, mean_level, rows_of, two_shares, wilson
from servicenlp.insights.tally import Tally
from servicenlp.taxonomy import INTERESTS


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the table of this theme."""
    table = followed(tally, rules)
    return [describe("interests", table, _said(table), small=SMALL)]


def followed(tally: Tally, rules: RuleSet) -> pd.DataFrame:
    """Return what goes with each interest, against neither."""
    counts = tally.frame("interests")
    counts = counts[counts["by"] == ""]
    levels = level_counts(counts, ["interest"])
    told_levels = dict(each(levels))
    n = {interest: row.sum() for interest, row in told_levels.items()}
    told = tally.frame("followed")
    spoken = told[told["by"] == ""].groupby(["interest", "rule"])["n"].sum().to_dict()
    related = counts.groupby(["interest", "relationship"])["n"].sum().to_dict()
    wanted = [("relationship failed", related, "failed"), ("relationship delighted", related, "delighted")]
    wanted += [(rule.name, spoken, rule.id) for rule in rules.of("trust")]
    rows = []
    for label in INTERESTS:
        interest = str(label.value)
        size, others = int(n.get(interest, 0)), int(n.get("none", 0))
        for what, table, key in wanted if size else []:
            count, other = int(table.get((interest, key), 0)), int(table.get(("none", key), 0))
            low, high = wilson(count, size)
            p = two_shares(count, size, other, others) if interest != "none" and min(size, others) >= SMALL else float("nan")
            mean = mean_level(told_levels[interest]).mean
            name = "neither" if interest == "none" else label.name
            rows.append((interest, name, size, mean, what, count, count / size, float(low), float(high), p))
    columns = ["interest", "name", "n", "mean_level", "what", "count", "share", "low", "high", "p"]
    found = pd.DataFrame(rows, columns=columns)
    known = found["p"].notna()
    found.loc[known, "p"] = adjust(found.loc[known, "p"])
    return found


def _neither(table: pd.DataFrame, what: str) -> float:
    return float(table.loc[(table["interest"] == "none") & (table["what"] == what), "share"].iloc[0])


def _said(table: pd.DataFrame) -> str:
    told = []
    sizes = {row["interest"]: row for row in rows_of(table)}
    for interest, words in (("company", "its own bottom line"), ("client", "the client")):
        if interest in sizes:
            own = sizes[interest]
            told.append(f"in {many(own['n'], 'interaction')} the company put {words} first (mean level {own['mean_level']:.2f})")
    sure = table[table["p"] < ALPHA]
    if len(sure):
        row = min(rows_of(sure), key=lambda row: row["p"])
        told.append(f"{row['what']} in {row['share']:.0%} where it was {row['name']}, {_neither(table, row['what']):.0%} where neither was")
    return "; ".join(told) + "." if told else "No interaction shows whose interest came first."
