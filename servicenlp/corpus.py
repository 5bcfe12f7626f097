"""Labelled interactions: read from files, checked line by line, nothing dropped in silence."""

import math
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from servicenlp.errors import DataError
from servicenlp.formats import MISSING
from servicenlp.readers import open_source
from servicenlp.taxonomy import CATEGORY_NAMES, NONE, TARGETS, values

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")
_SHOWN = 20


class Problem(NamedTuple):
    """One line that is not what it should be."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.what}"


class Corpus(NamedTuple):
    """What was read.

    Attributes
    ----------
    table : DataFrame
        One interaction a row: text, the targets found, `weight` (1 unless the file says
        otherwise), `family` (the group that folds keep together; the file if it has none) and
        `file`.
    problems : list of Problem
        The lines that are not in the table, and why.
    """

    table: pd.DataFrame
    problems: list[Problem]


def read_corpus(*paths: str | Path, strict: bool = True) -> Corpus:
    """Read labelled interactions.

    Parameters
    ----------
    *paths : str or Path
        Files, or folders whose files (not those of their folders) are read.
    strict : bool
        Whether a bad line is an error; if not, it is left out and reported.

    Raises
    ------
    DataError
        If there is nothing to read, or `strict` and a line is bad.
    """
    rows, problems = [], []
    for file in _files(paths):
        for line, row, what in _rows(file):
            if what:
                problems.append(Problem(file.name, line, what))
            else:
                rows.append(row)
    if problems and strict:
        listed = "\n".join(f"  {problem}" for problem in problems[:_SHOWN])
        more = f"\n  ... and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise DataError(f"Labelled data: {len(problems)} bad lines.\n{listed}{more}\nCorrect them, or leave them out with --skip-bad.")
    if not rows:
        raise DataError(f"{', '.join(map(str, paths))}: no labelled interactions. Found none. Name files with text and level.")
    return Corpus(pd.DataFrame(rows), problems)


def _files(paths: tuple[str | Path, ...]) -> list[Path]:
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            files += sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        elif path.is_file():
            files.append(path)
        else:
            raise DataError(f"{path}: no such file or folder. Found nothing there. Check the name.")
    if not files:
        raise DataError(f"{', '.join(map(str, paths))}: no data files. Found none of {', '.join(SUFFIXES)}. Name a file.")
    return files


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any], str | None]]:
    """Yield line, row and what is wrong with it, if anything."""
    source = open_source(file)
    table = source.table
    targets = [target for target in TARGETS if target in table.columns]
    if not targets:
        raise DataError(f"{file}: no labels. Found {', '.join(map(repr, table.columns[:8]))}. Add a column level (1 to 6).")
    extra = [name for name in ("id", "source", "evidence", "channel", "industry") if name in table.columns]
    lines = table.lines() if table.lines and file.suffix.lower() != ".json" else count(2)  # a header is line 1
    for line, (cells, problem) in zip(lines, table.walk(), strict=False):
        cell = dict(zip(table.columns, cells, strict=True))
        row = {"text": cell[source.shape.text_column], **{target: _label(target, cell[target]) for target in targets}}
        row |= {name: cell[name] if isinstance(cell[name], str) else "" for name in extra}
        row |= {"weight": cell.get("weight", 1.0), "family": _or(cell.get("family"), file.stem), "file": file.stem}
        yield line, row, problem or _wrong(row, targets)


def _label(target: str, cell: Any) -> Any:
    """Return a cell as a label: levels are numbers, an empty cell is no label."""
    if cell is MISSING or cell is None or cell == "":
        return None
    if target == "level" and isinstance(cell, str) and cell.strip().isdecimal():
        return int(cell)
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _or(cell: Any, otherwise: str) -> Any:
    return otherwise if cell is MISSING or cell is None or cell == "" else cell


def _wrong(row: dict[str, Any], targets: list[str]) -> str | None:
    """Say what is wrong with a row, or None."""
    if not isinstance(row["text"], str) or not row["text"].strip():
        return "no text"
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
