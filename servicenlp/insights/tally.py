"""Records to counts and sampled quotations: all that the tables need, in memory that does not grow with the rows.

Counts are added and samples are kept by a number drawn from the row itself, so that the state of a
file can be saved, and brought up to date with the rows appended since, to the same result.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from servicenlp.insights.quotations import Quote, draw, read, subjects
from servicenlp.insights.records import Plan
from servicenlp.insights.rules import Mention, RuleSet
from servicenlp.taxonomy import CATEGORY_NAMES

ALL = "(all)"  # the whole, as a group of its own
OTHERS = "(other groups)"
ANYTHING = "anything"  # all that a competitor is named for, together
MAX_GROUPS = 200

# What is counted together, for the whole and for each group.
CUBES: dict[str, tuple[str, ...]] = {
    "levels": ("period", "level"),
    "patterns": ("level", *CATEGORY_NAMES),
    "outcomes": ("period", *CATEGORY_NAMES),
    "failures": ("category", "cause", "level"),
    "causes": ("cause", "level"),
    "rings": ("ring", "level"),
    "interests": ("interest", "level", "relationship"),
    "ratings": ("csat", "level"),
    "flags": ("period", "flag"),
    "mentions": ("rule", "period", "level"),
    "gestures": ("period", "level", "gestures"),
    "wishes": ("topic", "level"),
    "offerings": ("rule", "manner", "level"),
    "rivals": ("name", "topic", "verdict"),
    "models": ("model",),
    "followed": ("interest", "rule", "level"),
}
COLUMNS = {name: ("by", "group", *dimensions) for name, dimensions in CUBES.items()}
# What the rules tell of a record, in the cubes that count it.
_FOUND = {
    "mentions": ("rule",),
    "gestures": ("gestures",),
    "wishes": ("topic",),
    "offerings": ("rule", "manner"),
    "rivals": ("name", "topic", "verdict"),
}
_NAMED = ("period", *CATEGORY_NAMES, "ring", "cause", "interest", "model")


@dataclass
class Tally:
    """What has been counted.

    Attributes
    ----------
    plan : Plan
        Which columns meant what.
    rules : RuleSet
        What was looked for in the words.
    n_rows : int
        All rows, scored or not.
    counts : dict of str to Counter
        The cubes of `CUBES`; the keys are values of the columns in `COLUMNS`.
    quotes : dict of tuple to list
        By (theme, subject, by, group), some quotations with the numbers they were drawn by.
    extremes : dict of str to list
        "criminal" and "unbelievable": the surest of each, with their probability.
    seed : int
        Of the drawing.
    redact : bool
        Whether quotations are masked (`servicenlp.privacy`); their whole interaction is looked at.
    """

    plan: Plan
    rules: RuleSet
    n_rows: int = 0
    counts: dict[str, Counter[tuple[Any, ...]]] = field(default_factory=lambda: {name: Counter() for name in CUBES})
    quotes: dict[tuple[str, str, str, str], list[tuple[int, Quote]]] = field(default_factory=dict)
    extremes: dict[str, list[tuple[float, int, Quote]]] = field(default_factory=lambda: {"criminal": [], "unbelievable": []})
    groups: dict[str, set[str]] = field(default_factory=dict)
    seed: int = 0
    redact: bool = False

    def frame(self, cube: str) -> pd.DataFrame:
        """Return one cube as a table with the column n."""
        counter = self.counts[cube]
        table = pd.DataFrame(list(counter), columns=list(COLUMNS[cube]))
        table["n"] = np.fromiter(counter.values(), int, len(counter))
        return table

    def add(self, records: pd.DataFrame) -> None:
        """Count some records; they may be the same rows in other parts, and the result is the same."""
        records = records.reset_index(drop=True)
        for name in self.plan.by:
            records[f"by:{name}"] = self._known(name, records[f"by:{name}"])
        named = [*(f"by:{name}" for name in self.plan.by), *_NAMED]
        records = records.astype(dict.fromkeys(named, "category"))  # told apart once, not anew for each count
        found = [self.rules.find(text) for text in records["text"]]
        for cube, table in _tables(records, found, self.rules).items():
            for by in ("", *self.plan.by):
                self._count(cube, table, by)
        draw(self.quotes, records, subjects(records, found, self.rules), self.plan.by, self.seed, self.redact)
        for end, level, column in (("criminal", 1, "p_bad"), ("unbelievable", 6, "p_top")):
            self.extremes[end] = read(self.extremes[end], records, level, column, self.redact)

    def _known(self, name: str, cells: pd.Series) -> pd.Series:
        """Return the group names, those beyond the first `MAX_GROUPS` in one."""
        known = self.groups.setdefault(name, set())
        for cell in cells.unique():
            if len(known) < MAX_GROUPS:
                known.add(cell)
        return cells.where(cells.isin(known), OTHERS)

    def _count(self, cube: str, table: pd.DataFrame, by: str) -> None:
        if table.empty:
            return
        dimensions = [f"by:{by}"] * bool(by) + list(CUBES[cube])
        sizes = table.groupby(dimensions, sort=False, observed=True).size()
        keys = (key if isinstance(key, tuple) else (key,) for key in sizes.index.tolist())
        lead = (by,) if by else ("", ALL)
        counter = self.counts[cube]
        for key, n in zip(keys, sizes.to_numpy().tolist(), strict=True):
            counter[(*lead, *key)] += n

    def quotations(self) -> pd.DataFrame:
        """Return the drawn quotations: theme, subject, by, group, row, level, period, text, start, end."""
        rows = [(*key, *quote) for key, drawn in sorted(self.quotes.items()) for _, quote in drawn]
        return pd.DataFrame(rows, columns=["theme", "subject", "by", "group", *Quote._fields])


def _tables(records: pd.DataFrame, found: Sequence[Sequence[Mention]], rules: RuleSet) -> dict[str, pd.DataFrame]:
    """Return for each cube the table whose rows are to be counted."""
    plain = dict.fromkeys(("levels", "patterns", "outcomes", "causes", "rings", "interests", "models"), records)
    told = {name: _joined(records, rows, _FOUND[name]) for name, rows in _mentioned(records, found, rules).items()}
    trust = told["mentions"]["rule"].isin([rule.id for rule in rules.of("trust")])
    return plain | told | {
        "ratings": records[records["csat"] != ""],
        "failures": _failures(records),
        "flags": _flags(records),
        "followed": told["mentions"][trust],
    }  # fmt: skip


def _failures(records: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each category that failed, and one under "any"."""
    failed = records[list(CATEGORY_NAMES)] == "failed"
    parts = [records[failed[name]].assign(category=name) for name in CATEGORY_NAMES]
    return pd.concat([*parts, records[failed.any(axis=1)].assign(category="any")])


