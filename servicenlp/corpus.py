"""Labelled interactions: read from files, checked line by line, nothing dropped in silence."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pandas as pd

from servicenlp.errors import DataError
from servicenlp.exchange import read_export
from servicenlp.formats import MISSING, Options, find_files
from servicenlp.preprocessing import plain
from servicenlp.readers import Source, open_source, open_sources
from servicenlp.records import find_id
from servicenlp.taxonomy import CATEGORY_NAMES, NONE, TARGETS, as_label, as_target, values

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx")
_SHOWN, _NAMED = 20, 5  # reasons, and lines of each, that are told
_NO_TEXT, _PART = "no text", "part of the interaction"  # the second: its first row tells it all
_BATCH = 1024
# Where a target's labels may stand, the best first: as a person's verdict, in a column of its name,
# or as what `servicenlp label` found. Predictions are never labels.
_KINDS = ("human_", "", "label_")
_PACKED = (".gz", ".zip")
_EXTRA = ("source", "evidence", "channel", "industry")
_JUDGED = ("label_interaction", "service_interaction")  # what was labelled, where that is no single cell
_EMPTY = ("", "n/a", "na", "nan", "null")


class Problem(NamedTuple):
    """One line, or row or record where a file has no lines, that is not what it should be."""

    file: str
    line: int
    what: str
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.line}: {self.what}"


class Corpus(NamedTuple):
    """What was read.

    Attributes
    ----------
    table : DataFrame
        One interaction a row: text, the targets found, `weight` (1 unless the file says
        otherwise), `family` (the group that folds keep together; the file if it has none), `file`
        and `voted` (whether all its labels are from `servicenlp label`, not from people).
    problems : list of Problem
        The lines that are not in the table, and why.
    """

    table: pd.DataFrame
    problems: list[Problem]


def read_corpus(*paths: str | Path, strict: bool = True, text_column: str | None = None, extra: Sequence[str] = ()) -> Corpus:
    """Read labelled interactions from any table, or from an export of Argilla or Label Studio.

    A target's labels are read from ``human_level`` (what people said of a scored file); where that
    is empty or not there, from the column of its name, such as "level" or "Delivery system", and
    then from ``label_level`` (what `servicenlp label` found); and so for each target. Names of
    labels, such as "criminal", are read as the labels. Where an annotation tool holds several
    people's labels, they are merged; see `merge_labels`.

    Parameters
    ----------
    *paths : str or Path
        Files, or folders whose files (not those of their folders) are read.
    strict : bool
        Whether a bad line is an error; if not, it is left out and reported. One without any label
        teaches nothing and is left out in any case.
    text_column : str, optional
        The column of the words; detected by default.
    extra : sequence of str
        Further columns to keep, where they are.

    Raises
    ------
    DataError
        If there is nothing to read, or `strict` and a line is bad.

    Examples
    --------
    >>> table, problems = read_corpus("data/plain.jsonl")
    >>> len(table), problems, int(table.loc[0, "level"])
    (11246, [], 3)
    """
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    bad: list[Problem] = []
    with TemporaryDirectory() as folder:
        for file in _files(paths, Path(folder)):
            opened = _open(file, text_column)
            for line, row, what in _rows(opened, extra):
                if what:
                    problems.append(Problem(file.name, line, what, opened.unit))
                    if not what.startswith(_PART) and (what != _NO_TEXT or any(row.get(target) is not None for target in TARGETS)):
                        bad.append(problems[-1])
                else:
                    rows.append(row)
    if bad and strict:
        grouped = group_problems(bad)
        more = [f"... and {len(grouped) - _SHOWN:,} more"] if len(grouped) > _SHOWN else []
        listed = "\n".join(f"  {line}" for line in grouped[:_SHOWN] + more)
        raise DataError(f"Labelled data: {len(bad):,} bad lines.\n{listed}\nCorrect them, or leave them out with --skip-bad.")
    if not rows:
        raise DataError(f"{', '.join(map(str, paths))}: no labelled interactions. Found none. Name files with text and level.")
    return Corpus(pd.DataFrame(rows), problems)


def group_problems(problems: Iterable[Problem]) -> list[str]:
    """Return a line of text for each reason and file, the most frequent reason first.

    Examples
    --------
    >>> group_problems([Problem("a.csv", 4, "no text"), Problem("a.csv", 9, "no text")])
    ['a.csv, lines 4, 9: no text']
    """
    groups: dict[tuple[str, str, str], list[int]] = {}
    for problem in problems:
        groups.setdefault((problem.file, problem.unit, problem.what), []).append(problem.line)
    told = []
    for (file, unit, what), lines in sorted(groups.items(), key=lambda group: -len(group[1])):
        more = f" and {len(lines) - _NAMED:,} more" if len(lines) > _NAMED else ""
        told.append(f"{file}, {unit}{'s' * (len(lines) > 1)} {', '.join(map(str, lines[:_NAMED]))}{more}: {what}")
    return told


def _files(paths: Iterable[str | Path], unpacked: Path) -> list[Path]:
    """Return the files that are meant; archives are unpacked into a folder."""
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise DataError(f"{path}: no such file or folder. Found nothing there. Check the name.")
        beside = sorted(file for file in path.iterdir() if file.suffix.lower() in (*SUFFIXES, *_PACKED)) if path.is_dir() else [path]
        for file in beside:
            files += find_files(file, unpacked) if file.suffix.lower() in _PACKED else [file]
    if not files:
        raise DataError(f"{', '.join(map(str, paths))}: no data files. Found none of {', '.join(SUFFIXES)}. Name a file.")
    return files


class _Opened(NamedTuple):
    """An opened file: its columns, that of the words, its rows by number, and what those are called."""

    file: Path
    columns: list[str]
    text: str
    rows: Iterable[tuple[int, dict[str, Any], str | None]]
    unit: str


def _open(file: Path, text_column: str | None = None) -> _Opened:
    if export := read_export(file):
        names = list(dict.fromkeys(name for row in export.rows for name in row))
        return _Opened(file, names, text_column or export.text, ((n, row, None) for n, row in enumerate(export.rows, 1)), "record")
    source = open_source(file, Options(text_column=text_column))
    table, suffix = source.table, file.suffix.lower()
    unit = "record" if suffix == ".json" else "line" if table.lines else "row"
    # A header is line or row 1.
    numbers = table.lines() if table.lines and unit == "line" else count(1 if unit == "record" else 2)
    told = ((n, cell, problem) for n, (cell, problem) in zip(numbers, _cells(source), strict=False))
    return _Opened(file, table.columns, _JUDGED[0] if not source.rowwise else source.shape.text_column, told, unit)


def _cells(source: Source) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Yield each row by column, and what is wrong with it; where an interaction is no single cell, it is put together."""
    columns = source.table.columns
    if source.rowwise:
        yield from ((dict(zip(columns, cells, strict=True)), problem) for cells, problem in source.table.walk())
        return
    for batch in source.batches(_BATCH):
        for i, cells in enumerate(batch.rows):
            yield {_JUDGED[0]: batch.texts[i]} | dict(zip(columns, cells, strict=True)), batch.problems.get(i)


