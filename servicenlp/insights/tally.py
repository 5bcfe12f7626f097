"""Records to counts and sampled quotations: all that the tables need, in memory that does not grow with the rows.

Counts are added and samples are kept by a number drawn from the row itself, so that the state of a
file can be saved, and brought up to date with the rows appended since, to the same result.
"""

import heapq
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from servicenlp.insights.records import Plan
from servicenlp.insights.rules import Mention, RuleSet
from servicenlp.interactions import Turn
from servicenlp.privacy import redact_turns
from servicenlp.taxonomy import CATEGORY_NAMES

ALL = "(all)"  # the whole, as a group of its own
OTHERS = "(other groups)"
MAX_GROUPS = 200
KEPT = 4  # quotations a subject and group
READ = 50  # interactions to read at either end
_EXCERPT = 320
_LONG = 3000

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


class Quote(NamedTuple):
    """A quotation: ``text[start:end]`` is what it is quoted for."""

    row: int
    level: int
    period: str
    text: str
    start: int
    end: int


@dataclass
class Tally:
    """What has been counted.

    Attributes
    ----------
    plan : Plan
        Which columns meant what.
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

    def add(self, records: pd.DataFrame, rules: RuleSet) -> None:
        """Count some records; they may be the same rows in other parts, and the result is the same."""
        records = records.reset_index(drop=True)
        for name in self.plan.by:
            records[f"by:{name}"] = self._known(name, records[f"by:{name}"])
        found = [rules.find(text) for text in records["text"]]
        tables = {name: records for name in ("levels", "patterns", "outcomes", "causes", "rings", "interests", "models")}
        tables["ratings"] = records[records["csat"].notna()]
        tables["failures"] = _failures(records)
        tables["flags"] = _flags(records)
        tables |= _mentioned(records, found, rules)
        for name, table in tables.items():
            for by in ("", *self.plan.by):
                self._count(name, table, by)
        self._quote(records, found, rules)
        self._read(records)

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

    def _quote(self, records: pd.DataFrame, found: list[list[Mention]], rules: RuleSet) -> None:
        """Draw quotations: of each subject and group those rows whose numbers are the smallest."""
        for theme, subject, table in _subjects(records, found, rules):
            rows = table["row"].to_numpy()
            for by in ("", *self.plan.by):
                groups = table.groupby(f"by:{by}", sort=False).indices if by else {ALL: np.arange(len(table))}
                for group, where in groups.items():
                    self._draw((theme, subject, by, str(group)), table, rows, np.asarray(where))

    def _draw(self, key: tuple[str, str, str, str], table: pd.DataFrame, rows: np.ndarray, where: np.ndarray) -> None:
        draws = _numbers(rows[where], zlib.crc32("\0".join(key).encode()) + self.seed)
        kept = self.quotes.setdefault(key, [])
        limit = kept[-1][0] if len(kept) == KEPT else None
        # Few rows come in, so a table is cut only for those: cutting one for each group took most of the time.
        chosen = [k for k in np.argsort(draws, kind="stable")[:KEPT] if limit is None or draws[k] < limit]
        kept += [(int(draws[k]), _excerpt(table.iloc[where[k]], self.redact)) for k in chosen]
        self.quotes[key] = sorted(kept)[:KEPT]

    def _read(self, records: pd.DataFrame) -> None:
        for name, level, column in (("criminal", 1, "p_bad"), ("unbelievable", 6, "p_top")):
            chosen = records[records["level"] == level].nlargest(READ, column)
            new = [(float(row[column]), -int(row["row"]), _whole(row, self.redact)) for _, row in chosen.iterrows()]
            self.extremes[name] = heapq.nlargest(READ, self.extremes[name] + new)

    def quotations(self) -> pd.DataFrame:
        """Return the drawn quotations: theme, subject, by, group, row, level, period, text, start, end."""
        rows = [(*key, *quote) for key, drawn in sorted(self.quotes.items()) for _, quote in drawn]
        return pd.DataFrame(rows, columns=["theme", "subject", "by", "group", *Quote._fields])


def _numbers(rows: np.ndarray, salt: int) -> np.ndarray:
    """Return a number for each row that looks drawn by lot but is always the same (splitmix64)."""
    with np.errstate(over="ignore"):
        z = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (z ^ (z >> np.uint64(31))) >> np.uint64(2)


def _failures(records: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each category that failed, and one under "any"."""
    failed = records[list(CATEGORY_NAMES)] == "failed"
    parts = [records[failed[name]].assign(category=name) for name in CATEGORY_NAMES]
    return pd.concat([*parts, records[failed.any(axis=1)].assign(category="any")])


def _flags(records: pd.DataFrame) -> pd.DataFrame:
    flagged = records[records["flags"] != ""]
    return flagged.assign(flag=flagged["flags"].str.split("|")).explode("flag")