def _flags(records: pd.DataFrame) -> pd.DataFrame:
    flagged = records[records["flags"] != ""]
    return flagged.assign(flag=flagged["flags"].str.split("|")).explode("flag")


def _mentioned(records: pd.DataFrame, found: Sequence[Sequence[Mention]], rules: RuleSet) -> dict[str, list[tuple[Any, ...]]]:
    """Return what the rules found, each time with the number of its record."""
    at = {name: list[tuple[Any, ...]]() for name in _FOUND}
    texts, levels = records["text"].tolist(), records["level"].tolist()
    for i, mentions in enumerate(found):
        if not mentions:
            continue
        names = {mention.rule.id: mention.rule.theme for mention in mentions}
        wishes = {(mention.left, mention.right): mention for mention in mentions if mention.rule.theme == "wish"}
        rivals = [mention for mention in mentions if mention.rule.theme == "competitor"]
        at["mentions"] += [(i, rule) for rule in names]
        if gestures := sorted(rule for rule, theme in names.items() if theme == "gesture"):
            at["gestures"].append((i, "+".join(gestures)))
        at["wishes"] += [(i, topic) for topic in sorted({topic for wish in wishes.values() for topic in rules.about(texts[i], wish)})]
        at["offerings"] += [(i, rule, _manner(rule, mentions, wishes, levels[i])) for rule, theme in names.items() if theme == "offering"]
        compared = {(one.name, topic, one.rule.detail) for one in rivals for topic in (ANYTHING, *rules.about(texts[i], one))}
        at["rivals"] += [(i, *told) for told in sorted(compared)]
    return at


def _joined(records: pd.DataFrame, found: list[tuple[Any, ...]], names: Sequence[str]) -> pd.DataFrame:
    told = pd.DataFrame(found, columns=["at", *names])
    table = records.iloc[told["at"].to_numpy(int)].reset_index(drop=True)
    return table.assign(**{name: told[name].to_numpy() for name in names})


def _manner(rule: str, mentions: Iterable[Mention], wished: dict[tuple[int, int], Mention], level: int) -> str:
    """Tell how an offering is spoken of: wished for in its own sentence, else as the interaction went."""
    if any(mention.rule.id == rule and (mention.left, mention.right) in wished for mention in mentions):
        return "wished for"
    return "damned" if level <= 2 else "praised" if level >= 4 else "mentioned"
