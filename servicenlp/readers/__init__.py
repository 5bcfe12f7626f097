"""Tables to interactions: which export a table is, and what its customers and agents said.

One module per export, each with a function ``recognise(sample, options) -> Shape | None``; `READERS`
lists them, the most particular first. README.md in this folder shows how to add one.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path

from servicenlp.errors import DataError
from servicenlp.formats import Options, Table, find_files, read_table
from servicenlp.readers.joins import host_shape, match, merge, only
from servicenlp.readers.shape import Record, Sample, Shape, record
from servicenlp.readers.source import Batch, Source

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
        else ["messages", "objects", "generic"]
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
