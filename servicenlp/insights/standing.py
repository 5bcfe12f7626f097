"""Where we stand: the level mix of each group against the whole, and what of it is more than noise."""

import numpy as np
import pandas as pd

from servicenlp.insights.results import Result, describe
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.statistics import ALPHA, SMALL, Floats, adjust, each, level_counts, mean_level, rows_of, two_shares, wilson
from servicenlp.insights.tally import ALL, Tally
from servicenlp.taxonomy import LEVELS

MEASURES: dict[str, list[int]] = {
    **{label.name: [int(label.value)] for label in LEVELS},
    "disappointed (1 and 2)": [1, 2],
    "pleased (4 to 6)": [4, 5, 6],
}


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the tables of this theme."""
    del rules
    counts = level_counts(tally.frame("levels"), ["by", "group"])
    standing = level_mix(counts)
    claims = standing[standing["verdict"].isin(["more", "fewer"])]
    return [
        describe("standing", standing, _said(standing, claims), alpha=ALPHA, small=SMALL),
        describe("means", means(counts), _said_mean(counts)),
        *_csat(tally),
    ]


def level_mix(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each measure in each group, against the rest."""
    table_of = dict(each(counts))
    whole = table_of.get(("", ALL), np.zeros(len(LEVELS)))
    rows = []
    for (by, group), row in table_of.items():
        n, rest = row.sum(), whole.sum() - row.sum()
        for measure, levels in MEASURES.items():
            at = np.array(levels) - 1
            count, other = row[at].sum(), whole[at].sum() - row[at].sum()
            low, high = wilson(count, n)
            p = two_shares(count, n, other, rest) if by and min(n, rest) >= SMALL else np.nan
            rows.append(
                (by, group, measure, int(n), int(count), count / n, float(low), float(high), other / rest if by and rest else np.nan, p)
            )
    table = pd.DataFrame(rows, columns=["by", "group", "measure", "n", "count", "share", "low", "high", "rest_share", "p"])
    for _, where in table[table["p"].notna()].groupby("by").groups.items():
        table.loc[where, "p"] = adjust(table.loc[where, "p"])
    table["verdict"] = np.select(
        [table["by"] == "", table["p"].isna(), table["p"] >= ALPHA, table["share"] > table["rest_share"]],
        ["", "too few", "no difference shown", "more"],
        "fewer",
    )
    return table


def means(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the mean level of each group, and the shares of disappointed and pleased."""
    rows = [(*key, int(row.sum()), *mean_level(row)[:3], *_shares(row)) for key, row in each(counts)]
    return pd.DataFrame(rows, columns=[*counts.index.names, "n", "mean", "low", "high", "disappointed", "pleased"])


def _shares(row: Floats) -> tuple[float, float]:
    return float(row[:2].sum() / row.sum()), float(row[3:].sum() / row.sum())


def _said(standing: pd.DataFrame, claims: pd.DataFrame) -> str:
    groups = standing[standing["by"] != ""].groupby(["by", "group"]).ngroups
    if not groups:
        return "No groups were asked for."
    if claims.empty:
        return f"None of the {groups} groups differs from the rest by more than noise."
    first = min(rows_of(claims), key=lambda row: row["p"])
    return (
        f"{claims.groupby(['by', 'group']).ngroups} of {groups} groups differ from the rest by more than noise; most surely "
        f"{first['by']} {first['group']}: {first['measure']} {first['share']:.0%} against {first['rest_share']:.0%}."
    )


def _said_mean(counts: pd.DataFrame) -> str:
    if ("", ALL) not in counts.index:
        return "Nothing was scored."
    row = dict(each(counts))["", ALL]
    mean, low, high, _ = mean_level(row)
    bad, good = _shares(row)
    return f"The mean level is {mean:.2f} ({low:.2f} to {high:.2f}); {bad:.0%} disappointed, {good:.0%} pleased."


def _csat(tally: Tally) -> list[Result]:
    """Compare the level with the export's own rating, where it has one."""
    ratings = tally.frame("ratings")
    ratings = ratings[ratings["by"] == ""]
    if ratings.empty:
        return []
    counts = level_counts(ratings, ["csat"])
    table = counts.set_axis([label.name for label in LEVELS], axis=1).astype(int).reset_index()
    table.insert(1, "n", counts.sum(axis=1).astype(int).to_numpy())
    table["mean_level"] = [mean_level(row)[0] for row in counts.to_numpy()]
    top, bottom = counts.index.max(), counts.index.min()
    r, n = _correlation(counts), int(counts.to_numpy().sum())
    best, worst = counts.to_numpy()[[-1, 0]]
    hidden, harsh = int(best[:2].sum()), int(worst[3:].sum())
    agreement = f"Level and rating agree with a rank correlation of {r:.2f} over {n:,} rated interactions"
    if n < SMALL:
        agreement = f"Only {n} interactions are rated, too few to tell how far level and rating agree"
    kind = "1 for good and 0 for bad" if set(counts.index) <= {0.0, 1.0} else f"{bottom:g} to {top:g}"
    return [
        describe(
            "csat",
            table,
            f"{agreement}; {hidden:,} with the best rating read as levels 1 or 2, {harsh} with the worst as 4 or more.",
            column=tally.plan.csat,
            kind=kind,
        )
    ]


def _correlation(counts: pd.DataFrame) -> float:
    """Return Spearman's rank correlation (with ties) of two variables that were counted together."""
    table = counts.to_numpy()
    n = table.sum()
    ranks = [_midranks(table.sum(axis=1)), _midranks(table.sum(axis=0))]
    a, b = ranks[0] - (n + 1) / 2, ranks[1] - (n + 1) / 2
    norm = np.sqrt((table.sum(axis=1) @ a**2) * (table.sum(axis=0) @ b**2))
    return float(a @ table @ b / norm) if norm else float("nan")


def _midranks(counts: Floats) -> Floats:
    return np.asarray(np.cumsum(counts) - (counts - 1) / 2, float)
