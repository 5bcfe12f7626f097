"""Where we stand: the level mix of each group against the whole, and what of it is more than noise."""

import numpy as np
import pandas as pd

from servicenlp.insights.results import Result, describe, many
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.statistics import ALPHA, SMALL, Floats, adjust, each, level_counts, mean_level, rows_of, two_shares, wilson
from servicenlp.insights.tally import ALL, Tally
from servicenlp.review.satisfaction import read_scale
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
    own = standing[standing["by"] != ""].drop_duplicates(["by", "group"])
    if own.empty:
        whole = rows_of(standing[standing["measure"].isin([label.name for label in LEVELS])])
        if not whole:
            return "Nothing was scored."
        first = max(whole, key=lambda row: row["count"])
        return f"No groups were asked for; the most frequent level is {first['measure']}, {first['count']:,} of {first['n']:,}."
    if len(own) == 1:
        return "There is only one group, so nothing is compared."
    few = f" ({many(int((own['n'] < SMALL).sum()), 'group')} of fewer than {SMALL} interactions aside)" if (own["n"] < SMALL).any() else ""
    if claims.empty:
        return f"None of the {many(len(own), 'group')} differs from the rest by more than noise{few}."
    first = min(rows_of(claims), key=lambda row: row["p"])
    return (
        f"{claims.groupby(['by', 'group']).ngroups} of {many(len(own), 'group')} differ from the rest by more than noise{few}; most surely "
        f"{first['by']} {first['group']}: {first['measure']} {first['share']:.0%} against {first['rest_share']:.0%}."
    )


def _said_mean(counts: pd.DataFrame) -> str:
    if ("", ALL) not in counts.index:
        return "Nothing was scored."
    row = dict(each(counts))["", ALL]
    mean, low, high, _ = mean_level(row)
    bad, good = _shares(row)
    if row.sum() < SMALL:
        return f"{many(int(row.sum()), 'interaction')} scored, too few for any claim; the mean level of these is {mean:.2f}."
    return f"The mean level is {mean:.2f} ({low:.2f} to {high:.2f}); {bad:.0%} disappointed, {good:.0%} pleased."


def _csat(tally: Tally) -> list[Result]:
    """Compare the level with the export's own rating, where it has one."""
    ratings = tally.frame("ratings")
    ratings = ratings[ratings["by"] == ""]
    scale, score = read_scale(ratings["csat"].tolist(), tally.plan.csat)
    ratings = ratings.assign(score=score)[~np.isnan(score)]
    if ratings.empty:
        return []
    counts = level_counts(ratings, ["score"])
    often = ratings.groupby(["score", "csat"])["n"].sum().sort_values(kind="stable").reset_index().drop_duplicates("score", keep="last")
    table = counts.set_axis([label.name for label in LEVELS], axis=1).astype(int).reset_index()
    table.insert(0, "csat", table["score"].map(often.set_index("score")["csat"]))  # as most customers put it
    table.insert(2, "n", counts.sum(axis=1).astype(int).to_numpy())
    table["mean_level"] = [mean_level(row)[0] for row in counts.to_numpy()]
    best, worst = counts.to_numpy()[[-1, 0]]
    odd = f"{int(best[:2].sum()):,} with the best rating read as levels 1 or 2, {int(worst[3:].sum()):,} with the worst as 4 or more."
    return [
        describe("csat", table, f"{_agreement(counts)}; {odd}", column=tally.plan.csat, scale="in words" if scale == "words" else scale)
    ]


def _agreement(counts: pd.DataFrame) -> str:
    """Say how far level and rating agree, with the interval of Bonett and Wright (2000)."""
    r, n = _correlation(counts), int(counts.to_numpy().sum())
    if n < SMALL:
        return f"Only {many(n, 'interaction')} {'is' if n == 1 else 'are'} rated, too few to tell how far level and rating agree"
    if not abs(r) < 1:
        return (
            f"All of {n:,} rated interactions have the same rating or the same level"
            if np.isnan(r)
            else f"Level and rating agree in all {n:,}"
        )
    half = 1.96 * np.sqrt((1 + r**2 / 2) / (n - 3))
    low, high = np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)
    told = f"rank correlation {r:.2f}, {low:.2f} to {high:.2f}, over {n:,} rated interactions"
    if low > 0:
        return f"Level and rating agree ({told})"
    return f"Level and rating {'go against each other' if high < 0 else 'do not agree beyond noise'} ({told})"


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
