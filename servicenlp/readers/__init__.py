"""Files to tables: rows as they came, and which column holds the customer's words.

One module per shape of file; `FORMATS` says which reads what. To add one: write a module with a
function ``read(path, options) -> Table`` and enter it in `FORMATS`.
"""

import shutil
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from servicenlp.errors import DataError
from servicenlp.readers.table import MISSING, Batch, Options, Table, choose_text_column

__all__ = ["FORMATS", "MISSING", "Batch", "Options", "Table", "choose_text_column", "detect", "open_table", "spool"]

FORMATS = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".tab": "delimited",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".json": "json_lines",
    ".parquet": "parquet",
    ".xlsx": "workbook",
    ".txt": "plain",
}


def open_table(path: str | Path, options: Options | None = None) -> Table:
    """Open a file of interactions.

    Parameters
    ----------
    path : str or Path
        Its format is known by its suffix, or, if that says nothing, by its content.
    options : Options, optional
        What to take instead of what would be detected.

    Raises
    ------
    DataError
        If the file is missing, empty of rows and columns, unreadable, or holds no text column.
    """
    path, options = Path(path), options or Options()
    if path.is_dir():
        raise DataError(f"{path}: a folder cannot be scored. Found a folder. Name its files: {path}/*.csv.")
    if not path.is_file():
        raise DataError(f"{path}: no such file. Found nothing there. Check the name.")
    reader = import_module(f"servicenlp.readers.{FORMATS.get(path.suffix.lower()) or detect(path)}")
    try:
        table: Table = reader.read(path, options)
    except OSError as error:
        raise DataError(f"{path}: cannot be read. Found: {error.strerror or error}. Check its permissions.") from error
    return table.with_text_column(options.text_column)


def detect(path: Path) -> str:
    """Tell the reader's name from the first bytes of a file."""
    with path.open("rb") as file:
        head = file.read(65536)
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:4] == b"PK\x03\x04":
        return "workbook"
    delimited = import_module("servicenlp.readers.delimited")
    head = head.decode(delimited.detect_encoding(path), "replace").encode()
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"{" or start[:2] in (b"[{", b"[\n", b"[\r", b"[ "):
        return "json_lines"
    return "delimited" if delimited.looks_delimited(head) else "plain"


def spool(stream: BinaryIO, folder: str) -> Path:
    """Copy standard input to a file in `folder`, so that it can be read twice."""
    path = Path(folder) / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(stream, file)
    return path
