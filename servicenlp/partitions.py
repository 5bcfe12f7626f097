"""Many files to a folder of parts: what a partition is, where it lies, and how one is scored.

Files are named by path or by the address of a remote one (``s3://bucket/*.parquet``); fsspec fetches
and brings those, given its package for the store. Each part appears under its name when it is whole,
and a record beside it, ``.parts/part-00000.json``, says of what it was made, so that a run that was
stopped, or lost machines, does again only what is missing.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import uuid4

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.readers import Source, open_source, open_sources
from servicenlp.scoring import Scorer
from servicenlp.storage import describe, find_places, is_local, locate, read_json, write_text
from servicenlp.streaming import Choices, score_files
from servicenlp.summary import Summary
from servicenlp.writers import FORMATS

SPLIT = 1_000_000  # rows from which a Parquet file is more than one partition
_RECORDS = ".parts"


class Partition(NamedTuple):
    """What is scored at one go.

    Attributes
    ----------
    source : str
        A file: its path or address.
    part : str
        The name of what comes out, such as "part-00000.parquet".
    groups : tuple of int, optional
        The first row group of a Parquet file, and the one after the last; by default all of the file.
    """

    source: str
    part: str
    groups: tuple[int, int] | None = None


class Outcome(NamedTuple):
    """What became of a partition.

    Attributes
    ----------
    partition : Partition
        Which.
    summary : Summary
        Its counts.
    form : str
        What was detected, for people; empty if an earlier run had done it.
    error : DataError or None
        Why it could not be scored.
    """

    partition: Partition
    summary: Summary
    form: str = ""
    error: DataError | None = None


@dataclass(frozen=True)
class Job:
    """What is done with each partition.

    Attributes
    ----------
    scorer, choices, options
        How they are scored, written and read.
    folder : str
        Where the parts go: a path or an address.
    task : dict
        The model and options, as JSON has them; a part of another task is not gone on with.
    """

    scorer: Scorer
    folder: str
    choices: Choices
    options: Options
    task: dict[str, Any]

    def run(self, partition: Partition, workers: int = 1) -> Outcome:
        """Score a partition into its part.

        Parameters
        ----------
        partition : Partition
            Which.
        workers : int
            Processes that score, as in `score_source`.

        Raises
        ------
        OSError
            If a remote file cannot be fetched or brought; that may be better the next time.
        """
        summary = Summary()
        with TemporaryDirectory() as scratch:
            try:
                key = self._key(partition)
                sources = _open(partition, Path(scratch), self.options)
                target = _Target(self.folder, partition.part, Path(scratch))
                for scored in score_files(self.scorer, sources, target.path, sys.stdout, self.choices, workers=workers):
                    summary.add(scored)
            except DataError as error:
                return Outcome(partition, Summary(), error=error)
            target.deliver()
        write_text(self._record(partition), json.dumps(key | {"summary": summary.state()}))
        return Outcome(partition, summary, "; ".join(dict.fromkeys(source.form for source in sources)))

    def done(self, partition: Partition) -> Outcome | None:
        """Return the outcome of a partition that an earlier run has done, or None.

        Raises
        ------
        DataError
            If the part was made of something else.
        """
        fs, path = locate(f"{self.folder}/{partition.part}")
        record = read_json(self._record(partition))
        if record is None or not fs.exists(path):
            return None
        key = self._key(partition)
        if changed := [name for name in key if record.get(name) != key[name]]:
            raise DataError(
                f"{self.folder}/{partition.part}: cannot go on. Found a run of other {', '.join(changed)}. "
                "Leave out --resume to begin anew."
            )
        return Outcome(partition, Summary.restored(record["summary"]))

    def _key(self, partition: Partition) -> dict[str, Any]:
        """Return what a part is made of."""
        return json.loads(json.dumps(self.task | {"input": [*describe(partition.source), partition.groups]}))  # type: ignore[no-any-return]

    def _record(self, partition: Partition) -> str:
        return f"{self.folder}/{_RECORDS}/{PurePosixPath(partition.part).stem}.json"


def find_partitions(places: Sequence[str], options: Options) -> list[Partition]:
    """Return the partitions of some files.

    A file is one partition, but for a Parquet file of this machine's folders whose rows are an
    interaction each: that is split at its row groups into ranges of about `SPLIT` rows.

    Parameters
    ----------
    places : sequence of str
        Files, folders of them, and patterns with ``*``, ``?`` and ``[...]``; paths or addresses.
    options : Options
        How they are read.

    Raises
    ------
    DataError
        If there is nothing under one of them.

    Examples
    --------
    >>> [partition] = find_partitions(["data/examples/tick*.csv"], Options())
    >>> partition.part
    'part-00000.csv'
    """
    ranges = [(file, groups) for place in places for file in find_places(place) for groups in _row_groups(file, options)]
    width = max(5, len(str(len(ranges) - 1)))  # so that the order of the names is that of the parts
    return [Partition(file, f"part-{i:0{width}}{_suffix(file)}", groups) for i, (file, groups) in enumerate(ranges)]


def begin(folder: str, force: bool, resume: bool) -> None:
    """Make the folder of the parts.

    Parameters
    ----------
    folder : str
        A path or an address.
    force : bool
        Whether to remove the parts of an earlier run.
    resume : bool
        Whether to keep them.

    Raises
    ------
    DataError
        If other files are there, or it cannot be made.
    """
    fs, path = locate(folder)
    try:
        if fs.isfile(path):
            raise DataError(f"{folder}: not a folder. Found a file. Choose another name.")
        there = [PurePosixPath(name).name for name in fs.ls(path, detail=False)] if fs.isdir(path) else []
        if there == [_RECORDS] and not fs.ls(f"{path}/{_RECORDS}"):
            there = []  # a run that had come to nothing
        if there and not force and not (resume and _RECORDS in there):
            raise DataError(f"{folder}: is there already. Found a folder with files. Choose another name or add --force.")
        for name in there if force and not resume else ():
            if name == _RECORDS or name.startswith(("part-", ".part-")):
                fs.rm(f"{path}/{name}", recursive=True)
        fs.makedirs(f"{path}/{_RECORDS}", exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written. Found: {error.strerror or error}. Choose a folder that you may write to.") from error


def end(folder: str) -> None:
    """Remove what processes that were killed have left half-written."""
    fs, path = locate(folder)
    for name in fs.ls(path, detail=False):
        if PurePosixPath(name).name.startswith(".part-"):
            fs.rm_file(name)


def score_in_turn(job: Job, partitions: Sequence[Partition], workers: int = 1) -> Iterator[Outcome]:
    """Score partitions one after the other on this machine.

    Parameters
    ----------
    job : Job
        What is done with each.
    partitions : sequence of Partition
        Which.
    workers : int
        Processes that score one.
    """
    for partition in partitions:
        try:
            yield job.run(partition, workers)
        except OSError as error:
            yield failed(partition, f"cannot be fetched or brought. Found: {error}. Check the store and your access")


def failed(partition: Partition, why: str) -> Outcome:
    """Return the outcome of a partition that could not be scored."""
    return Outcome(partition, Summary(), error=DataError(f"{partition.source}: {why}."))


def merge(outcomes: Sequence[Outcome]) -> Summary:
    """Return the counts of all parts, as if they were one file."""
    total = Summary()
    for outcome in sorted(outcomes, key=lambda outcome: outcome.partition.part):
        total.merge(outcome.summary)
    return total


class _Target:
    """Where a part is written, and brought from if that is not where it belongs."""

    def __init__(self, folder: str, part: str, scratch: Path) -> None:
        self._fs, home = locate(folder)
        self._home, self._part = home, part
        self.path = Path(home) / part if is_local(self._fs) else scratch / "scored" / part
        self.path.parent.mkdir(exist_ok=True)

    def deliver(self) -> None:
        if is_local(self._fs):
            return  # it was written where it belongs
        waiting = f"{self._home}/.{self._part}.{uuid4().hex}"
        self._fs.put_file(str(self.path), waiting)
        self._fs.mv(waiting, f"{self._home}/{self._part}")


def _open(partition: Partition, scratch: Path, options: Options) -> list[Source]:
    """Open a partition; a remote file is fetched before."""
    fs, path = locate(partition.source)
    if not is_local(fs):
        local = scratch / PurePosixPath(path).name
        fs.get_file(path, str(local))
        path = str(local)
    try:
        sources = open_sources([Path(path)], scratch, options)
    except DataError as error:
        raise DataError(str(error).replace(path, partition.source)) from error
    if partition.groups is None:
        return sources
    from servicenlp.formats import parquet

    # What the whole file was found to be, so that no range is read in another way.
    return [replace(source, table=parquet.read(Path(path), options, range(*partition.groups))) for source in sources]


def _row_groups(file: str, options: Options) -> list[tuple[int, int] | None]:
    """Return the ranges of row groups that are a partition each; [None] for the whole file."""
    fs, path = locate(file)
    if not is_local(fs) or PurePosixPath(path).suffix.lower() != ".parquet":
        return [None]
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as opened:
            rows = [opened.metadata.row_group(i).num_rows for i in range(opened.num_row_groups)]
        if sum(rows) <= SPLIT or not open_source(path, options).rowwise:
            return [None]
    except (DataError, pa.ArrowException, OSError):
        return [None]  # what is wrong is told where it is scored
    edges, waiting = [0], 0
    for i, n in enumerate(rows):
        if waiting and waiting + n > SPLIT:
            edges.append(i)
            waiting = 0
        waiting += n
    return list(zip(edges, [*edges[1:], len(rows)], strict=True))


def _suffix(file: str) -> str:
    """Return what a part's name ends in: the input's format where it can be written, else CSV."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(file).suffixes[-2:]]
    found = [".jsonl" if suffix == ".json" else suffix for suffix in reversed(suffixes)]
    return next((suffix for suffix in found if suffix in FORMATS), ".csv")