def label_columns(columns: Iterable[str]) -> dict[str, list[str]]:
    """Return, by target, the columns that may hold its labels, the best first.

    Examples
    --------
    >>> label_columns(["text", "Level", "human_level", "service_level"])
    {'level': ['human_level', 'Level']}
    """
    names = list(columns)
    found = {
        target: [name for kind in _KINDS for name in names if name == kind + target or (not kind and as_target(name) == target)]
        for target in TARGETS
    }
    return {target: list(dict.fromkeys(held)) for target, held in found.items() if held}


def _rows(opened: _Opened, extra: Sequence[str]) -> Iterator[tuple[int, dict[str, Any], str | None]]:
    """Yield number, row and what is wrong with it, if anything."""
    file, columns = opened.file, label_columns(opened.columns)
    if not columns:
        shown = ", ".join(map(repr, opened.columns[:8]))
        raise DataError(f"{file}: no labels. Found {shown}. Add a column level (1 to 6), primary, delivery, mindset or relationship.")
    kept = [name for name in dict.fromkeys((*_EXTRA, *extra)) if name in opened.columns and name not in TARGETS]
    named = find_id(opened.columns) or ""
    for number, cell, problem in opened.rows:
        labels = {target: [_label(target, cell.get(name)) for name in names] for target, names in columns.items()}
        row = {"text": next((cell[name] for name in _JUDGED if isinstance(cell.get(name), str) and cell[name]), cell.get(opened.text))}
        row |= {target: next((label for label in found if label is not None), None) for target, found in labels.items()}
        row |= {"id": str(_or(cell.get(named), ""))} if named else {}
        row |= {name: str(_or(cell.get(name), "")) for name in kept}
        kinds = _kinds_used(columns, labels)
        kind = next(iter(kinds)) if len(kinds) == 1 else ""
        row |= {"weight": cell.get("weight", cell.get(f"{kind}weight", 1.0)), "family": _or(cell.get("family"), file.stem)}
        row |= {"file": file.stem, "voted": kind == _KINDS[-1]}
        if "human_evidence" in opened.columns:
            row["evidence"] = _or(cell.get("human_evidence"), row.get("evidence", ""))
        _clean(row)
        yield number, row, problem or _wrong(row, list(columns))


