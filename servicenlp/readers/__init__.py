"""Tables to interactions: which export a table is, and what its customers and agents said.

One module per export, each with a function ``recognise(sample, options) -> Shape | None``; `READERS`
lists them, the most particular first. README.md in this folder shows how to add one.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from servicenlp.errors import DataError
from servicenlp.formats import MISSING, Options, Row, Table, find_files, read_table
from servicenlp.interactions import Interaction, Message, Turn
from servicenlp.preprocessing import assemble, clean
from servicenlp.readers.conversations import Conversations
from servicenlp.readers.joins import host_shape, match, merge, only
from servicenlp.readers.shape import Record, Sample, Shape, ident, record

__all__ = ["READERS", "Batch", "Options", "Shape", "Source", "open_source", "open_sources", "recognise"]

READERS = (
    "intercom",
    "helpscout",
    "hubspot",
    "zendesk",
    "freshservice",
    "freshdesk",
    "salesforce",
    "jira",
    "contact_lens",
    "cx_insights",
    "genesys",
    "subtitles",
    "support_tickets",
    "slack",
    "servicenow",
    "nested",
    "mail",
    "chat",
    "objects",
    "messages",
    "generic",
)
_SAMPLE = 200


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


def open_source(path: str | Path, options: Options | None = None) -> Source:
    """Open one file of interactions.

    Parameters
    ----------
    path : str or Path
        Its format is known by its suffix, or, if that says nothing, by its content; its export by
        its columns. An archive or a folder is for `open_sources`.
    options : Options, optional
        What to take instead of what would be detected.

    Raises
    ------
    DataError
        If the file is missing, empty of rows and columns, unreadable, or holds no customer's words.

    Examples
    --------
    >>> source = open_source("data/examples/tickets.csv")
    >>> source.table.n_rows, source.shape.text_column
    (320, 'Description')
    """
    options = options or Options()
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path}: a folder, not a file. Found a folder. Name its files: {path}/*.csv.")
    table = read_table(path, options)
    shape = recognise(table, options)
    if shape.people:
        raise _only_people(table)
    return Source(table, shape)


def open_sources(paths: Sequence[Path], folder: Path, options: Options | None = None) -> list[Source]:
    """Open files, archives and folders of them; tables that belong together are joined.

    Parameters
    ----------
    paths : sequence of Path
        What to open.
    folder : Path
        Where archives are unpacked; it must last as long as the sources are used.
    options : Options, optional
        What to take instead of what would be detected.

    Raises
    ------
    DataError
        As `open_source` does, for each file.
    """
    options = options or Options()
    tables: list[Table] = []
    errors: list[DataError] = []
    lenient: set[str] = set()
    for path in paths:
        files = find_files(Path(path), folder)
        for file in files:
            name = _shown(file, Path(path), folder)
            try:
                tables.append(replace(read_table(file, options), name=name))
            except DataError as error:
                told = DataError(str(error).replace(str(file), name))
                if len(files) == 1:
                    raise told from error
                errors.append(told)
            if len(files) > 1:
                lenient.add(name)
    if not tables:
        raise errors[0]
    _tell(errors)
    found: list[Shape | DataError] = []
    for table in tables:
        try:
            if table.name in lenient and {"service_level", "service_status"} <= set(table.columns):
                raise DataError(f"{table.name}: scored already. Found columns of ours. Keep results in another folder.")
            found.append(recognise(table, options))
        except DataError as error:
            found.append(error)  # unless another table holds its messages
    return _join(tables, found, options, lenient)


def _shown(file: Path, path: Path, folder: Path) -> str:
    """Return what people call a file: where it was unpacked tells them nothing, in which archive it was does."""
    if not file.is_relative_to(folder):
        return str(file)
    around = str(path) if not path.is_relative_to(folder) else path.name
    inner = file.relative_to(folder).parts[1:]
    inner = inner[1:] if inner[:1] == (path.stem,) else inner
    return around if len(inner) == 0 or (len(inner) == 1 and path.stem == inner[0]) else "/".join([around, *inner])


def recognise(table: Table, options: Options) -> Shape:
    """Tell which export a table is.

    Raises
    ------
    DataError
        If it holds no customer's words, or is not the export that was named.
    """

    def walk() -> Iterator[Record]:
        return (record(table.columns, row) for row, problem in table.walk() if not problem)

    sample = Sample(table.name, table.columns, list(islice(walk(), _SAMPLE)), table.beside, walk)
    if options.reader and options.reader not in READERS:
        raise DataError(f"--from: no such export. Found {options.reader!r}. Choose from {', '.join(READERS)}.")
    chosen = (
        [options.reader]
        if options.reader
        else ["messages", "generic"]
        if options.text_column and options.id_column
        else ["objects", "generic"]
        if options.text_column
        else READERS
    )
    for name in chosen:
        shape: Shape | None = import_module(f"servicenlp.readers.{name}").recognise(sample, options)
        if shape is not None:
            return replace(shape, reader=name)
    columns = ", ".join(map(repr, table.columns[:8]))
    raise DataError(f"{table.name}: not an export of the kind {options.reader!r}. Found {columns}. Leave --from out.")


def _join(tables: list[Table], found: list[Shape | DataError], options: Options, lenient: set[str]) -> list[Source]:
    """Give conversations the messages that stand in other tables.

    Messages of a conversation that no table names are interactions of their own: they follow in a
    source of theirs, so that nothing is lost where the conversations are an older export, or a part.
    A table without words that stands among others, in a folder or an archive, is left out and named.
    """
    tables, found = merge(tables, found, lambda table: recognise(table, options))
    people: dict[str, str] = {}
    for table, shape in zip(tables, found, strict=True):
        if isinstance(shape, Shape) and shape.people:
            people.update(shape.people(record(table.columns, row)) for row, _ in table.walk())
    plan = match(tables, found)
    joined = {guest for guests in plan.guests.values() for guest in guests}
    sources: list[Source] = []
    errors: list[DataError] = []
    for i, (table, shape) in enumerate(zip(tables, found, strict=True)):
        guests = [Source(tables[guest], told) for guest in plan.guests.get(i, []) if isinstance(told := found[guest], Shape)]
        if guests:
            shape = host_shape(shape, plan.columns[i], [guest.shape for guest in guests])
        if isinstance(shape, DataError):
            if table.name not in lenient:
                raise shape
            errors.append(shape)
        elif i not in joined and not shape.people:
            sources.append(Source(table, shape, tuple(guests), people))
        elif keys := plan.lost.get(i):
            sources.append(Source(only(table, shape, keys), replace(shape, title=f"{shape.title}, of other conversations"), (), people))
    if not sources:
        raise errors[0] if errors else _only_people(tables[0])
    _tell(errors)
    return sources


def _tell(errors: Sequence[DataError]) -> None:
    """Name what is left out, on standard error unless logging is set up otherwise."""
    for error in errors:
        logging.getLogger("servicenlp").warning("Left out: %s", error)


def _only_people(table: Table) -> DataError:
    columns = ", ".join(map(repr, table.columns[:8]))
    return DataError(f"{table.name}: a list of people, who say nothing. Found {columns}. Give it together with what they wrote.")
