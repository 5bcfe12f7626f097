"""Where a table begins and ends in a report that puts lines above its header and below its rows."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

LOOKED_AT = 300  # rows in which the header is sought
_BELOW = "a line below the table"
# Words that names of columns are made of; a line above a table seldom holds two cells with one of them.
_NAMES = set(
    "id number no key date time created opened closed updated resolved status state subject summary title description body comment "
    "comments message messages text review feedback rating score owner agent assignee reporter name email phone type priority category "
    "channel origin source case ticket issue conversation interaction customer account contact group team product nummer datum betreff "
    "beschreibung kunde kommentar fecha asunto descripción cliente comentario objet sujet client commentaire".split()
)
_END_LETTERS = set("gstceGSTCE")
_END = re.compile(
    r"\s*(?:(?:grand |sub)?totals?(?:\s*\(.*\))?:?|confidential information\b.*|copyright (?:\(c\)|©).*|generated (?:by|on|at)\b.*"
    r"|end of (?:the )?report\b.*)\s*",
    re.IGNORECASE | re.DOTALL,
)


def find_header(rows: Sequence[Sequence[Any]]) -> int:
    """Return the index of the header in a table's first rows.

    Parameters
    ----------
    rows : sequence of sequences
        The first rows of a file, blank ones too; no cell is None or "" where nothing stands.

    Returns
    -------
    int
        The first row that is not blank, unless all above another one are mostly empty (a report's
        title, its filters), that one names columns, and what follows fills them.
    """
    rows = rows[:LOOKED_AT]
    filled = [[str(cell) for cell in row if not _is_blank(cell)] for row in rows]
    if not any(filled):
        return 0
    first = next(i for i, cells in enumerate(filled) if cells)
    if filled[first][0].lower().startswith("sep="):  # for Excel
        return next((i for i in range(first + 1, len(rows)) if filled[i]), first)
    most = 0  # cells in a row above
    for i in range(first, len(rows)):
        cells = filled[i]
        if i > first and len(cells) >= 2 and most <= max(1, len(cells) // 3) and _names(cells) and _follows(rows[i], rows[i + 1 :]):
            return i if _is_told(rows[first:i], filled[first:i], cells) else first
        most = max(most, len(cells))
    return first


class End:
    """Finds where a table ends: below it only totals, a copyright line and such."""

    def __init__(self) -> None:
        self._number = 0
        self._begin: int | None = None  # of the rows at the end that hold one cell at most
        self._is_end = False

    def see_all(self, rows: Sequence[Sequence[Any]], width: int) -> None:
        """Take note of the next rows, where the header has so many cells: only what follows the last full row counts."""
        full = next((i for i in range(len(rows), 0, -1) if _is_full(*_first(rows[i - 1]))), 0)
        if full:
            self._begin, self._is_end = None, False
            self._number += full
        for row in rows[full:]:
            self.see(row, len(row) < width)

    def see(self, row: Sequence[Any], short: bool) -> None:
        """Take note of the next row; `short` tells that it has fewer cells than the header."""
        first, more = _first(row)
        if _is_full(first, more):
            self._begin, self._is_end = None, False
        else:
            ends = _ends(first)
            if self._begin is None and (ends or first is None or short):
                self._begin = self._number
            self._is_end = self._is_end or ends
        self._number += 1

    @property
    def begin(self) -> int:
        """The number of the first row below the table."""
        return self._begin if self._is_end and self._begin is not None else self._number


def _first(row: Sequence[Any]) -> tuple[Any, bool]:
    """Return a row's first cell that is not blank, and whether there is another one."""
    filled = (cell for cell in row if not (cell is None or cell == "" or (isinstance(cell, str) and cell.isspace())))
    first = next(filled, None)
    return first, next(filled, None) is not None


def _ends(first: Any) -> bool:
    """Tell whether a row that begins with this cell stands below a table."""
    return isinstance(first, str) and first.lstrip()[:1] in _END_LETTERS and bool(_END.fullmatch(first))


def _is_full(first: Any, more: bool) -> bool:
    return more and not _ends(first)


def problem_below(number: int, begin: int) -> str | None:
    """Say what is wrong with a row below the table."""
    return _BELOW if number >= begin else None


def is_known(name: str) -> bool:
    """Tell whether this is a common name of a column."""
    return set(re.findall(r"\w+", name.lower())) <= _NAMES


def _is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _names(cells: Iterable[str]) -> bool:
    """Tell whether these could be the names of columns."""
    short = all(len(cell) <= 60 and len(cell.split()) <= 8 and any(map(str.isalpha, cell)) for cell in cells)
    return short and not any(cell[:1].isspace() or cell[:1].isdigit() or cell.rstrip()[-1:] in ".!:;" for cell in cells)


def _width(row: Sequence[Any]) -> int:
    return max((i + 1 for i, cell in enumerate(row) if not _is_blank(cell)), default=0)


def _follows(header: Sequence[Any], rows: Sequence[Sequence[Any]]) -> bool:
    """Tell whether the rows fill the header's columns, and look unlike it."""
    full = [row for row in rows if sum(not _is_blank(cell) for cell in row) >= 2]
    if not full:
        return False
    widths = sorted(map(_width, full))
    wide = widths[(len(widths) - 1) * 9 // 10]
    unlike = any(not _names([str(cell)]) for row in full[:20] for cell in row if not _is_blank(cell))
    return unlike and wide <= _width(header) < 2 * wide


def _is_told(above: Sequence[Sequence[Any]], filled: Sequence[Sequence[str]], names: Sequence[str]) -> bool:
    """Tell whether the lines above a row of names make it the header."""
    known = sum(bool(_NAMES & set(re.findall(r"\w+", name.lower()))) for name in names)
    if known >= 2:
        return True
    lines = [cells for cells in filled if cells]
    padded = len(above[0]) >= len(names)  # a title over a table, saved by a spreadsheet: a header would name more columns
    plain = len(lines[0]) == 1 and re.fullmatch(r"[a-z_]+", lines[0][0])  # itself the name of the only column
    return not plain and len(names) > 2 and (padded or len(lines) > 1 or len(lines) < len(filled))
