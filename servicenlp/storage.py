"""Where files lie: paths of this machine, and the addresses of remote stores (``s3://bucket/key``).

fsspec knows the stores; each but the web's needs a package of its own, such as s3fs, and takes its
credentials from where that package looks for them.
"""

import json
from pathlib import PurePosixPath
from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import is_known


def locate(place: str) -> tuple[Any, str]:
    """Return the file system that a path or an address is on, and its path there."""
    from fsspec.core import url_to_fs

    try:
        return url_to_fs(place)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:
        raise DataError(f"{place}: cannot be reached. Found: {error}. Install the package, or copy the files here.") from error


def is_local(fs: Any) -> bool:
    """Tell whether a file system is that of this machine."""
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(fs, LocalFileSystem)


def find_places(place: str) -> list[str]:
    """Return the files that a name stands for.

    Parameters
    ----------
    place : str
        A file; a folder, whose files of a known format are taken, those of its folders too; or a
        pattern with ``*``, ``?`` or ``[...]``.

    Returns
    -------
    list of str
        Paths or addresses, in the order of their names.

    Raises
    ------
    DataError
        If there is nothing, or it cannot be reached.
    """
    from fsspec.core import has_magic

    fs, path = locate(place)
    try:
        if fs.isfile(path):
            found = [path]
        elif fs.isdir(path):
            found = [file for file in fs.find(path) if is_known(PurePosixPath(file).relative_to(path))]
        else:
            found = [file for file in fs.glob(path) if fs.isfile(file)] if has_magic(path) else []
    except Exception as error:  # each store has its own
        raise DataError(f"{place}: cannot be reached. Found: {error}. Check the name and your access.") from error
    if not found:
        raise DataError(f"{place}: no files to score. Found nothing there. Check the name.")
    return [file if is_local(fs) else fs.unstrip_protocol(file) for file in sorted(found, key=lambda file: PurePosixPath(file).parts)]


def describe(file: str) -> list[Any]:
    """Return a file's name, size and version: what tells whether it is the same."""
    fs, path = locate(file)
    info = fs.info(path)
    version = next((info[name] for name in ("ETag", "mtime", "LastModified", "updated", "last_modified") if info.get(name)), None)
    return [file, info["size"], str(version)]


def write_text(place: str, text: str) -> None:
    """Write a small file."""
    fs, path = locate(place)
    fs.pipe_file(path, text.encode())


def read_json(place: str) -> Any:
    """Return what a JSON file says; None if there is none, or it was cut short."""
    fs, path = locate(place)
    try:
        return json.loads(fs.cat_file(path))
    except (OSError, ValueError):
        return None
