"""Three rings: the level mix in each ring, what the support ring is about, and what moves inward."""

import pandas as pd

from servicenlp.insights.results import Result, describe, many
from servicenlp.insights.rules import RuleSet
from servicenlp.insights.staircase import TOO_SHORT, period_thirds
from servicenlp.insights.statistics import ALPHA, SMALL, adjust, each, level_counts, mean_level, rows_of, two_shares, wilson
from servicenlp.insights.tally import Tally
from servicenlp.taxonomy import LEVELS, RINGS

_FEW = 10  # mentions at either end below which no move inward is told
_MIX = [label.name for label in LEVELS]


def results(tally: Tally, rules: RuleSet) -> list[Result]:
    """Return the tables of this theme."""
    mix, topics, moved = rings(tally), support(tally, rules), inward(tally, rules)
    return [
        describe("rings", mix, _said(mix)),
        describe("support_topics", topics, _said_topics(topics)),
        describe("inward", moved, _said_moved(moved, period_thirds(tally) is not None), alpha=ALPHA, few=_FEW),
    ]


def rings(tally: Tally) -> pd.DataFrame:
    """Return the level mix of each ring in each group."""
    counts = level_counts(tally.frame("rings"), ["by", "group", "ring"])
    sizes = counts.groupby(level=["by", "group"]).sum().sum(axis=1)
    names = {str(label.value): label.name for label in RINGS}
    order = {str(label.value): i for i, label in enumerate(RINGS)}
    rows = []
    for (by, group, ring), row in each(counts):
        n, bad = row.sum(), row[:2].sum()
        low, high = wilson(bad, n)
        told = (n / sizes.at[(by, group)], mean_level(row).mean, bad / n, float(low), float(high), row[3:].sum() / n)
        rows.append((by, group, ring, names[ring], int(n), *told, *map(int, row)))
    columns = ["by", "group", "ring", "name", "n", "share", "mean_level", "disappointed", "low", "high", "pleased", *_MIX]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(
        ["by", "group", "ring"], key=lambda column: column.map(order) if column.name == "ring" else column, ignore_index=True
    )


def support(tally: Tally, rules: RuleSet) -> pd.DataFrame:
    """Return what is said of each kind of support."""
    return mention_table(tally, rules, "support", "topic")


def mention_table(tally: Tally, rules: RuleSet, theme: str, what: str) -> pd.DataFrame:
    """Return for each rule of a theme how many interactions of the whole mention it, and how these went."""
    names = {rule.id: rule.name for rule in rules.of(theme)}
    told = tally.frame("mentions")
    counts = level_counts(told[(told["by"] == "") & told["rule"].isin(names)], ["rule"])
    n = counts.sum(axis=1)
    table = pd.DataFrame({what: counts.index, "name": counts.index.map(names), "count": n.to_numpy(int)})
    table["mean_level"] = [mean_level(row).mean for row in counts.to_numpy()]
    for column, levels in (("disappointed", [1, 2]), ("pleased", [4, 5, 6])):
        count = counts[levels].sum(axis=1).to_numpy()
        table[column] = count / n.to_numpy()
        table[f"{column}_low"], table[f"{column}_high"] = wilson(count, n)
    return table.sort_values(["count", what], ascending=[False, True], ignore_index=True)


def inward(tally: Tally, rules: RuleSet) -> pd.DataFrame:
    """Return what pleased once and pleases less now."""
    columns = ["what", "name", "then", "now", "pleased_then", "pleased_now", "p", "arithmetic"]
    ends = period_thirds(tally)
    if ends is None:
        return pd.DataFrame(columns=columns)
    told = tally.frame("mentions")
    told = told[told["by"] == ""]
    rows = []
    for rule in rules.of("support", "gesture"):
        own = told[told["rule"] == rule.id]
        parts = [own[own["period"].isin(end.periods)] for end in ends]
        n = [int(part["n"].sum()) for part in parts]
        good = [int(part.loc[part["level"] >= 4, "n"].sum()) for part in parts]
        if min(n) >= _FEW:
            text = " -> ".join(f"pleased in {k:,} of {m:,} ({k / m:.0%}) in {end.name}" for k, m, end in zip(good, n, ends, strict=True))
            rows.append((rule.id, rule.name, *n, good[0] / n[0], good[1] / n[1], two_shares(good[0], n[0], good[1], n[1]), text))
    table = pd.DataFrame(rows, columns=columns)
    table["p"] = adjust(table["p"]) if len(table) else table["p"]
    fallen = table[(table["p"] < ALPHA) & (table["pleased_now"] < table["pleased_then"])]
    return fallen.sort_values("p", ignore_index=True)


def _said(mix: pd.DataFrame) -> str:
    whole = mix[(mix["by"] == "") & (mix["ring"] != "none") & (mix["n"] >= SMALL)]
    if whole.empty:
        return "Too few interactions were decided in any ring to tell."
    if len(whole) == 1:
        own = rows_of(whole)[0]
        told = f"{own['disappointed']:.0%} of {own['n']:,} disappointed, {own['pleased']:.0%} pleased"
        return f"Only the {own['name']} decided {SMALL} interactions or more: {told}."
    return f"{_most(whole, 'disappointed', 'disappoints')}; {_most(whole, 'pleased', 'pleases')}."


def _most(rings: pd.DataFrame, column: str, verb: str) -> str:
    """Say which ring has the highest share, and where that is no more than noise, which one may have it as well."""
    first, *others = sorted(rows_of(rings), key=lambda row: -row[column])
    told = f"the {first['name']} {verb} most ({first[column]:.0%} of {first['n']:,})"
    pairs = [(round(row[column] * row["n"]), row["n"], round(first[column] * first["n"]), first["n"]) for row in others]
    p = adjust([two_shares(*pair) for pair in pairs]).tolist()
    near = [f"{row['name']} ({row[column]:.0%} of {row['n']:,})" for row, one in zip(others, p, strict=True) if one >= ALPHA]
    return told + (f", by no more than noise against the {' and the '.join(near)}" if near else "")


def _said_topics(topics: pd.DataFrame) -> str:
    if topics.empty:
        return "No support was spoken of."
    first = topics.iloc[0]
    bad = round(first["disappointed"] * first["count"])
    return f"Most spoken of: {first['name']}, in {many(first['count'], 'interaction')}, of which {bad:,} disappointed."


def _said_moved(moved: pd.DataFrame, known: bool) -> str:
    if not known:
        return TOO_SHORT
    if moved.empty:
        return "Nothing that delighted is merely expected now, by more than noise."
    return f"{moved.iloc[0]['name']}: {moved.iloc[0]['arithmetic']}."
