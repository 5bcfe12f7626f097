"""An opened export: its rows, and how they become interactions, batch by batch."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from servicenlp.formats import MISSING, Row, Table
from servicenlp.interactions import Interaction, Message, Turn
from servicenlp.preprocessing import assemble, clean
from servicenlp.readers.conversations import Conversations
from servicenlp.readers.shape import Record, Shape, ident, record


class Batch(NamedTuple):
    """Some rows and their interactions.

    Attributes
    ----------
    rows : list of Row
        As they came.
    texts : list
        What is judged of each; a cell that is no text as it came.
    problems : dict of int to str
        By index, why a row has no interaction to judge.
    turns : dict of int to list of Turn
        By index, the turns of those whose turns are known; the others are to be split.
    made : set of int
        The indices of the texts that are not cells as they stand in their row.
    """

    rows: list[Row]
    texts: list[Any]
    problems: dict[int, str]
    turns: dict[int, list[Turn]]
    made: set[int]


@dataclass(frozen=True)
class Source:
    """An opened export: its rows, and how they become interactions.

    Attributes
    ----------
    table : Table
        The rows.
    shape : Shape
        How they become interactions.
    joined : tuple of Source
        Other exports that hold messages of this one's interactions.
    people : dict of str to str
        The roles of people by id, where another table tells them.
    """

    table: Table
    shape: Shape
    joined: tuple["Source", ...] = ()
    people: dict[str, str] = field(default_factory=dict)

    @property
    def form(self) -> str:
        """What was detected, for people."""
        uses = ", ".join(f"{role} {column!r}" for role, column in self.shape.uses.items())
        return f"{self.table.form}; {self.shape.title}{': ' if uses else ''}{uses}"

    @property
    def rowwise(self) -> bool:
        """Whether each row is an interaction, told by one cell of it and by no other row."""
        return not (self.shape.messages or self.shape.fill or self.joined or self.shape.key)

    def batches(self, size: int, skip: int = 0) -> Iterator[Batch]:
        """Walk the rows in batches, after the first `skip` rows."""
        if self.rowwise:
            yield from self._column(size, skip)
            return
        with TemporaryDirectory() as folder:
            talks = self._conversations(Path(folder) / "messages.db")
            walk = islice(enumerate(self._records()), skip, None)
            while part := list(islice(walk, size)):
                batch = Batch([row for _, (row, _, _) in part], [], {}, {}, set())
                for i, (number, (_, told, problem)) in enumerate(part):
                    text, turns, why, made = self._interaction(number, told, problem, talks)
                    batch.texts.append(text)
                    if why:
                        batch.problems[i] = why
                    if turns is not None:
                        batch.turns[i] = turns
                    if made:
                        batch.made.add(i)
                yield batch

    def _column(self, size: int, skip: int) -> Iterator[Batch]:
        """Walk the rows in batches where one cell is the interaction: nearly all that is scored, so with little ado."""
        at = self.table.columns.index(self.shape.text_column)
        walk = islice(self.table.walk(), skip, None)
        while part := list(islice(walk, size)):
            cleaned = [clean(row[at]) for row, _ in part]
            problems = {i: problem for i, (_, problem) in enumerate(part) if problem}
            made = {i for i, interaction in enumerate(cleaned) if interaction.made}
            yield Batch([row for row, _ in part], [interaction.text for interaction in cleaned], problems, {}, made)

    def _records(self) -> Iterator[tuple[Row, Record, str | None]]:
        """Walk the rows as they came, with what each tells and what is wrong with it."""
        above: Record = {}
        for row, problem in self.table.walk():
            told = record(self.table.columns, row)
            if self.shape.fill and not problem:
                above |= {name: told[name] for name in self.shape.fill if ident(told.get(name))}
                told |= above
            yield row, told, problem

    def _interaction(self, number: int, told: Record, problem: str | None, talks: Conversations | None) -> Interaction:
        if problem:
            return Interaction("", None, problem, False)
        if self.shape.messages is None and talks is None:
            return clean(told.get(self.shape.text_column, MISSING))  # where other columns are filled in
        if talks is None or self.shape.key is None:
            own = list(self.shape.messages(told)) if self.shape.messages else []
            if talks is None:
                return assemble(self._settled(told, own))
            return assemble(self._settled(told, own + talks.messages(ident(told.get(self.shape.id_column, "")))))
        key = ident(self.shape.key(told))
        first = talks.first(key)
        if first != number:
            return Interaction("", None, f"part of the interaction in row {first + 1}", False)
        return assemble(self._settled(told, talks.messages(key)))

    def _settled(self, told: dict[str, Any], messages: list[Message]) -> list[Message]:
        """Give speakers that are known by id their roles."""
        messages = [m._replace(speaker=self.people.get(m.speaker) or m.speaker) for m in messages]
        settle = next((source.shape.settle for source in (self, *self.joined) if source.shape.settle), None)
        return settle(told, messages) if settle else messages

    def _conversations(self, path: Path) -> Conversations | None:
        """Gather the messages that stand in rows of their own."""
        sources = ((self,) if self.shape.key else ()) + self.joined
        if not sources:
            return None
        talks = Conversations(path)
        for source in sources:
            for number, (_, told, problem) in enumerate(source._records()):
                if not problem and source.shape.key and source.shape.messages:
                    talks.add(ident(source.shape.key(told)), number, source.shape.messages(told))
        return talks
