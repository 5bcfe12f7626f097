"""What ``servicenlp score`` does where parts go to a folder, on one machine or many."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from servicenlp.errors import DataError

if TYPE_CHECKING:
    from servicenlp.partitions import Job, Outcome, Partition

ENGINES = ("local", "dask")


class Place(click.ParamType):
    """A path; the address of a remote file, or a path that says by its last slash that it is a folder, stays as it stands."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """Return the place."""
        if value == "":
            self.fail("the name is empty. Name a file.", param, ctx)
        return value if isinstance(value, Path) or "://" in value or value.endswith("/") else Path(value)


PLACE = Place()


def engine_options(command: Any) -> Any:
    """Add the options that tell where partitions are scored."""
    command = click.option("--scheduler", metavar="ADDRESS", help="A running Dask scheduler; one on this machine by default.")(command)
    engine = click.option("--engine", type=click.Choice(ENGINES), default=ENGINES[0], help="Who scores the files of a folder output.")
    return engine(command)


def is_folder(files: Sequence[Path | str], output: Path | str | None, engine: str, scheduler: str | None) -> bool:
    """Tell whether parts are to be written to a folder.

    Raises
    ------
    DataError
        If the options do not go together.
    """
    if scheduler and engine != "dask":
        raise DataError("--scheduler: is for --engine dask. Found another engine. Add --engine dask.")
    if engine == "dask" and output is None:
        raise DataError("--engine dask: needs a folder to write to. Found no -o. Add -o scored/.")
    folder = engine == "dask" or isinstance(output, str)
    if not folder and (remote := [str(file) for file in files if "://" in str(file)]):
        raise DataError(f"{remote[0]}: a remote file. Found no folder to write to. Add -o scored/.")
    return folder


def place_of(folder: Path | str | None) -> str:
    """Return a folder's name as it leads to the same place from everywhere."""
    return str(folder).rstrip("/") if "://" in str(folder) else str(Path(folder or "").resolve())


def score_folder(
    files: Sequence[Path | str], job: "Job", *, engine: str, scheduler: str | None, workers: int, resume: bool, force: bool, quiet: bool
) -> None:
    """Score files into a folder of parts."""
    from tqdm import tqdm

    from servicenlp.partitions import begin, end, find_partitions, merge

    if "-" in map(str, files):
        raise DataError("-: cannot go into a folder. Found standard input. Name files, or write to a file.")
    run = choose(engine, scheduler, workers)
    partitions = find_partitions(list(map(str, files)), job.options)
    if inside := [one.source for one in partitions if str(PurePosixPath(one.source).parent) == job.folder]:
        raise DataError(f"{job.folder}: holds inputs. Found {inside[0]}. Choose another folder with -o.")
    begin(job.folder, force, resume)
    with ThreadPoolExecutor() as pool:  # a remote store takes its time to answer
        outcomes = [done for done in pool.map(job.done, partitions) if done] if resume else []
    kept = {outcome.partition for outcome in outcomes}
    missing = [partition for partition in partitions if partition not in kept]
    shown = tqdm(total=len(partitions), initial=len(kept), unit=" parts", disable=True if quiet else None, file=sys.stderr, leave=False)
    try:
        with shown:
            for outcome in tell(run(job, missing) if missing else (), quiet):
                outcomes.append(outcome)
                shown.update()
    finally:
        end(job.folder)
    if not quiet:
        click.echo(merge(outcomes).render())
    failed = [outcome.error for outcome in outcomes if outcome.error]
    if failed:
        others = f" {len(failed) - 1:,} more of {len(partitions):,} partitions failed too." if len(failed) > 1 else ""
        raise DataError(f"{failed[0]}{others} The other parts are kept: go on with --resume.")


def choose(engine: str, scheduler: str | None, workers: int) -> "Callable[[Job, Sequence[Partition]], Iterator[Outcome]]":
    """Return who scores."""
    from servicenlp.partitions import score_in_turn

    if engine == "local":
        return partial(score_in_turn, workers=workers)
    try:
        from servicenlp.cluster import score_on_cluster
    except ImportError as error:
        raise DataError(f"--engine dask: needs Dask. Found: {error}. Install it: pip install 'servicenlp[dask]'.") from error
    return partial(score_on_cluster, scheduler=scheduler, workers=workers)


def tell(outcomes: "Iterable[Outcome]", quiet: bool) -> "Iterator[Outcome]":
    """Name what was detected, once where it is the same for many files, and what failed."""
    told = {""}
    for outcome in outcomes:
        if not quiet and outcome.form not in told:
            click.echo(f"{outcome.partition.source}: {outcome.form}", err=True)
        told.add(outcome.form)
        yield outcome
