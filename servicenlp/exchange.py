"""Scored or labelled rows to the files of annotation tools, and back: Argilla and Label Studio.

Nothing is sent anywhere: these are files that the tools import and export. A row is a dictionary of
its columns. Predictions go where the tool shows them, with model version and score; every other
column goes along, so that what comes back is the same row, with the reviewers' verdicts added.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from servicenlp import argilla, label_studio
from servicenlp.errors import DataError
from servicenlp.formats import MISSING, Options, read_table
from servicenlp.readers import open_source
from servicenlp.records import Form, Record, join_row, split_row

__all__ = ["TOOLS", "Export", "detect_tool", "from_records", "read_export", "read_rows", "to_records", "write_json"]

TOOLS = {"argilla": argilla, "label-studio": label_studio}
_MARKS = ("annotations", "predictions", "completions", "annotator", "fields", "_server_id")


class Export(NamedTuple):
    """The rows of a tool's export, and the column of the words."""

    rows: list[dict[str, Any]]
    text: str


def to_records(
    rows: Iterable[Mapping[str, Any]], tool: str, text: str = "text", id_column: str = "id", prefix: str = "service_"
) -> list[Any]:
    """Turn rows into records of an annotation tool.

    Parameters
    ----------
    rows : iterable of mapping
        Columns by name; a cell of None counts as absent.
    tool : {"argilla", "label-studio"}
        Whose: Argilla's records of version 2, as its `to_json` writes them, or Label Studio's tasks.
    text : str
        The column of the words. Where there is a column ``{prefix}interaction``, its words count.
    id_column : str
        The column of the interaction's id; the row's number, from 0, if it has none.
    prefix : str
        What the names of predicted columns begin with: ``service_``, or ``label_`` after `label`.

    Returns
    -------
    list of dict
        What `json.dump` can write. Rows without words have nothing to annotate and are left out.

    Examples
    --------
    >>> row = {"id": "7", "text": "Rude.", "service_level": 2, "service_p_level_2": 0.9, "service_model": "default-1"}
    >>> record = to_records([row], "argilla")[0]
    >>> record["suggestions"]
    {'level': {'value': 2, 'score': 0.9, 'agent': 'default-1'}}
    >>> from_records([record]) == [row]
    True
    """
    form = Form(text, id_column, prefix)
    records = (split_row(row, number, form) for number, row in enumerate(rows))
    return [_tool(tool).write(record) for record in records if record is not None]


def from_records(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Turn records of a tool, as it exports them, into rows.

    Returns
    -------
    list of dict
        The rows that became the records. Where people answered, ``human_`` columns tell what they
        say together (see `merge_labels`), ``human_weight`` the share of them who do where there are
        several, and the column ``verdicts`` holds all of them with who said it.

    Raises
    ------
    DataError
        If it is no export of Argilla or Label Studio.

    Examples
    --------
    >>> level = {"from_name": "level", "type": "choices", "value": {"choices": ["2"]}}
    >>> task = {"data": {"text": "Rude."}, "annotations": [{"completed_by": 7, "result": [level]}]}
    >>> from_records([task])
    [{'text': 'Rude.', 'human_level': 2, 'verdicts': [{'who': '7', 'labels': {'level': 2}, 'spans': []}]}]
    """
    return [join_row(record) for record in _read(records, "Records")]


def detect_tool(records: Any) -> str | None:
    """Tell from its content whose export it is; None if it is nobody's."""
    sample = records[0] if isinstance(records, list) and records else None
    return next((name for name, tool in TOOLS.items() if isinstance(sample, Mapping) and tool.recognise(sample)), None)


def _tool(name: str) -> Any:
    if name not in TOOLS:
        raise DataError(f"--to: no such tool. Found {name!r}. Choose from {', '.join(TOOLS)}.")
    return TOOLS[name]


def _read(records: Any, where: str) -> list[Record]:
    name = detect_tool(records)
    if name is None:
        raise DataError(f"{where}: no export of {' or '.join(TOOLS)}. Found other content. Export records or tasks as JSON.")
    try:
        return [_tool(name).read(record) for record in _tool(name).whole(records)]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        found = f"no {error}" if isinstance(error, KeyError) else f"what is none ({error})"
        raise DataError(f"{where}: a damaged export of {name}. Found {found}. Export it anew.") from error


def read_export(path: str | Path) -> Export | None:
    """Read the export of an annotation tool: Argilla's JSON, nested or flat; Label Studio's JSON, JSON-MIN or CSV.

    Returns
    -------
    Export or None
        As `from_records` gives the rows; None if it is no export of a tool.

    Raises
    ------
    DataError
        If it is one, but damaged.
    """
    path = Path(path)
    records = _load(path)
    if not detect_tool(records):
        return None
    told = _read(records, str(path))
    return Export([join_row(record) for record in told], next((record.form.text for record in told), "text"))


def _load(path: Path) -> Any:
    """Return the JSON in a file that may be an export, lines of it as a list, or the rows of such a CSV; else None."""
    suffix = path.suffix.lower()
    if not path.is_file() or suffix not in (".json", ".jsonl", ".ndjson", ".csv"):
        return None
    if suffix == ".csv":
        table = read_table(path, Options())
        named = detect_tool([dict.fromkeys(table.columns)])
        return [dict(zip(table.columns, row, strict=True)) for row, problem in table.walk() if not problem] if named else None
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        start = file.read(1 << 20)
        if not any(f'"{mark}"' in start for mark in _MARKS):
            return None
        text = start + file.read()
    try:
        told = json.loads(text)
        return [told] if isinstance(told, dict) else told
    except ValueError:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            return None


def write_json(records: Sequence[Any], path: Path) -> None:
    """Write records as one JSON list; the file appears under its name only when all is written."""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            part = Path(file.name)
            try:
                # Half an emoji has no place in UTF-8; escaped it comes back as it was.
                json.dump(records, file, ensure_ascii=True, indent=1, default=str)
            except BaseException:
                part.unlink()
                raise
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)  # as any new file, not as a private temporary one
        os.replace(part, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written. Found: {error.strerror}. Free some space, or choose another place.") from error


def read_rows(path: str | Path, text_column: str | None = None) -> Export:
    """Read a scored table, or a tool's export, as rows.

    Returns
    -------
    Export
        Cells that are empty are absent.

    Raises
    ------
    DataError
        If it cannot be read, or no column of words is found.
    """
    path = Path(path)
    if export := read_export(path):
        return export
    table = read_table(path, Options())
    text = text_column or open_source(path).shape.text_column or "text"
    if text_column and text_column not in table.columns:
        raise DataError(
            f"{path}: no column {text_column!r}. Found {', '.join(map(repr, table.columns[:8]))}. Name another with --text-column."
        )
    pairs = ([(name, cell) for name, cell in zip(table.columns, row, strict=True)] for row, problem in table.walk() if not problem)
    rows = [{name: cell for name, cell in pair if cell is not MISSING and cell is not None and cell != ""} for pair in pairs]
    return Export(rows, text)
