"""Quotations: which rows are drawn for a subject, and what of their words is shown."""

import heapq
import zlib
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from servicenlp.insights.rules import Mention, RuleSet, sentence
from servicenlp.insights.statistics import rows_of
from servicenlp.interactions import Turn
from servicenlp.privacy import redact_turns
from servicenlp.taxonomy import CATEGORY_NAMES

KEPT = 4  # quotations a subject and group
READ = 50  # interactions to read at either end
_EXCERPT = 320
_AROUND = 80  # characters at either side of evidence
_LONG = 3000
_COLUMNS = ("row", "level", "period", "text", "evidence", "start", "end")

Key = tuple[str, str, str, str]
Sure = tuple[float, int, "Quote"]  # probability, row (below zero, so that of the same the first comes first), words
Ints = npt.NDArray[np.int64]


class Quote(NamedTuple):
    """A quotation: ``text[start:end]`` is what it is quoted for."""

    row: int
    level: int
    period: str
    text: str
    start: int
    end: int


class Place(NamedTuple):
    """What to quote of a text, and the sentence around it."""

    start: int
    end: int
    left: int
    right: int


class Subject(NamedTuple):
    """Which records speak of a subject; the place in each where a rule tells it, else their evidence is quoted."""

    theme: str
    name: str
    at: Ints
    places: Sequence[Mention] = ()


def draw(
    kept: dict[Key, list[tuple[int, Quote]]], records: pd.DataFrame, subjects: Iterator[Subject], by: Sequence[str], seed: int, redact: bool
) -> None:
    """Draw quotations of each subject and group: of the whole first, then of each of the columns `by`.

    A number is told for each row by its place in the file, and those of the smallest numbers are
    kept, so that the same rows are drawn however the file is read.
    """
    cells = {name: records[name].tolist() for name in _COLUMNS}
    rows = records["row"].to_numpy()
    codes = {name: pd.factorize(records[f"by:{name}"]) for name in by}
    for subject in subjects:
        numbers = _numbers(rows[subject.at], zlib.crc32(f"{subject.theme}\0{subject.name}".encode()) + seed)
        order = np.argsort(numbers, kind="stable")
        for name in ("", *by):
            groups, names = (codes[name][0][subject.at], codes[name][1]) if name else (np.zeros(len(order), int), ["(all)"])
            for k in order[_first(groups[order])]:
                own = kept.setdefault((subject.theme, subject.name, name, str(names[groups[k]])), [])
                if len(own) < KEPT or numbers[k] < own[-1][0]:
                    row = {column: told[subject.at[k]] for column, told in cells.items()}
                    own.append((int(numbers[k]), _excerpt(row, subject.places[k] if subject.places else None, redact)))
                    own.sort(key=itemgetter(0))
                    del own[KEPT:]


def _first(groups: Ints) -> Ints:
    """Return where the first few of each group stand."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, int)
    rank = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.r_[starts, len(ordered)]))
    return np.sort(order[rank < KEPT])


def _numbers(rows: npt.NDArray[Any], salt: int) -> npt.NDArray[np.uint64]:
    """Return a number for each row that looks drawn by lot but is always the same (splitmix64)."""
    with np.errstate(over="ignore"):
        z = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray((z ^ (z >> np.uint64(31))) >> np.uint64(2))


def subjects(records: pd.DataFrame, found: Sequence[Sequence[Mention]], rules: RuleSet) -> Iterator[Subject]:
    """Yield what is quoted: failures, causes and interests by their evidence, and what the rules found."""
    bad = ((records["level"] <= 2) & (records["evidence"] != "")).to_numpy()
    for category in CATEGORY_NAMES:
        yield Subject("failed", category, np.flatnonzero(bad & (records[category] == "failed").to_numpy()))
    for cause in ("process", "person", "customer", "external"):
        yield Subject("cause", cause, np.flatnonzero(bad & (records["cause"] == cause).to_numpy()))
    told = (records["evidence"] != "").to_numpy()
    for interest in ("client", "company"):
        yield Subject("interest", interest, np.flatnonzero(told & (records["interest"] == interest).to_numpy()))
    texts = records["text"].tolist()
    places: dict[tuple[str, str], dict[int, Mention]] = {}
    for i, mentions in enumerate(found):
        for mention in mentions:
            theme = mention.rule.theme
            names = rules.about(texts[i], mention) if theme == "wish" else [mention.name or mention.rule.id]
            for name in names:
                places.setdefault((theme, name), {}).setdefault(i, mention)
    for (theme, name), first in places.items():
        yield Subject(theme, name, np.fromiter(first, int, len(first)), list(first.values()))


def read(kept: list[Sure], records: pd.DataFrame, level: int, column: str, redact: bool) -> list[Sure]:
    """Return the surest interactions of a level, of those kept and of some records, by the probability in a column."""
    chosen = records[records["level"] == level].nlargest(READ, column)
    least = kept[-1][0] if len(kept) == READ else -1.0
    new = [(float(row[column]), -int(row["row"]), _whole(row, redact)) for row in rows_of(chosen) if row[column] >= least]
    return heapq.nlargest(READ, kept + new)


def _excerpt(row: dict[str, Any], mention: Mention | None, redact: bool) -> Quote:
    """Return the sentence around what is quoted, shortened, and the place of it therein."""
    text = row["text"]
    start, end = (mention.start, mention.end) if mention else _evidence(row)
    left, right = (mention.left, mention.right) if mention else (max(0, start - _AROUND), min(len(text), end + _AROUND))
    if redact:
        text, (quoted, around), _ = redact_turns(text, [Turn("", start, end), Turn("", left, right)])
        (_, start, end), (_, left, right) = quoted, around
    left, right = max(left, start - _EXCERPT // 2), min(right, max(end, start + _EXCERPT // 2))
    return _cut(row, text, Place(start, end, left, right))


def _whole(row: dict[str, Any], redact: bool) -> Quote:
    """Return an interaction to read: all of it, if it is not very long, with its evidence marked."""
    text, (start, end) = row["text"], _evidence(row)
    if redact:
        text, [(_, start, end)], _ = redact_turns(text, [Turn("", start, end)])
    left = max(0, min(start - 200, len(text) - _LONG))
    return _cut(row, text, Place(start, end, left, min(len(text), left + _LONG)))


def _cut(row: dict[str, Any], text: str, place: Place) -> Quote:
    """Cut a quotation, not in the middle of a word; dots tell where a sentence is cut."""
    start, end, left, right = place
    while 0 < left < start and text[left - 1].isalnum():
        left += 1
    while end < right < len(text) and text[right].isalnum():
        right -= 1
    left += len(text[left:start]) - len(text[left:start].lstrip())
    right -= len(text[end:right]) - len(text[end:right].rstrip())
    before = "… " if left and sentence(text, left, left)[0] < left else ""
    after = " …" if right < len(text) and text[right - 1] not in ".!?\n" and text[right : right + 1] not in ".!?\n" else ""
    shift = len(before) - left
    return Quote(int(row["row"]), int(row["level"]), row["period"], before + text[left:right] + after, start + shift, end + shift)


def _evidence(row: dict[str, Any]) -> tuple[int, int]:
    """Return where the evidence stands in the text, which may have been cleaned since."""
    text, evidence = row["text"], row["evidence"]
    start, end = int(row["start"]), int(row["end"])
    if text[start:end] == evidence and start >= 0:
        return start, end
    start = max(0, text.find(evidence))
    return start, min(len(text), start + len(evidence))
