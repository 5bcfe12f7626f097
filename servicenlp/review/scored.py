"""A scored file to items: each interaction's text, its row and what the model said, typed and ready to be queued."""

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servicenlp.columns import COLUMNS, KINDS, SCORED
from servicenlp.errors import DataError
from servicenlp.formats import MISSING, Options, Row, Table, read_table
from servicenlp.readers import recognise
from servicenlp.readers.shape import ident
from servicenlp.review.items import Item, digest, make_keys
from servicenlp.taxonomy import LEVELS, values

_NEEDED = ("level", "status", *(f"p_level_{level}" for level in values("level")))
_ID_NAMES = (
    "id|ticket id|ticketid|ticket number|ticket|case number|casenumber|case id|issue key|conversation id|interaction id|"
    "contact id|call id|chat id|review id|response id|message id|key|number|reference|uuid"
).split("|")
_SPAN = ("evidence", "evidence_start", "evidence_end")
_LOOKED_AT = 300  # rows from which the text column is told


@dataclass(frozen=True)
class ScoredFile:
    """The scored interactions of one file; those that were skipped are counted only.

    Attributes
    ----------
    name : str
        The file's name.
    fields : list of str
        The original columns.
    keys, ids, texts : list of str
        See `Item`.
    level : array of int, shape (n_items,)
        Predicted, 1 to 6.
    proba : array of float, shape (n_items, 6)
        Of the levels.
    n_skipped : int
        Rows that were not scored.
    id_column, text_column : str
        Columns of the original row; "" if there is none.
    """

    name: str
    fields: list[str]
    keys: list[str] = field(repr=False)
    ids: list[str] = field(repr=False)
    texts: list[str] = field(repr=False)
    level: NDArray[np.int64] = field(repr=False)
    proba: NDArray[np.float64] = field(repr=False)
    n_skipped: int
    id_column: str
    text_column: str
    _rows: list[Row] = field(repr=False)
    _places: list[int] = field(repr=False)
    _ours: dict[str, int] = field(repr=False)

    def __len__(self) -> int:
        return len(self.keys)

    def item(self, index: int) -> Item:
        """Return the item at an index, from 0 on."""
        row = self._rows[index]
        cells = ((name, row[at]) for name, at in zip(self.fields, self._places, strict=True))
        fields = {name: cell for name, cell in cells if cell is not MISSING}
        prediction = {name: _typed(name, row[at]) for name, at in self._ours.items() if name not in ("interaction", "status")}
        return Item(self.keys[index], self.ids[index], self.texts[index], fields, prediction)

    def find(self, key: str) -> Item | None:
        """Return the item of a key, or None."""
        index = self.index.get(key)
        return None if index is None else self.item(index)

    @cached_property
    def index(self) -> dict[str, int]:
        """Where each key is."""
        return {key: i for i, key in enumerate(self.keys)}

    def column(self, name: str) -> list[Any]:
        """Return the cells of an original column, or of one of ours by its name without the prefix.

        Raises
        ------
        DataError
            If there is no such column.
        """
        if name in self.fields:
            at = self._places[self.fields.index(name)]
            return [row[at] for row in self._rows]
        if name in self._ours:
            at = self._ours[name]
            return [_typed(name, row[at]) for row in self._rows]
        found = ", ".join(map(repr, self.fields[:8]))
        raise DataError(f"{self.name}: no column {name!r}. Found {found}. Choose one of them.")

    @cached_property
    def sureness(self) -> NDArray[np.float64]:
        """The probability of each item's predicted level."""
        sure: NDArray[np.float64] = self.proba[np.arange(len(self)), self.level - 1]
        return sure

    @cached_property
    def models(self) -> Counter[str]:
        """How many items each model scored."""
        return Counter(str(model or "") for model in self.column("model")) if "model" in self._ours else Counter()

    @cached_property
    def population(self) -> str:
        """The identity of the items and what was predicted of them, whatever their order."""
        return digest(*sorted(f"{key} {level}" for key, level in zip(self.keys, self.level.tolist(), strict=True)), *sorted(self.models))


