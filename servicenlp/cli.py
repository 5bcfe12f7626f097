"""The command line: thin commands over the library. Only this module prints or exits."""

import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from servicenlp import __version__
from servicenlp.errors import DataError, ServicenlpError

if TYPE_CHECKING:
    from servicenlp.readers import Source

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
FILE = click.Path(path_type=Path)
model_option = click.option("-m", "--model", type=FILE, help="Model folder; the shipped one by default.")
force_option = click.option("--force", is_flag=True, help="Overwrite what is there.")


class Commands(click.Group):
    """Show our own errors as one line; let a bug keep its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ServicenlpError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output has gone
            ctx.exit(1)


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="servicenlp")
def main() -> None:
    """Tell which level of service customers experienced, in which category, in whose words."""


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


@contextmanager
def open_inputs(files: tuple[Path, ...], **options: Any) -> Iterator["list[Source]"]:
    """Open the input files; "-" is standard input."""
    from servicenlp.formats import spool
    from servicenlp.readers import Options, open_sources

    with tempfile.TemporaryDirectory() as folder:
        paths = [spool(sys.stdin.buffer, folder) if str(file) == "-" else file for file in files]
        yield open_sources(paths, Path(folder), Options(**options))


@main.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", type=FILE, help="Where to write: .csv, .tsv, .jsonl, .parquet or .xlsx; CSV to stdout by default.")
@model_option
@click.option("--prefix", default="service_", show_default=True, help="What the added columns' names begin with.")
@click.option("--only", multiple=True, help="Write only rows with this level name or flag; may be repeated.")
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count(), help="Processes that score; one a core by default.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
@force_option
@source_options
def score(
    files: tuple[Path, ...], output: Path | None, model: Path | None, prefix: str, only: tuple[str, ...],
    workers: int, quiet: bool, force: bool, **options: Any,
) -> None:  # fmt: skip
    """Score every interaction in FILES and write the same rows with our columns added.

    \b
    Example: servicenlp score tickets.csv -o scored.csv
    """
    from tqdm import tqdm

    from servicenlp.persistence import load_model
    from servicenlp.scoring import score_files
    from servicenlp.summary import Summary

    refuse_overwriting(output, force)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass", newline="")  # as a file of ours
    summary = Summary()
    with open_inputs(files, **options) as sources:
        for source in () if quiet else sources:
            click.echo(f"{source.table.name}: {source.form}", err=True)
        tqdm.monitor_interval = 0  # its thread and forked workers do not go well together
        total = sum(source.table.n_rows for source in sources)
        with tqdm(total=total, unit=" rows", disable=True if quiet else None, file=sys.stderr, leave=False) as progress:
            for part in score_files(load_model(model), sources, output, sys.stdout, prefix=prefix, only=only, workers=workers):
                summary.add(part)
                progress.update(len(part.rows))
    if not quiet:
        click.echo(("" if output else "\n") + summary.render(), err=output is None)


def refuse_overwriting(output: Path | None, force: bool) -> None:
    """Raise DataError if the output is there already and --force was not given."""
    if output is not None and output.exists() and not force:
        raise DataError(
            f"{output}: is there already. Found a {'folder' if output.is_dir() else 'file'}. Choose another name or add --force."
        )


@main.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@source_options
def inspect(files: tuple[Path, ...], **options: Any) -> None:
    """Show what is detected in FILES and what would be scored, without scoring.

    \b
    Example: servicenlp inspect tickets.csv
    """
    from servicenlp import inspection

    with open_inputs(files, **options) as sources:
        for source in sources:
            click.echo(inspection.inspect(source))


@main.command()
@click.argument("text")
@model_option
@click.option("--target", default="level", show_default=True, help="What to explain: level, primary, delivery, mindset ...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(text: str, model: Path | None, target: str, as_json: bool) -> None:
    """Score one TEXT ("-" reads it from stdin) and show which words decided.

    \b
    Example: servicenlp explain "Waited two hours and then they hung up on me."
    """
    from servicenlp.explanation import describe, render
    from servicenlp.persistence import load_model

    if text == "-":
        text = sys.stdin.read()
    described = describe(load_model(model), text, target)
    click.echo(json.dumps(described, ensure_ascii=False, indent=1) if as_json else render(described))


@main.command()
@click.argument("data", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", required=True, type=FILE, help="Model folder to write.")
@click.option("--skip-bad", is_flag=True, help="Leave bad lines out and list them in the card, instead of stopping.")
@force_option
def train(data: tuple[Path, ...], output: Path, skip_bad: bool, force: bool) -> None:
    """Train a model on labelled DATA (files or folders) and write its folder.

    \b
    Example: servicenlp train data -o models/mine
    """
    from servicenlp.training import train as train_model

    if output.is_file():
        raise DataError(f"{output}: not a folder. Found a file. Choose a new folder.")
    if output.exists() and not (output / "card.json").exists() and any(output.iterdir()):
        raise DataError(f"{output}: not a model folder. Found other files in it. Choose a new folder.")
    click.echo("Training: reading, then fitting nine targets on folds and on the whole; minutes at most.", err=True)
    card = train_model(list(data), output, strict=not skip_bad, force=force)
    for problem in card["about"]["left_out"]:
        click.echo(f"left out: {problem}", err=True)
    click.echo(f"{output}: {card['name']}-{card['id']}, {sum(d['interactions'] for d in card['about']['data']):,} interactions")
    for name, value in card["about"]["figures"].get("all", {}).items():
        click.echo(f"  {name:<28} {value:6.3f}")


@main.command()
@click.argument("data", nargs=-1, required=True, type=FILE)
@model_option
@click.option("--by", help="Column to group the figures by, such as source or channel.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate(data: tuple[Path, ...], model: Path | None, by: str | None, as_json: bool) -> None:
    """Judge a model on labelled DATA.

    \b
    Example: servicenlp evaluate mine.jsonl -m models/mine
    """
    from servicenlp.evaluation import evaluate_model, render
    from servicenlp.persistence import load_model

    judged = evaluate_model(load_model(model), data, by)
    click.echo(json.dumps(judged.figures, indent=1) if as_json else render(judged))


@main.command()
@click.argument("folder", default="models", type=FILE)
def models(folder: Path) -> None:
    """List the models in FOLDER, and the shipped one.

    \b
    Example: servicenlp models
    """
    from servicenlp.persistence import list_models

    for path, card in list_models(folder):
        n = sum(d["interactions"] for d in card["about"].get("data", []))
        click.echo(f"{path}  {card['name']}-{card['id']}  {n:,} interactions")
