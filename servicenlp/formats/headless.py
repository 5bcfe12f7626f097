"""Whether a table begins with the names of its columns, or with its first row."""

import re
from collections.abc import Sequence

from servicenlp.formats.preamble import is_known

_KINDS = [
    re.compile(r"[-+]?\d+(?:[.,]\d+)*%?"),
    re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T].*)?|\w{3} \w{3} \d\d? \d\d:\d\d:\d\d .*"),
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"(?:https?://|www\.)\S+"),
]
_SENTENCE = re.compile(r".*[.!]['\")\]]*", re.DOTALL)


def is_headless(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first of some rows is no header, but a row like the others.

    A header is believed wherever one of its cells is a common name. Else the first row is data if it
    holds a number, a date or an address where all others do, a sentence over others, or a word that
    its column repeats beside a sentence.

    Examples
    --------
    >>> is_headless([["4", "2025-01-05", "It was cold."], ["2", "2025-01-06", "We left at once."]])
    True
    >>> is_headless([["stars", "what happened"], ["4", "It was cold."], ["2", "We left."]])
    False
    """
    rows = [row for row in rows if any(map(str.strip, row))]
    if len(rows) < 2:
        return False
    first, below = rows[0], rows[1:]
    cells = [cell.strip() for cell in first]
    numbered = [cell for cell in cells if cell.isdecimal()] == [str(i) for i in range(len(cells))]
    if numbered or any(is_known(cell) for cell in cells if re.search(r"[^\W\d_]", cell)):
        return False
    columns = [[row[i].strip() for row in below if len(row) > i and row[i].strip()] for i in range(len(cells))]
    pairs = [(cell, column) for cell, column in zip(cells, columns, strict=True) if cell and column]
    if any(_is_sentence(cell) and _words(column) >= 3 for cell, column in pairs):
        return True
    wordy = any(len(cell.split()) >= 4 and not cell.endswith(("?", ":")) and _words(column) >= 4 for cell, column in pairs)
    return (
        any(_is_alike(cell, column) for cell, column in pairs)
        and (wordy or _words(max(columns, key=_words)) >= 3)
        or (wordy and any(column.count(cell) >= 2 for cell, column in pairs))
    )


def _words(column: Sequence[str]) -> float:
    return sum(len(cell.split()) for cell in column) / max(1, len(column))


def _is_sentence(cell: str) -> bool:
    n = len(cell.split())
    return n > 14 or (n >= 5 and bool(_SENTENCE.fullmatch(cell)) and not cell.endswith("..."))


def _is_alike(cell: str, column: Sequence[str]) -> bool:
    """Tell whether a cell is a number, date or address as most below it are."""
    return any(kind.fullmatch(cell) and sum(bool(kind.fullmatch(other)) for other in column) * 5 >= len(column) * 4 for kind in _KINDS)
