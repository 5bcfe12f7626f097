"""Values-based service: whose interest came first, and what followed for the relationship."""

import pandas as pd

from servicenlp.insights.results import Result
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.statistics import ALPHA, SMALL, adjust, level_counts, mean_level, two_shares, wilson
from servicenlp.insights.tally import Tally
from servicenlp.taxonomy import INTERESTS

_SOURCE = "Values-based service: what is in the best interest of the client, now and in the future."


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the table of this theme."""
    table = followed(tally, rules)
    return [
        Result(
            "interests", "Whose interest came first", "Values-based service", table,
            "Interactions in which the company visibly put the client's interest first, its own bottom line, or neither: their mean level and the "
            "shares with the relationship failed or delighted, and with words of leaving, of trust lost, of trust gained. low and high are the "
            "95% Wilson interval of the share; p compares with neither, corrected for the number of comparisons "
            f"(none where either has fewer than {SMALL}).",
            _SOURCE, _said(table),
        )
    ]  # fmt: skip


def followed(tally: Tally, rules: RuleSet) -> pd.DataFrame:
    """Return what goes with each interest, against neither."""
    counts = tally.frame("interests")
    counts = counts[counts["by"] == ""]
    levels = level_counts(counts, ["interest"])
    n = levels.sum(axis=1)
    spoken = tally.frame("followed")
    spoken = spoken[spoken["by"] == ""].groupby(["interest", "rule"])["n"].sum()
    related = counts.groupby(["interest", "relationship"])["n"].sum()
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
            mean = mean_level(levels.loc[interest].to_numpy()).mean
            name = "neither" if interest == "none" else label.name
            rows.append((interest, name, size, mean, what, count, count / size, float(low), float(high), p))
    columns = ["interest", "name", "n", "mean_level", "what", "count", "share", "low", "high", "p"]
    found = pd.DataFrame(rows, columns=columns)
    known = found["p"].notna()
    found.loc[known, "p"] = adjust(found.loc[known, "p"])
    return found


def _said(table: pd.DataFrame) -> str:
    told = []
    sizes = table.drop_duplicates("interest").set_index("interest")
    for interest, words in (("company", "put the company first"), ("client", "put the client first")):
        if interest in sizes.index:
            told.append(f"{sizes.at[interest, 'n']} interactions {words} (mean level {sizes.at[interest, 'mean_level']:.2f})")
    sure = table[table["p"] < ALPHA]
    if len(sure):
        row = sure.loc[sure["p"].idxmin()]
        told.append(f"{row['what']} in {row['share']:.0%} where it was {row['name']}")
    return "; ".join(told) + "." if told else "No interaction shows whose interest came first."
