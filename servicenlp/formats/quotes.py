"""Rows of a delimited file in which quotation marks were not closed: what a stray one would swallow is given back."""

import csv
from collections import deque
from collections.abc import Iterator

_MOST = 100_000  # lines of a cell


class MendedRows:
    """Reads the rows of a delimited file as `csv.reader` does, but for marks that are never closed.

    Where a quoted cell goes on over lines that are rows themselves, and does not end as one must,
    its mark is a stray one: that line is read alone, and the others after it.

    Parameters
    ----------
    lines : iterator of str
        With their ends.
    delimiter : str
        What sets the cells apart.

    Attributes
    ----------
    line_num : int
        How many lines were read, as `csv.reader` has it.

    Examples
    --------
    >>> list(MendedRows(iter(['a,b\\n', '1,"x\\n', '2,y\\n', '3,"z, z"\\n']), ","))
    [['a', 'b'], ['1', '"x'], ['2', 'y'], ['3', 'z, z']]
    """

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        self._lines, self._delimiter = lines, delimiter
        self._again: deque[str] = deque()  # lines that are to be read anew
        self._taken: list[str] = []  # lines of the row that is being read
        self._width = 0
        self.line_num = 0
        self._reader = csv.reader(self._feed(), delimiter=delimiter, strict=True)

    def _feed(self) -> Iterator[str]:
        while len(self._taken) < _MOST and (line := self._again.popleft() if self._again else next(self._lines, "")):
            self._taken.append(line)
            yield line

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        """Return the next row."""
        self._taken.clear()
        try:
            row = next(self._reader)
        except csv.Error:
            row = self._mended()
        self.line_num += len(self._taken)
        self._width = len(row)
        return row

    def _mended(self) -> list[str]:
        """Read the lines at which the strict reader stopped."""
        first, *others = self._taken
        below = [len(self._alone(line)) for line in others[:-1] or others if line.strip()]  # the last may go on
        if below and self._width > 1 and sum(width == self._width for width in below) * 2 > len(below):
            self._again.extendleft(reversed(others))
            self._taken = [first]
        self._reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)
        return self._alone(first, csv.QUOTE_NONE) if len(self._taken) == 1 and others else self._alone("".join(self._taken))

    def _alone(self, text: str, quoting: int = csv.QUOTE_MINIMAL) -> list[str]:
        return next(csv.reader(text.splitlines(keepends=True), delimiter=self._delimiter, quoting=quoting), [])  # type: ignore[arg-type]
