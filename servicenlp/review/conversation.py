"""An item's text to what a page shows of it: who says what, and which words stand out."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from servicenlp.explanation import Contribution
from servicenlp.review.items import Item

EVIDENCE, FOR, AGAINST = "evidence", "for", "against"


class Mark(NamedTuple):
    """Words that stand out: ``text[start:end]``, and as what."""

    start: int
    end: int
    kind: str


class Piece(NamedTuple):
    """Words, and as what they stand out; "" if they do not."""

    text: str
    kind: str


class Bubble(NamedTuple):
    """What one speaker says at a time, the name as it stands in the text, and the words in pieces."""

    speaker: str
    name: str
    pieces: list[Piece]


def lay_out(item: Item, marks: Sequence[Mark] = ()) -> list[Bubble]:
    """Return an item's conversation.

    Parameters
    ----------
    item : Item
        With its text.
    marks : sequence of Mark
        What stands out; of those that overlap, the first.

    Examples
    --------
    >>> item = Item("k", "1", "Agent: Hi Eva.\\nCustomer: It broke.", {}, {})
    >>> for bubble in lay_out(item, [Mark(28, 33, EVIDENCE)]):
    ...     print(bubble.speaker, [piece.text for piece in bubble.pieces])
    agent ['Hi Eva.']
    customer ['It ', 'broke', '.']
    """
    bubbles = []
    chosen = _apart(marks)
    last = 0
    for speaker, start, end in item.turns:
        name = item.text[last:start].strip(" \t\r\n:-")
        last = end
        end = start + len(item.text[start:end].rstrip())
        pieces = list(_cut(item.text, start, end, chosen))
        if pieces or name:
            bubbles.append(Bubble(speaker, "" if name.casefold() == speaker else name, pieces))
    return bubbles


def _apart(marks: Iterable[Mark]) -> list[Mark]:
    """Return marks of which no two overlap, by their place."""
    chosen: list[Mark] = []
    for mark in marks:
        at = bisect_left(chosen, mark)
        free = (at == 0 or chosen[at - 1].end <= mark.start) and (at == len(chosen) or mark.end <= chosen[at].start)
        if mark.start < mark.end and free:
            chosen.insert(at, mark)
    return chosen


def _cut(text: str, start: int, end: int, marks: Sequence[Mark]) -> Iterable[Piece]:
    at = start
    for mark in marks[bisect_right(marks, start, key=lambda mark: mark.end) :]:
        if mark.start >= end:
            break
        first, last = max(mark.start, at), min(mark.end, end)
        if at < first:
            yield Piece(text[at:first], "")
        yield Piece(text[first:last], mark.kind)
        at = last
    if at < end:
        yield Piece(text[at:end], "")


def mark_evidence(item: Item) -> list[Mark]:
    """Return where the evidence of the predicted level stands."""
    start, end = item.prediction.get("evidence_start"), item.prediction.get("evidence_end")
    if start is None or end is None or item.text[start:end] != item.prediction.get("evidence"):
        return []
    return [Mark(start, end, EVIDENCE)]


def mark_terms(contributions: Sequence[Contribution], names: Collection[str]) -> list[Mark]:
    """Return where the terms of some names stand, the weightiest first."""
    return [Mark(found.start, found.end, FOR if found.value > 0 else AGAINST) for found in contributions if found.term in names]
