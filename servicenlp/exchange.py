"""Scored or labelled rows to the files of annotation tools, and back: Argilla and Label Studio.

Nothing is sent anywhere: these are files that the tools import and export. A row is a dictionary of
its columns. Predictions go where the tool shows them, with model version and score; every other
column goes along, so that what comes back is the same row, with the reviewers' verdicts added.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from servicenlp import argilla, label_studio
from servicenlp.errors import DataError
from servicenlp.formats import MISSING, Options, read_table
from servicenlp.readers import open_source
from servicenlp.records import HUMAN, VERDICTS, Form, Record, as_label, join_row, split_row
from servicenlp.taxonomy import CATEGORY_NAMES, TARGETS

__all__ = ["TOOLS", "detect_tool", "from_records", "read_labels", "read_rows", "to_records", "write_json"]

TOOLS = {"argilla": argilla, "label-studio": label_studio}
_LABELS = ("level", *CATEGORY_NAMES, "focus", "ring", "cause", "interest")
_SOURCES = (HUMAN, "", "label_")  # a person's verdict counts before a given label, and that before a weak one


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
        The rows that became the records. Where people answered, ``human_`` columns tell what the
        first of them said, and the column ``verdicts`` holds all of them with who said it.

    Raises
    ------
    DataError
        If it is no export of Argilla or Label Studio.
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
        return [_tool(name).read(record) for record in records]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"{where}: a damaged export of {name}. Found no {error}. Export it anew.") from error


def _load(path: Path) -> Any:
    """Return the JSON in a file, or None if it holds none; lines of JSON are a list."""
    if path.suffix.lower() not in (".json", ".jsonl", ".ndjson"):
        return None
    text = path.read_text(encoding="utf-8-sig", errors="surrogatepass")
    try:
        return json.loads(text)
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


def read_rows(path: str | Path, text_column: str | None = None) -> tuple[list[dict[str, Any]], str]:
    """Read a scored table, or a tool's export, as rows.

    Returns
    -------
    rows : list of dict
        Cells that are empty are absent.
    text : str
        The column of the words.

    Raises
    ------
    DataError
        If it cannot be read, or no column of words is found.
    """
    path = Path(path)
    if path.is_file() and detect_tool(records := _load(path)):
        rows = [join_row(record) for record in _read(records, str(path))]
        return rows, next((record.form.text for record in _read(records[:1], str(path))), "text")
    table = read_table(path, Options())
    text = text_column or open_source(path).shape.text_column or "text"
    if text_column and text_column not in table.columns:
        raise DataError(
            f"{path}: no column {text_column!r}. Found {', '.join(map(repr, table.columns[:8]))}. Name another with --text-column."
        )
    pairs = ([(name, cell) for name, cell in zip(table.columns, row, strict=True)] for row, problem in table.walk() if not problem)
    return [{name: cell for name, cell in pair if cell is not MISSING and cell is not None and cell != ""} for pair in pairs], text


def read_labels(path: str | Path) -> pd.DataFrame:
    """Read labelled interactions from whatever tells labels.

    Parameters
    ----------
    path : str or Path
        An export of Argilla or Label Studio, or a table: of `servicenlp label`, or with columns
        named level, primary, delivery, mindset, relationship.

    Returns
    -------
    DataFrame
        text, the targets that are told (None where one is not), weight, family and source. The
        label of a row is a person's (``human_level``) if there is one, else the one in ``level``,
        else a weak one (``label_level``), which weighs its probability. Several people's verdicts
        are a row each, and share the weight of one. Rows without any label are left out.

    Raises
    ------
    DataError
        If the file cannot be read or tells no label at all.

    Examples
    --------
    >>> read_labels("data/everyday.jsonl")[["level", "weight"]].head(2).values.tolist()
    [[2, 1.0], [4, 1.0]]
    """
    path = Path(path)
    rows, text = read_rows(path)
    found = [told for number, row in enumerate(rows) for told in _told(row, text, f"{path.stem}-{number}")]
    if not found:
        raise DataError(f"{path}: no labels. Found {len(rows)} rows without one. Add a column level (1 to 6), human_level or label_level.")
    table = pd.DataFrame(found)
    for target in _LABELS:
        if target in table:
            table[target] = table[target].astype(object).where(table[target].notna(), None)
    return table


def _told(row: Mapping[str, Any], text: str, family: str) -> Iterator[dict[str, Any]]:
    """Yield what a row tells: a verdict of each person, or its own labels, or weak ones."""
    words = next((row[f"{prefix}interaction"] for prefix in ("service_", "label_") if row.get(f"{prefix}interaction")), row.get(text))
    if not isinstance(words, str) or not words.strip():
        return
    same = {"text": words, "family": row.get("family", family)}
    verdicts = row.get(VERDICTS)
    people = json.loads(verdicts) if isinstance(verdicts, str) else verdicts or []
    for person in people:
        yield {**same, **{t: as_label(t, v) for t, v in person["labels"].items()}, "weight": 1 / len(people), "source": "person"}
    if people:
        return
    for prefix in _SOURCES:
        labels = {t: label for t in _LABELS if t in TARGETS and (label := as_label(t, row.get(prefix + t))) is not None}
        if labels:
            weight = row.get(f"{prefix}weight", 1.0)
            yield {**same, **labels, "weight": float(weight), "source": {HUMAN: "person", "": "given"}.get(prefix, "weak")}
            return
