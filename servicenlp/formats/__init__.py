"""Files to tables: every row as it came, whatever the bytes it was written in.

One module per format; `FORMATS` says which suffix goes to which. To add one: write a module with a
function ``read(path, options) -> Table`` and enter it in `FORMATS`. What the columns mean is
told by `servicenlp.readers`.
"""

import shutil
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from servicenlp.errors import DataError
from servicenlp.formats.archive import UNPACKED, unpack
from servicenlp.formats.table import MISSING, Options, Row, Table, distinct

__all__ = ["FORMATS", "MISSING", "Options", "Row", "Table", "detect", "distinct", "find_files", "read_table", "spool"]

FORMATS = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".tab": "delimited",
    ".jsonl": "json_rows",
    ".ndjson": "json_rows",
    ".json": "json_rows",
    ".parquet": "parquet",
    ".xlsx": "workbook",
    ".xlsm": "workbook",
    ".xls": "workbook",
    ".xlsb": "workbook",
    ".ods": "workbook",
    ".txt": "plain",
    ".vtt": "subtitles",
    ".srt": "subtitles",
    ".mbox": "mail",
    ".eml": "mail",
}


def find_files(path: Path, folder: Path) -> list[Path]:
    """Return the files that a name stands for.

    Parameters
    ----------
    path : Path
        A file; a folder, whose files of a known format are taken, those of its folders too, by
        name; a .gz or .zip of such.
    folder : Path
        Where what is unpacked is put.

    Raises
    ------
    DataError
        If there is nothing, or nothing of a known format.
    """
    if path.is_dir():
        known = sorted(file for file in path.rglob("*") if file.is_file() and _is_known(file, path))
        if not known:
            raise DataError(f"{path}: no files to score. Found none of {', '.join(FORMATS)}. Name a file of another suffix itself.")
        return [file for name in known for file in find_files(name, folder)]
    if not path.is_file():
        raise DataError(f"{path}: no such file. Found nothing there. Check the name.")
    return [file for inner in unpack(path, folder) for file in (find_files(inner, folder) if inner.is_dir() else [inner])]


def _is_known(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in file.relative_to(folder).parts)
    return not hidden and file.suffix.lower() in {*FORMATS, *UNPACKED}


def read_table(path: Path, options: Options) -> Table:
    """Open a file by its suffix or, if that says nothing, by its content.

    Raises
    ------
    DataError
        If the file is empty of rows and columns, or cannot be read.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file. Found nothing there. Check the name.")
    try:
        module = import_module(f"servicenlp.formats.{FORMATS.get(path.suffix.lower()) or detect(path)}")
        table: Table = module.read(path, options)
    except OSError as error:
        raise DataError(f"{path}: cannot be read. Found: {error.strerror or error}. Check its permissions.") from error
    return table


def detect(path: Path) -> str:
    """Tell the format's module from the first bytes of a file."""
    with path.open("rb") as file:
        head = file.read(65536)
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:4] == b"PK\x03\x04" or head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "workbook"
    delimited = import_module("servicenlp.formats.delimited")
    head = head.decode(delimited.detect_encoding(path), "replace").encode()
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:6] == b"WEBVTT":
        return "subtitles"
    if start[:5] == b"From ":
        return "mail"
    if start[:1] == b"{" or start[:2] in (b"[{", b"[\n", b"[\r", b"[ "):
        return "json_rows"
    return "delimited" if delimited.looks_delimited(head) else "plain"


def spool(stream: BinaryIO, folder: str) -> Path:
    """Copy standard input to a file in `folder`, so that it can be read twice."""
    path = Path(folder) / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(stream, file)
    return path
