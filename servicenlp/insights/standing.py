"""Where we stand: the level mix of each group against the whole, and what of it is more than noise."""

import numpy as np
import pandas as pd

from servicenlp.insights.results import Result
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.statistics import ALPHA, SMALL, Floats, adjust, level_counts, mean_level, two_shares, wilson
from servicenlp.insights.tally import ALL, Tally
from servicenlp.taxonomy import LEVELS

_THEME = "Where we stand"
_SOURCE = "Kaufman: six levels of service."
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
        Result(
            "standing", "Level mix by group", _THEME, standing,
            "For each group the share of interactions at each level, with its 95% Wilson interval; rest_share is the share in all other "
            f"groups together. p is corrected for the number of comparisons (Benjamini and Yekutieli); below {ALPHA} the verdict is more "
            f"or fewer, else no difference shown; groups of fewer than {SMALL} interactions get no verdict.",
            _SOURCE, _said(standing, claims),
        ),
        Result(
            "means", "Mean level by group", _THEME, means(counts),
            "The mean level of each group with its 95% interval, and the shares of disappointed (1 and 2) and pleased (4 to 6).",
            _SOURCE, _said_mean(counts),
        ),
        *_csat(tally),
    ]  # fmt: skip


def level_mix(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each measure in each group, against the rest."""
    whole = counts.loc[("", ALL)] if ("", ALL) in counts.index else counts.iloc[0] * 0
    rows = []
    for (by, group), row in counts.iterrows():
        n, rest = row.sum(), whole.sum() - row.sum()
        for measure, levels in MEASURES.items():
            count, other = row[levels].sum(), whole[levels].sum() - row[levels].sum()
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
    rows = [(*key, int(row.sum()), *mean_level(row.to_numpy())[:3], *_shares(row.to_numpy())) for key, row in counts.iterrows()]
    return pd.DataFrame(rows, columns=[*counts.index.names, "n", "mean", "low", "high", "disappointed", "pleased"])


def _shares(row: Floats) -> tuple[float, float]:
    return float(row[:2].sum() / row.sum()), float(row[3:].sum() / row.sum())


def _said(standing: pd.DataFrame, claims: pd.DataFrame) -> str:
    groups = standing[standing["by"] != ""].groupby(["by", "group"]).ngroups
    if not groups:
        return "No groups were asked for."
    if claims.empty:
        return f"None of the {groups} groups differs from the rest by more than noise."
    first = claims.loc[claims["p"].idxmin()]
    return (
        f"{claims.groupby(['by', 'group']).ngroups} of {groups} groups differ from the rest by more than noise; most surely {first['group']}: "
        f"{first['measure']} {first['share']:.0%} against {first['rest_share']:.0%}."
    )


def _said_mean(counts: pd.DataFrame) -> str:
    if ("", ALL) not in counts.index:
        return "Nothing was scored."
    row = counts.loc[("", ALL)].to_numpy()
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
    hidden, harsh = int(counts.loc[top, [1, 2]].sum()), int(counts.loc[bottom, [4, 5, 6]].sum())
    kind = "good and bad" if set(counts.index) <= {0.0, 1.0} else f"{bottom:g} to {top:g}"
    return [
        Result(
            "csat", "Level against the customers' own rating", _THEME, table,
            f"Of the interactions that the customer rated (column {tally.plan.csat!r}, {kind}; 1 is good and 0 bad where words were given), "
            "how many are at each level. Rows at the best rating and level 1 or 2 are worth reading, as are those at the worst and 4 or more.",
            _SOURCE,
            f"Level and rating agree with a rank correlation of {r:.2f} over {n} rated interactions; {hidden} with the best "
            f"rating read as levels 1 or 2, {harsh} with the worst as 4 or more.",
        )
    ]  # fmt: skip


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
