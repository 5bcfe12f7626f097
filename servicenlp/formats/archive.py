"""Compressed files, unpacked into a folder of ours."""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import IO

from servicenlp.errors import DataError

UNPACKED = (".gz", ".zip", ".tgz", ".tar", ".bz2", ".xz")
# What is packed may be small and yet fill a disk. Text shrinks to a twentieth, seldom to a hundredth.
MOST = 64 << 30  # bytes that an archive may hold
SMALL = 256 << 20  # bytes up to which it does not matter how much they had shrunk
SHRUNK = 300
DEEPEST = 4  # archives in one another
_ENCRYPTED = 0x1
_CHUNK = 1 << 20
_BROKEN = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    NotImplementedError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
)
_PRESSED: dict[bytes, Callable[[Path], IO[bytes]]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}  # type: ignore[dict-item]
_OTHERS = {b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"Rar!\x1a\x07": "a RAR archive", b"(\xb5/\xfd": "a Zstandard file"}


def unpack(path: Path, folder: Path, wanted: Callable[[PurePosixPath], bool]) -> list[Path]:
    """Return what a file holds: itself, or the files that were packed in it.

    Parameters
    ----------
    path : Path
        Any file; archives are known by their first bytes, whatever their names.
    folder : Path
        Where what is unpacked is put.
    wanted : callable
        Tells by its name whether a packed file is of use. If none is, and only one is there, that
        one is taken.

    Raises
    ------
    DataError
        If it is broken, encrypted, empty, or of a kind that cannot be unpacked; or if it would fill
        the disk.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
        for mark, opener in _PRESSED.items():
            if head.startswith(mark):
                return [_expand(path, folder, opener)]
        if head.startswith(b"PK\x05\x06"):
            raise DataError(f"{path}: an empty archive. Found no files in it. Pack the export again.")
        if head.startswith(b"PK\x03\x04") and not _is_document(path):
            return _unzip(path, folder, wanted)
        if head[257:262] == b"ustar":
            return _untar(path, folder, wanted)
    except PermissionError as error:
        raise DataError(f"{path}: cannot be read. Found: {error.strerror}. Check its permissions.") from error
    except _BROKEN as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: cannot be unpacked. Found: {error}. Pack it again, as .zip without a password.") from error
    for mark, what in _OTHERS.items():
        if head.startswith(mark):
            raise DataError(f"{path}: cannot be unpacked. Found {what}. Pack it as .zip or .gz.")
    return [path]


def _expand(path: Path, folder: Path, opener: Callable[[Path], IO[bytes]]) -> Path:
    """Undo the compression of one file."""
    name = path.stem if path.suffix.lower() in UNPACKED else path.name
    target = _place(folder, f"{name}.tar" if path.suffix.lower() == ".tgz" else name or "data")
    with opener(path) as packed:
        _copy(packed, target, path, path.stat().st_size)
    return target


def _is_document(path: Path) -> bool:
    """Tell whether a zipped file is a workbook or another document, which are archives inside."""
    if path.suffix.lower() in (".xlsx", ".xlsm", ".xlsb", ".ods"):
        return True
    with zipfile.ZipFile(path) as packed:
        return not {"[Content_Types].xml", "META-INF/manifest.xml"}.isdisjoint(packed.namelist())


def _unzip(path: Path, folder: Path, wanted: Callable[[PurePosixPath], bool]) -> list[Path]:
    with zipfile.ZipFile(path) as packed:
        members = {_inside(info.filename): info for info in packed.infolist() if not info.is_dir()}
        chosen = _choose(path, list(members), wanted)
        if any(members[name].flag_bits & _ENCRYPTED for name in chosen):
            raise DataError(f"{path}: locked with a password. Found encrypted files. Unpack it, or pack it again without one.")
        opened = ((name, packed.open(members[name])) for name in chosen)
        return _write(opened, path, folder)


def _untar(path: Path, folder: Path, wanted: Callable[[PurePosixPath], bool]) -> list[Path]:
    with tarfile.open(path) as packed:
        members = {_inside(member.name): member for member in packed.getmembers() if member.isfile()}
        opened = ((name, packed.extractfile(members[name])) for name in _choose(path, list(members), wanted))
        return _write(((name, file) for name, file in opened if file), path, folder)


def _inside(name: str) -> PurePosixPath:
    """Return a packed file's name so that it leads nowhere else, wherever it was packed."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..") and not part.endswith(":")]
    return PurePosixPath(*(part.replace("\x00", "") for part in parts)) if parts else PurePosixPath("data")


def _choose(path: Path, names: list[PurePosixPath], wanted: Callable[[PurePosixPath], bool]) -> list[PurePosixPath]:
    chosen = sorted(filter(wanted, names)) or (names if len(names) == 1 else [])
    if not chosen:
        found = ", ".join(repr(str(name)) for name in names[:5]) or "no files"
        raise DataError(f"{path}: nothing to score in it. Found {found}. Pack the export's files, or name them themselves.")
    return chosen


def _write(opened: Iterator[tuple[PurePosixPath, IO[bytes]]], path: Path, folder: Path) -> list[Path]:
    top = _place(folder, path.stem)
    size, total = path.stat().st_size, 0
    files = []
    for name, packed in opened:
        target = top / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with packed:
            total += _copy(packed, target, path, size, total)
        files.append(target)
    return files


def _place(folder: Path, name: str) -> Path:
    return Path(mkdtemp(dir=folder)) / name


def _copy(packed: IO[bytes], target: Path, path: Path, size: int, before: int = 0) -> int:
    """Write what was packed; what stands in the archive about its size may be false."""
    written = 0
    with target.open("wb") as file:
        while chunk := packed.read(_CHUNK):
            written += file.write(chunk)
            total = before + written
            if total > MOST or (total > SMALL and total > SHRUNK * size):
                target.unlink()
                raise DataError(
                    f"{path}: holds far more than its size. Found over {total >> 20:,} MB in {size / 1024:,.0f} KB. "
                    "Unpack it yourself if it is what you want."
                )
    return written
