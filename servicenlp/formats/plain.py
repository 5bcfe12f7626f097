"""A plain text file is one interaction."""

from collections.abc import Iterator
from pathlib import Path

from servicenlp.formats.encodings import check_encoding, detect_encoding, open_text
from servicenlp.formats.table import Options, Row, Table


def read(path: Path, options: Options) -> Table:
    """Open a text file as a table of one row."""
    encoding = options.encoding or detect_encoding(path)
    check_encoding(encoding)

    def walk() -> Iterator[tuple[Row, str | None]]:
        with open_text(path, encoding) as file:
            yield [path.name, file.read()], None

    return Table(str(path), f"plain text, {encoding}", ["file", "text"], 1, walk)