def open_scored(path: str | Path, *, prefix: str | None = None, id_column: str | None = None, text_column: str | None = None) -> ScoredFile:
    """Open a file that ``servicenlp score`` wrote.

    Parameters
    ----------
    path : str or Path
        CSV, TSV, JSON lines, Parquet or XLSX.
    prefix : str, optional
        What our columns begin with; detected by default.
    id_column, text_column : str, optional
        Detected by default: the id by its name and by being different in each row, the text by
        the evidence, which stands in it at its offsets.

    Raises
    ------
    DataError
        If the file cannot be read, was not scored, or holds no scored interaction.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from servicenlp import score_frame
    >>> tickets = pd.DataFrame({"nr": ["a", "b"], "words": ["You charged me twice and nobody answers.", ""]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     score_frame(tickets, text="words").to_csv(f"{folder}/scored.csv", index=False)
    ...     scored = open_scored(f"{folder}/scored.csv")
    >>> len(scored), scored.n_skipped, scored.text_column, scored.item(0).prediction["level"]
    (1, 1, 'words', 1)
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path}: a folder. Found {sum(1 for _ in path.iterdir())} files in it. Name one of them.")
    table = read_table(path, Options())
    prefix = _prefixes(table)[-1] if prefix is None else prefix
    ours = {name: table.columns.index(prefix + name) for name in COLUMNS if prefix + name in table.columns}
    if absent := [prefix + name for name in _NEEDED if name not in ours]:
        raise DataError(f"{path}: not a scored file. Found no column {absent[0]!r}. Make one: servicenlp score FILE -o scored.csv.")
    walked = [(number, row) for number, (row, _) in enumerate(table.walk(), 1)]
    kept = [(number, row) for number, row in walked if _judged(row, ours)]
    if not kept:
        found = f"{len(walked):,} rows, all skipped. See why in the column {prefix}status." if walked else "no rows. Score some."
        raise DataError(f"{path}: no scored interaction. Found {found}")
    said = {before + name for before in _prefixes(table) for name in COLUMNS}  # by an earlier model too: not the original row
    places = [at for at, column in enumerate(table.columns) if column not in said]
    rows = [row for _, row in kept]
    fields = [table.columns[at] for at in places]
    text_at = _column(table, text_column) if text_column else _find_text(table, rows, places, ours)
    id_at = _column(table, id_column) if id_column else _find_id(table, rows, places)
    texts = [_text(row, text_at, ours) for row in rows]
    own = [ident(row[id_at]) if id_at is not None else "" for row in rows]
    numbers = _numbers(path, kept, [ours["level"], *(ours[f"p_level_{level.value}"] for level in LEVELS)])
    return ScoredFile(
        path.name, fields, make_keys(own, texts), [name or f"row {number:,}" for name, (number, _) in zip(own, kept, strict=True)], texts,
        numbers[:, 0].astype(np.int64), numbers[:, 1:],
        len(walked) - len(kept), "" if id_at is None else table.columns[id_at], "" if text_at is None else table.columns[text_at],
        rows, places, ours,
    )  # fmt: skip


def _judged(row: Row, ours: dict[str, int]) -> bool:
    """Tell whether a row was scored, or labelled by `servicenlp label` with a level."""
    status = row[ours["status"]]
    labelled = isinstance(status, str) and status.startswith("labelled") and row[ours["level"]] not in (None, "", MISSING)
    return status == SCORED or labelled


def _numbers(path: Path, kept: list[tuple[int, Row]], places: list[int]) -> NDArray[np.float64]:
    """Return level and probabilities of each row."""
    try:
        numbers = np.array([[row[at] for at in places] for _, row in kept], object).astype(float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: a level or probability is no number. Found: {error}. Score the file anew.") from error
    wrong = np.flatnonzero(~np.isin(numbers[:, 0], values("level")) | np.isnan(numbers).any(axis=1))
    if len(wrong):
        number, row = kept[wrong[0]]
        raise DataError(f"{path}, row {number}: no level with its probabilities. Found {row[places[0]]!r}. Score the file anew.")
    return numbers


def _typed(name: str, cell: Any) -> Any:
    """Return a cell of ours as what it was before it was written."""
    if cell is MISSING or cell is None or cell == "" or cell != cell:
        return None
    kind = KINDS.get(name, str)
    return int(float(cell)) if kind is int else kind(cell)


def _prefixes(table: Table) -> list[str]:
    """Return what our columns begin with; several if a file was scored several times, the last one last."""
    found = [column.removesuffix("p_level_1") for column in table.columns if column.endswith("p_level_1")]
    if not found:
        columns = ", ".join(map(repr, table.columns[:8]))
        raise DataError(f"{table.name}: not a scored file. Found {columns}. Make one: servicenlp score FILE -o scored.csv.")
    return found


def _column(table: Table, name: str) -> int:
    if name not in table.columns:
        raise DataError(f"{table.name}: no column {name!r}. Found {', '.join(map(repr, table.columns[:8]))}. Choose one of them.")
    return table.columns.index(name)


def _text(row: Row, text_at: int | None, ours: dict[str, int]) -> str:
    """Return what was judged: the column interaction where the cell itself was not."""
    made = row[ours["interaction"]] if "interaction" in ours else None
    cell = made if isinstance(made, str) and made else None if text_at is None else row[text_at]
    return cell if isinstance(cell, str) else ""


def _find_text(table: Table, rows: list[Row], places: list[int], ours: dict[str, int]) -> int | None:
    """Return the column in which the evidence stands at its offsets; where none does, what a reader would take."""
    of_cells = (row for row in rows if "interaction" not in ours or not row[ours["interaction"]] or row[ours["interaction"]] is MISSING)
    looked = list(islice(of_cells, _LOOKED_AT))
    if not looked:
        return None
    found: Counter[int] = Counter()
    for row in looked:
        quote, start, end = (
            _typed(name, row[ours[name]]) if name in ours else None for name in ("evidence", "evidence_start", "evidence_end")
        )
        if quote and start is not None and end is not None:
            found.update(at for at in places if isinstance(row[at], str) and row[at][start:end] == quote)
    if found:
        return max(found, key=lambda at: found[at])
    bare = replace(table, columns=[table.columns[at] for at in places], walk=lambda: (([row[at] for at in places], None) for row in rows))
    shape = recognise(bare, Options())
    return table.columns.index(shape.text_column) if shape.text_column else None


def _find_id(table: Table, rows: list[Row], places: list[int]) -> int | None:
    """Return the column that names the rows: by a name that is known, or that ends like one, and by hardly a cell that comes twice."""

    def rank(at: int) -> int:
        name = table.columns[at].strip().lower().replace("_", " ").replace("-", " ")
        ends = name.endswith((" id", " number", " key", " no", " nr"))
        return _ID_NAMES.index(name) if name in _ID_NAMES else len(_ID_NAMES) if ends else -1

    for at in sorted((at for at in places if rank(at) >= 0), key=rank):
        named = [name for row in rows if (name := ident(row[at]))]
        # A known name may miss some: rows typed in, or two exports put together.
        known = rank(at) < len(_ID_NAMES) and 2 * len(named) > len(rows) and len(set(named)) > 0.9 * len(named)
        if known or len(set(named)) == len(rows):
            return at
    return None
