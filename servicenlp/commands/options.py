"""What several commands take, and how they open what they are given."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from servicenlp.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from servicenlp.readers import Source


class _File(click.Path):
    """A path; the empty one, as an unset variable gives it, is none, and not the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the name is empty. Name a file.", param, ctx)
        return super().convert(value, param, ctx)


FILE = _File(path_type=Path)
model_option = click.option("-m", "--model", type=FILE, help="Model folder; the shipped one by default.")
skip_option = click.option("--skip-bad", is_flag=True, help="Leave bad lines out, instead of stopping.")
text_option = click.option("--text-column", help="Column of the words; detected by default.")
force_option = click.option("--force", is_flag=True, help="Overwrite what is there.")


def source_options(command: Any) -> Any:
    """Add the options that override what is detected in an input file."""
    for option in (
        click.option("--agent-domain", "agent_domains", multiple=True, help="Mail domain whose senders are agents; may be repeated."),
        click.option("--delimiter", help="Delimiter of a CSV."),
        click.option("--encoding", help="Encoding of a text file."),
        click.option("--customer-column", help="Column of the customer's words where agents' words stand in others."),
        click.option("--id-column", help="Column that names the interaction; rows with the same id are its messages."),
        click.option("--text-column", help="Column of the words."),
        click.option("--from", "reader", metavar="NAME", help="The export, such as zendesk; all of these are detected by default."),
    ):
        command = option(command)
    return command


def or_stdout(ctx: click.Context, param: click.Parameter, value: Path | str | None) -> Path | str | None:
    """Return where to write; None, which is standard output, for "-"."""
    return None if str(value) == "-" else value


@contextmanager
def stopping(kept: Callable[[], bool]) -> Iterator[None]:
    """Say, when the user stops a run, whether it can go on."""
    try:
        yield
    except KeyboardInterrupt as error:
        told = " What is done is kept: go on with --resume." if kept() else ""
        raise click.ClickException(f"Stopped.{told}") from error


@contextmanager
def open_inputs(files: tuple[Path, ...], **options: Any) -> Iterator["list[Source]"]:
    """Open the input files; "-" is standard input."""
    from servicenlp.formats import STDIN, spool
    from servicenlp.readers import Options, open_sources

    with tempfile.TemporaryDirectory() as folder:
        paths = [spool(sys.stdin.buffer, folder) if str(file) == "-" else file for file in files]
        try:
            yield open_sources(paths, Path(folder), Options(**options))
        except DataError as error:
            raise DataError(str(error).replace(str(Path(folder) / STDIN), STDIN)) from error


def check_output(output: Path | None, force: bool, inputs: Iterable[Path] = (), suffixes: Sequence[str] = ()) -> None:
    """Raise DataError, before any work is done, if a file cannot or must not be written.

    Parameters
    ----------
    output : Path or None
        The file; None is standard output.
    force : bool
        Whether a file that is there may be replaced.
    inputs : iterable of Path
        Files that must not be replaced in any case.
    suffixes : sequence of str
        What the name may end in; by default what `writers.open_writer` writes.
    """
    from servicenlp.writers import FORMATS

    if output is None:
        return
    allowed = suffixes or FORMATS
    if output.is_dir():
        raise DataError(f"{output}: is a folder. Found no name of a file. Add one that ends in {', '.join(allowed)}.")
    if output.suffix.lower() not in allowed:
        raise DataError(f"{output}: no such output format. Found {output.suffix!r}. End the name in {', '.join(allowed)}.")
    if output.is_file() and any(file.is_file() and output.samefile(file) for file in inputs):
        raise DataError(f"{output}: is the input. Found the same file. Choose another name with -o.")
    if output.exists() and not force:
        raise DataError(f"{output}: is there already. Found a file. Choose another name or add --force.")
    if not output.parent.is_dir():
        raise DataError(f"{output}: cannot be written. Found no folder {str(output.parent)!r}. Make it first.")
    if not os.access(output.parent, os.W_OK):
        raise DataError(f"{output}: cannot be written. Found: Permission denied. Choose a folder that you may write to.")


def read_labelled(data: tuple[Path, ...], *, skip_bad: bool, text_column: str | None) -> "pd.DataFrame":
    """Read labelled interactions, and say what is left out."""
    from servicenlp.corpus import group_problems, read_corpus

    table, problems = read_corpus(*data, strict=not skip_bad, text_column=text_column)
    for line in group_problems(problems):
        click.echo(f"Left out: {line}.", err=True)
    return table


def competitor_names(told: str) -> list[str]:
    """Return the names of competitors: joined by commas, or, where that is a file, one a line."""
    try:
        lines = Path(told).read_text(encoding="utf-8-sig").splitlines() if os.path.isfile(told) else told.split(",")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{told}: cannot be read. Found {error}. Give a text file of names, one a line.") from error
    return list(dict.fromkeys(name.strip() for name in lines if name.strip()))
