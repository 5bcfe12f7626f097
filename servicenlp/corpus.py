"""Labelled interactions: read from files, checked line by line, nothing dropped in silence."""

import math
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pandas as pd

from servicenlp.errors import DataError
from servicenlp.formats import MISSING
from servicenlp.readers import Source, open_source, open_sources
from servicenlp.taxonomy import CATEGORY_NAMES, NONE, TARGETS, values

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")
_SHOWN = 20
_NO_TEXT = "no text"
_BATCH = 1024
# Where a target's labels may stand, the best first: in a column of its name, as a person's verdict
# on a scored file, or as what `servicenlp label` found. Predictions are never labels.
_KINDS = ("", "human_", "label_")
_BY_NAME = {
    target: {str(name).lower(): label.value for label in labels for name in (label.name, label.value)} for target, labels in TARGETS.items()
}


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

    A target's labels are read from the column of its name; where that is empty or not there, from
    ``human_level`` (a person's verdict on a scored file) and then ``label_level`` (what
    `servicenlp label` found, which counts as ``label_weight`` says), and so for each target. Names
    of labels, such as "criminal", are read as the labels.

    Parameters
    ----------
    *paths : str or Path
        Files, or folders whose files (not those of their folders) are read.
    strict : bool
        Whether a bad line is an error; if not, it is left out and reported. One without any label
        teaches nothing and is left out in any case.

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
    for file in _files(paths):
        for line, row, what in _rows(file):
            if what:
                problems.append(Problem(file.name, line, what))
                if what != _NO_TEXT or any(row.get(target) is not None for target in TARGETS):
                    bad.append(problems[-1])
            else:
                rows.append(row)
    if bad and strict:
        listed = "\n".join(f"  {problem}" for problem in bad[:_SHOWN])
        more = f"\n  ... and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        raise DataError(f"Labelled data: {len(bad)} bad lines.\n{listed}{more}\nCorrect them, or leave them out with --skip-bad.")
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
    columns = {target: [kind + target for kind in _KINDS if kind + target in table.columns] for target in TARGETS}
    targets = [target for target, found in columns.items() if found]
    if not targets:
        raise DataError(f"{file}: no labels. Found {', '.join(map(repr, table.columns[:8]))}. Add a column level (1 to 6).")
    extra = [name for name in ("id", "source", "evidence", "channel", "industry") if name in table.columns]
    lines = table.lines() if table.lines and file.suffix.lower() != ".json" else count(2)  # a header is line 1
    for line, (cells, problem) in zip(lines, table.walk(), strict=False):
        cell = dict(zip(table.columns, cells, strict=True))
        labels = {target: [_label(target, cell[name]) for name in columns[target]] for target in targets}
        row = {"text": cell[source.shape.text_column]}
        row |= {target: next((label for label in found if label is not None), None) for target, found in labels.items()}
        row |= {name: cell[name] if isinstance(cell[name], str) else "" for name in extra}
        weight = cell.get("weight", cell.get("label_weight", 1.0) if _only_voted(columns, labels) else 1.0)
        row |= {"weight": weight, "family": _or(cell.get("family"), file.stem), "file": file.stem}
        yield line, row, problem or _wrong(row, targets)


def _only_voted(columns: dict[str, list[str]], labels: dict[str, list[Any]]) -> bool:
    """Tell whether all labels of a row were found by `servicenlp label`."""
    kinds = [name.startswith(_KINDS[-1]) for target in labels for name, label in zip(columns[target], labels[target], strict=True)
             if label is not None]  # fmt: skip
    return bool(kinds) and all(kinds)


def _label(target: str, cell: Any) -> Any:
    """Return a cell as a label: levels are numbers, a label's name is the label, an empty cell is no label."""
    if cell is MISSING or cell is None or cell != cell or cell == "":
        return None
    if isinstance(cell, str):
        cell = cell.strip()
        if target == "level" and (number := cell.removesuffix(".0")).isdecimal():  # pandas writes so beside empty cells
            return int(number)
        return _BY_NAME[target].get(cell.lower(), cell)
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _or(cell: Any, otherwise: str) -> Any:
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


def has_labels(*paths: str | Path) -> bool:
    """Tell whether files, or those of folders, hold labels that `read_corpus` reads."""
    return any(
        kind + target in open_source(file).table.columns
        for path in paths
        for file in (_files((path,)) if Path(path).is_dir() or Path(path).suffix.lower() in SUFFIXES else [])
        for target in TARGETS
        for kind in _KINDS
    )


def read_interactions(*paths: str | Path) -> pd.DataFrame:
    """Read what was said, with or without labels, from any export that `score` reads.

    Parameters
    ----------
    *paths : str or Path
        Files, archives or folders of them.

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
        for source in open_sources([Path(path) for path in paths], Path(folder)):
            found += _interactions(source)
    if not found:
        raise DataError(f"{', '.join(map(str, paths))}: no interactions. Found no words. Name the export.")
    return pd.DataFrame(found)


def _interactions(source: Source) -> Iterator[dict[str, Any]]:
    names = {name.lower().removesuffix("_id").removesuffix(" id"): i for i, name in reversed(list(enumerate(source.table.columns)))}
    at, row = names.get("id", names.get("ticket")), 0
    for batch in source.batches(_BATCH):
        for i, cells in enumerate(batch.rows):
            row += 1
            text = batch.texts[i]
            if i not in batch.problems and isinstance(text, str) and any(map(str.isalpha, text)):
                key = cells[at] if at is not None else MISSING
                yield {"file": source.table.name, "row": row, "id": "" if key is MISSING or key is None else str(key), "text": text}
