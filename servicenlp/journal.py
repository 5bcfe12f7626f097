"""What is done already of a long run, so that one that was killed can go on."""

import json
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from servicenlp.errors import DataError


class Journal:
    """A file beside the growing output that says after each batch how far both have come.

    Parameters
    ----------
    output : Path
        The name that the output will have once it is whole; it grows as ``.NAME.part``, and its
        journal is ``.NAME.journal``, in the same folder.
    task : dict
        What is being done (inputs, model, options), as JSON has it. A journal of another task is
        never gone on with.
    resume : bool
        Whether to go on where a journal of the same task ends; if there is none, all is begun anew.

    Attributes
    ----------
    rows, bytes : int
        How many input rows are done, and how long the output is then.
    state : object
        What was remembered with them.

    Raises
    ------
    DataError
        If `resume` and the journal is of another task.
    """

    def __init__(self, output: Path, task: dict[str, Any], resume: bool = False) -> None:
        self.part = output.with_name(f".{output.name}.part")
        self.path = output.with_name(f".{output.name}.journal")
        self.rows, self.bytes, self.state = 0, 0, None
        if resume and self.path.exists() and self.part.exists():
            self._go_on(output, task)
        self._file: IO[str] | None = None
        self._task = task

    def _go_on(self, output: Path, task: dict[str, Any]) -> None:
        size = self.part.stat().st_size
        with self.path.open(encoding="utf-8") as file:
            entries = (entry for entry in map(_whole, file) if entry is not None)  # one at a time: there may be millions
            begun = next(entries, task)
            if changed := [name for name in task if begun.get(name) != task[name]]:
                raise DataError(f"{output}: cannot go on. Found a run of other {', '.join(changed)}. Leave out --resume to begin anew.")
            for entry in entries:
                if entry["bytes"] <= size:
                    self.rows, self.bytes, self.state = entry["rows"], entry["bytes"], entry["state"]

    def open(self) -> None:
        """Begin to write; whoever writes the output cuts it to `bytes` first."""
        self._file = self.path.open("a" if self.rows else "w", encoding="utf-8")
        if self.rows:
            self._file.write("\n")  # what was cut off in the middle of a line stays a line of its own
        else:
            self._write(self._task)

    def commit(self, rows: int, size: int, state: Any) -> None:
        """Note that `rows` more input rows are in the output, which is `size` bytes long."""
        self.rows, self.bytes, self.state = self.rows + rows, size, state
        self._write({"rows": self.rows, "bytes": size, "state": state})

    def _write(self, entry: Any) -> None:
        assert self._file is not None
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()  # a killed process loses nothing that the system has

    def close(self) -> None:
        """Stop; the journal stays for the next run."""
        if self._file is not None:
            with suppress(OSError):  # what could not be written was told when it was
                self._file.close()

    def finish(self) -> None:
        """Stop and take the journal away: the output is whole."""
        self.close()
        self.path.unlink(missing_ok=True)


def _whole(line: str) -> Any:
    """Return a line's entry, or None if the process was killed while it wrote it."""
    try:
        return json.loads(line) if line.endswith("\n") else None
    except ValueError:
        return None


def describe_files(path: Path) -> list[list[Any]]:
    """Return the name, size and time of change of a file, or of all in a folder: what tells whether they are the same."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path] if path.exists() else []
    found = [(str(file.resolve()), file.stat()) for file in files]
    return [[name, status.st_size, status.st_mtime_ns] for name, status in found]
