"""JSON lines, or one JSON array of objects; a broken line comes back as it was, and says so."""

import json
from collections.abc import Iterator
from pathlib import Path

from servicenlp.errors import DataError
from servicenlp.formats.delimited import check_encoding, detect_encoding, open_text
from servicenlp.formats.table import MISSING, Options, Row, Table

RAW = "(unread line)"


def read(path: Path, options: Options) -> Table:
    """Open a file of JSON objects; it is read once to learn its keys."""
    encoding = options.encoding or detect_encoding(path)
    check_encoding(encoding)
    columns: dict[str, None] = {}
    n_rows = 0
    for item in _items(path, encoding):
        columns.update(dict.fromkeys(item if isinstance(item, dict) else [RAW]))
        n_rows += 1
    if not columns:
        raise DataError(f"{path}: no JSON objects. Found an empty file. Give one object a line.")
    if list(columns) == [RAW]:
        raise DataError(f"{path}: no JSON objects. Found {n_rows} lines of something else. Give one object a line.")
    names = list(columns)

    def walk() -> Iterator[tuple[Row, str | None]]:
        for item in _items(path, encoding):
            if isinstance(item, dict):
                yield [item.get(name, MISSING) for name in names], None
            else:
                yield [item if name == RAW else MISSING for name in names], "not a JSON object"

    def lines() -> Iterator[int]:
        with open_text(path, encoding) as file:
            yield from (number for number, line in enumerate(file, 1) if line.strip())

    return Table(str(path), f"JSON lines, {encoding}", names, n_rows, walk, lines=lines)


def _items(path: Path, encoding: str) -> Iterator[dict[str, object] | str]:
    """Yield each object, or the line itself where it is none."""
    with open_text(path, encoding) as file:
        if path.suffix.lower() == ".json" or file.read(1) == "[":
            file.seek(0)
            if (whole := _parse(file.read())) is not None:
                for item in whole if isinstance(whole, list) else [whole]:
                    yield item if isinstance(item, dict) else json.dumps(item, ensure_ascii=False)
                return
        file.seek(0)
        for line in file:
            if line.strip():
                item = _parse(line)
                yield item if isinstance(item, dict) else line.rstrip("\r\n")


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
