"""Compressed files, unpacked beside their name into a folder of ours."""

import gzip
import shutil
import zipfile
from pathlib import Path
from tempfile import mkdtemp

from servicenlp.errors import DataError

UNPACKED = (".gz", ".zip")


def unpack(path: Path, folder: Path) -> list[Path]:
    """Return what a file holds: itself, what was gzipped, or the folder of what was zipped.

    Raises
    ------
    DataError
        If it is broken or encrypted.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head[:2] == b"\x1f\x8b":
            return [_gunzip(path, folder)]
        if head == b"PK\x03\x04" and path.suffix.lower() != ".xlsx" and not _is_workbook(path):
            return [_unzip(path, folder)]
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError(f"{path}: cannot be unpacked. Found: {error}. Compress it again, without a password.") from error
    return [path]


def _gunzip(path: Path, folder: Path) -> Path:
    name = path.name[:-3] if path.suffix.lower() == ".gz" else path.name
    target = Path(mkdtemp(dir=folder)) / (name or "data")
    with gzip.open(path) as packed, target.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return target


def _is_workbook(path: Path) -> bool:
    with zipfile.ZipFile(path) as packed:
        return "[Content_Types].xml" in packed.namelist()


def _unzip(path: Path, folder: Path) -> Path:
    target = Path(mkdtemp(dir=folder)) / path.stem
    with zipfile.ZipFile(path) as packed:
        packed.extractall(target)  # the library keeps members inside the target
    return target