def _clean(row: dict[str, Any]) -> None:
    """Take out of a row's text what `scoring` takes out too."""
    given = row["text"]
    if isinstance(given, str):
        row["text"] = plain(given)
        quoted = row.get("evidence")
        if quoted and quoted in given and quoted not in row["text"]:
            row["evidence"] = ""  # from a mail that is quoted, or with its markup


def _kinds_used(columns: dict[str, list[str]], labels: dict[str, list[Any]]) -> set[str]:
    """Return of which kinds the labels of a row are."""
    used = set()
    for target, found in labels.items():
        named = next((name for name, label in zip(columns[target], found, strict=True) if label is not None), None)
        if named:
            used.add(next((kind for kind in _KINDS if kind and named.startswith(kind)), ""))
    return used


def _label(target: str, cell: Any) -> Any:
    """Return a cell as a label, None if it is empty, and itself if it is neither."""
    label = as_label(target, cell)
    empty = cell is MISSING or cell is None or cell != cell or (isinstance(cell, str) and cell.strip().lower() in _EMPTY)
    return label if label is not None or empty else cell


def _or(cell: Any, otherwise: Any) -> Any:
    return otherwise if cell is MISSING or cell is None or cell == "" else cell


def _wrong(row: dict[str, Any], targets: list[str]) -> str | None:
    """Say what is wrong with a row, or None."""
    if not isinstance(row["text"], str) or not row["text"].strip():
        return _NO_TEXT
    for target in targets:
        if row[target] is not None and (isinstance(row[target], bool) or row[target] not in values(target)):
            return f"{target} {row[target]!r} is not one of {', '.join(map(str, values(target)))}"
    try:
        row["weight"] = 1.0 if row["weight"] in (MISSING, None, "") else float(row["weight"])
    except (TypeError, ValueError):
        return f"weight {row['weight']!r} is not a number"
    if not 0 <= row["weight"] < math.inf:
        return f"weight {row['weight']} is not a number from 0 on"
    focus = row.get("focus")
    if focus in CATEGORY_NAMES and row.get(focus) == NONE.value:
        return f"focus is {focus}, but {focus} is none"
    if row.get("evidence") and row["evidence"] not in row["text"]:
        return "evidence is not a quotation from the text"
    return None


def has_labels(*paths: str | Path, text_column: str | None = None) -> bool:
    """Tell whether files, or those of folders, hold labels that `read_corpus` reads."""
    known = [path for path in map(Path, paths) if path.is_dir() or path.suffix.lower() in (*SUFFIXES, *_PACKED)]
    with TemporaryDirectory() as folder:
        return bool(known) and any(label_columns(_open(file, text_column).columns) for file in _files(known, Path(folder)))


def read_interactions(*paths: str | Path, text_column: str | None = None) -> pd.DataFrame:
    """Read what was said, with or without labels, from any export that `score` reads.

    Parameters
    ----------
    *paths : str or Path
        Files, archives or folders of them.
    text_column : str, optional
        The column of the words; detected by default.

    Returns
    -------
    DataFrame
        file, row (from 1 on), id (empty where no column is called so) and text of every
        interaction with words in it.

    Raises
    ------
    DataError
        If a file cannot be read, or nothing in it has words.

    Examples
    --------
    >>> len(read_interactions("data/examples/tickets.csv"))
    316
    """
    found: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        for source in open_sources([Path(path) for path in paths], Path(folder), Options(text_column=text_column)):
            found += _interactions(source)
    if not found:
        raise DataError(f"{', '.join(map(str, paths))}: no interactions. Found no words. Name the export.")
    return pd.DataFrame(found)


def _interactions(source: Source) -> Iterator[dict[str, Any]]:
    named, row = find_id(source.table.columns), 0
    at = source.table.columns.index(named) if named else None
    for batch in source.batches(_BATCH):
        for i, cells in enumerate(batch.rows):
            row += 1
            text = batch.texts[i]
            if i not in batch.problems and isinstance(text, str) and any(map(str.isalpha, text)):
                key = cells[at] if at is not None else MISSING
                yield {"file": source.table.name, "row": row, "id": "" if key is MISSING or key is None else str(key), "text": text}