def _mentioned(records: pd.DataFrame, found: list[list[Mention]], rules: RuleSet) -> dict[str, pd.DataFrame]:
    """Return what the rules found, as tables whose rows are to be counted."""
    at = {name: list[tuple[Any, ...]]() for name in ("mentions", "gestures", "wishes", "offerings", "rivals")}
    texts, levels = records["text"].tolist(), records["level"].tolist()
    for i, mentions in enumerate(found):
        if not mentions:
            continue
        text = texts[i]
        names = {mention.rule.id: mention.rule.theme for mention in mentions}
        at["mentions"] += [(i, rule) for rule in names]
        wished = {(mention.left, mention.right): mention for mention in mentions if mention.rule.theme == "wish"}
        if gestures := sorted(rule for rule, theme in names.items() if theme == "gesture"):
            at["gestures"].append((i, "+".join(gestures)))
        at["wishes"] += [(i, topic) for topic in sorted({topic for m in wished.values() for topic in topics(rules, text, m)})]
        at["offerings"] += [(i, rule, _manner(rule, mentions, wished, levels[i])) for rule, theme in names.items() if theme == "offering"]
        rivals = {(m.name, topic, m.rule.detail) for m in mentions if m.rule.theme == "competitor" for topic in topics(rules, text, m)}
        at["rivals"] += [(i, *told) for told in sorted(rivals)]
    columns = {
        "mentions": ["rule"],
        "gestures": ["gestures"],
        "wishes": ["topic"],
        "offerings": ["rule", "manner"],
        "rivals": ["name", "topic", "verdict"],
    }
    tables = {name: _joined(records, at[name], names) for name, names in columns.items()}
    trust = {rule.id for rule in rules.of("trust")}
    return tables | {"followed": tables["mentions"][tables["mentions"]["rule"].isin(trust)]}


def _joined(records: pd.DataFrame, found: list[tuple[Any, ...]], names: list[str]) -> pd.DataFrame:
    told = pd.DataFrame(found, columns=["at", *names])
    table = records.iloc[told["at"].to_numpy(int)].reset_index(drop=True)
    return table.assign(**{name: told[name].to_numpy() for name in names})


def topics(rules: RuleSet, text: str, mention: Mention) -> list[str]:
    """Return what the sentence of a mention is about; "topic-other" if none of the topics."""
    return [rule.id for rule in rules.topics(text, mention.left, mention.right)] or ["topic-other"]


def _manner(rule: str, mentions: Iterable[Mention], wished: dict[tuple[int, int], Mention], level: int) -> str:
    """Tell how an offering is spoken of: wished for in its own sentence, else as the interaction went."""
    if any(mention.rule.id == rule and (mention.left, mention.right) in wished for mention in mentions):
        return "wished for"
    return "damned" if level <= 2 else "praised" if level >= 4 else "mentioned"


def _subjects(records: pd.DataFrame, found: list[list[Mention]], rules: RuleSet) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield (theme, subject, the records to quote for it, with `left`, `right`, `from`, `to` where a rule tells the place)."""
    bad = records[(records["level"] <= 2) & (records["evidence"] != "")]
    for category in CATEGORY_NAMES:
        yield "failed", category, bad[bad[category] == "failed"]
    for cause in ("process", "person", "customer", "external"):
        yield "cause", cause, bad[bad["cause"] == cause]
    for interest in ("client", "company"):
        yield "interest", interest, records[(records["interest"] == interest) & (records["evidence"] != "")]
    texts = records["text"].tolist()
    places: dict[tuple[str, str], list[tuple[int, Mention]]] = {}
    for i, mentions in enumerate(found):
        for mention in mentions:
            theme = mention.rule.theme
            subjects = topics(rules, texts[i], mention) if theme == "wish" else [mention.name] if mention.name else [mention.rule.id]
            for subject in subjects:
                places.setdefault((theme, subject), []).append((i, mention))
    for (theme, subject), told in places.items():
        first = {i: mention for i, mention in reversed(told)}
        table = records.iloc[list(first)].copy()
        table["left"], table["right"] = [m.left for m in first.values()], [m.right for m in first.values()]
        table["from"], table["to"] = [m.start for m in first.values()], [m.end for m in first.values()]
        yield theme, subject, table


def _excerpt(row: pd.Series, redact: bool) -> Quote:
    """Return the sentence around what is quoted, shortened, and the place of it therein."""
    text = row["text"]
    start, end = (int(row["from"]), int(row["to"])) if "from" in row else _evidence(row)
    left, right = (int(row["left"]), int(row["right"])) if "left" in row else (max(0, start - 80), min(len(text), end + 80))
    if redact:
        text, (quoted, around), _ = redact_turns(text, [Turn("", start, end), Turn("", left, right)])
        (_, start, end), (_, left, right) = quoted, around
    left, right = max(left, start - _EXCERPT // 2), min(right, max(end, start + _EXCERPT // 2))
    while left > 0 and left < start and text[left - 1].isalnum():
        left += 1  # not in the middle of a word
    while right < len(text) and right > end and text[right].isalnum():
        right -= 1
    return Quote(int(row["row"]), int(row["level"]), row["period"], text[left:right], start - left, end - left)


def _evidence(row: pd.Series) -> tuple[int, int]:
    """Return where the evidence stands in the text, which may have been cleaned since."""
    text, evidence = row["text"], row["evidence"]
    start, end = int(row["start"]), int(row["end"])
    if text[start:end] == evidence and start >= 0:
        return start, end
    start = max(0, text.find(evidence))
    return start, min(len(text), start + len(evidence))


def _whole(row: pd.Series, redact: bool) -> Quote:
    """Return an interaction to read: all of it, if it is not very long, with its evidence marked."""
    text, (start, end) = row["text"], _evidence(row)
    if redact:
        text, [(_, start, end)], _ = redact_turns(text, [Turn("", start, end)])
    left = max(0, min(start - 200, len(text) - _LONG))
    return Quote(int(row["row"]), int(row["level"]), row["period"], text[left : left + _LONG], start - left, end - left)
