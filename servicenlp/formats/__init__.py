"""Files to tables: every row as it came, whatever the bytes it was written in.

One module per format; `FORMATS` says which suffix goes to which. To add one: write a module with a
function ``read(path, options) -> Table`` and enter it in `FORMATS`. What the columns mean is
told by `servicenlp.readers`.
"""

import logging
import re
import shutil
from importlib import import_module
from pathlib import Path, PurePath
from typing import BinaryIO

from servicenlp.errors import DataError
from servicenlp.formats.archive import DEEPEST, UNPACKED, unpack
from servicenlp.formats.encodings import detect_encoding
from servicenlp.formats.table import MISSING, Options, Row, Table, distinct

__all__ = ["FORMATS", "MISSING", "STDIN", "Options", "Row", "Table", "detect", "distinct", "find_files", "read_table", "spool"]

STDIN = "stdin"  # what standard input is called where a file would be named

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
# Files about the others in a folder.
_ABOUT = re.compile(
    r"(?:read[ _-]?me|licen[cs]e|copying|notice|change ?log|manifest|terms|about|instructions|requirements)\b", re.IGNORECASE
)
_REFUSED = {
    b"%PDF": ("a PDF", "Export it as CSV, or save its text as .txt."),
    b"!BDN": ("a folder of Outlook's (.pst)", "Export it as .mbox or .eml."),
    b"\x89PNG": ("a picture", "Export the data as CSV."),
    b"\xff\xd8\xff": ("a picture", "Export the data as CSV."),
    b"SQLite format 3": ("a database", "Export its tables as CSV."),
}

_CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_PACKED = re.compile(rb"PAR1|PK\x03\x04|\xd0\xcf\x11\xe0|\xff\xfe|\xfe\xff")  # Parquet, XLSX, XLS; UTF-16


def find_files(path: Path, folder: Path, depth: int = 0) -> list[Path]:
    """Return the files that a name stands for.

    Parameters
    ----------
    path : Path
        A file; a folder, whose files of a known format are taken, those of its folders too, by
        name; an archive of such, or of archives. In a folder or archive a file that cannot be
        unpacked is left out and named, unless there is no other.
    folder : Path
        Where what is unpacked is put.
    depth : int
        How many archives this one is in.

    Raises
    ------
    DataError
        If there is nothing, or nothing of a known format.
    """
    if path.is_dir():
        known = sorted(file for file in path.rglob("*") if file.is_file() and is_known(file.relative_to(path)))
        if not known:
            raise DataError(f"{path}: no files to score. Found none of {', '.join(FORMATS)}. Name a file of another suffix itself.")
        return _find_each(known, folder, depth)
    if not path.is_file():
        raise DataError(f"{path}: no such file. Found nothing there. Check the name.")
    if path.suffix.lower() == ".eml":
        return [path]
    inner = unpack(path, folder, is_known)
    if inner == [path]:
        return inner
    if depth >= DEEPEST:
        raise DataError(f"{path}: an archive too deep in others. Found {depth} around it. Unpack them yourself.")
    return _find_each(inner, folder, depth + 1)


def _find_each(files: list[Path], folder: Path, depth: int) -> list[Path]:
    found: list[Path] = []
    errors: list[DataError] = []
    for file in files:
        try:
            found += find_files(file, folder, depth)
        except DataError as error:
            errors.append(error)
    if errors and not found:
        raise errors[0]
    for problem in errors:
        logging.getLogger("servicenlp").warning("Left out: %s", problem)
    return found


def is_known(file: PurePath) -> bool:
    """Tell whether a file in a folder may hold interactions; hidden ones and those about the others do not."""
    hidden = any(part.startswith((".", "__MACOSX", "~$")) for part in file.parts)
    about = file.suffix.lower() == ".txt" and _ABOUT.match(file.stem)
    return not hidden and not about and file.suffix.lower() in {*FORMATS, *UNPACKED}


def read_table(path: Path, options: Options) -> Table:
    """Open a file by its suffix or, if that says nothing or something else than its content, by that.

    Raises
    ------
    DataError
        If the file is empty of rows and columns, or cannot be read.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file. Found nothing there. Check the name.")
    try:
        module = import_module(f"servicenlp.formats.{_format(path)}")
        table: Table = module.read(path, options)
    except OSError as error:
        raise DataError(f"{path}: cannot be read. Found: {error.strerror or error}. Check its permissions.") from error
    return table


def _format(path: Path) -> str:
    """Return the format's module: by the suffix, unless the first bytes are plainly another's."""
    named = FORMATS.get(path.suffix.lower())
    with path.open("rb") as file:
        head = file.read(4096)
    for mark, (what, instead) in _REFUSED.items():
        if head.startswith(mark):
            raise DataError(f"{path}: not a table or a text. Found {what}. {instead}")
    if path.suffix.lower() == ".msg":
        raise DataError(f"{path}: a mail of Outlook's own kind. Found .msg. Save it as .eml.")
    if not head and named is None:
        raise DataError(f"{path}: the file is empty. Found no words in it. Export it again.")
    # A small table may hold odd letters; a program's bytes are many.
    if len(head) > 1024 and len(_CONTROLS.findall(head)) * 20 > len(head) > head.count(0) * 3 and not _PACKED.match(head):
        raise DataError(f"{path}: not a table or a text. Found bytes of some other kind. Export the data as CSV.")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    packed = head[:4] in (b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
    if named is None or (packed and named not in ("workbook", "parquet", "mail")):
        return detect(path)
    if start[:200].lower().startswith((b"<!doctype html", b"<html", b"<table")) and named in ("delimited", "json_rows"):
        return "workbook"  # a page of tables
    if named == "delimited":
        return "json_rows" if start.startswith((b'{"', b'[{"')) else named
    # Words where a workbook or data is named: whatever they look like, if it is a table.
    odd = (named in ("workbook", "parquet") and not packed and path.suffix.lower() != ".xls") or (
        named == "json_rows" and start[:1] not in b"{["
    )
    if (odd and start) or named == "plain":
        other = detect(path)
        return other if other in ("delimited", "json_rows", "mail") and (named != "plain" or _is_sure(head, other)) else named
    return named


def _is_sure(head: bytes, found: str) -> bool:
    """Tell whether a .txt is no letter but data: an object a line, or a table of three columns or tabs."""
    first = head.lstrip(b"\xef\xbb\xbf\r\n").split(b"\n", 1)[0].replace(b"\x00", b"")
    return found == "mail" or first.startswith((b"{", b"[")) or b"\t" in first or max(map(first.count, (b",", b";", b"|"))) >= 2


def detect(path: Path) -> str:
    """Tell the format's module from the first bytes of a file."""
    with path.open("rb") as file:
        head = file.read(65536)
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:4] == b"PK\x03\x04" or head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "workbook"
    delimited = import_module("servicenlp.formats.delimited")
    head = head.decode(detect_encoding(path), "replace").encode()
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
    path = Path(folder) / STDIN
    with path.open("wb") as file:
        shutil.copyfileobj(stream, file)
    return path
