"""The command line: thin commands over the library. Only this module prints or exits."""

import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from servicenlp import __version__
from servicenlp.errors import DataError, ServicenlpError

if TYPE_CHECKING:
    from servicenlp.readers import Table

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


def table_options(command: Any) -> Any:
    """Add the options that override what is detected in an input file."""
    command = click.option("--delimiter", help="Delimiter of a CSV; detected by default.")(command)
    command = click.option("--encoding", help="Encoding of a text file; detected by default.")(command)
    return click.option("--text-column", help="Column of the customer's words; detected by default.")(command)


@contextmanager
def open_tables(files: tuple[Path, ...], text_column: str | None, encoding: str | None, delimiter: str | None) -> Iterator["list[Table]"]:
    """Open the input files; "-" is standard input."""
    from servicenlp.readers import Options, open_table, spool

    with tempfile.TemporaryDirectory() as folder:
        paths = [spool(sys.stdin.buffer, folder) if str(file) == "-" else file for file in files]
        yield [open_table(path, Options(text_column, encoding, delimiter)) for path in paths]


@main.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", type=FILE, help="Where to write: .csv, .tsv, .jsonl, .parquet or .xlsx; CSV to stdout by default.")
@model_option
@click.option("--prefix", default="service_", show_default=True, help="What the added columns' names begin with.")
@click.option("--only", multiple=True, help="Write only rows with this level name or flag; may be repeated.")
@click.option("--careful", is_flag=True, help="Let a transformer read again what the model is not sure of; needs servicenlp[careful].")
@click.option("--careful-model", type=FILE, help="Folder of the transformer; the shipped one by default. Implies --careful.")
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count(), help="Processes that score; one a core by default.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
@force_option
@table_options
def score(
    files: tuple[Path, ...], output: Path | None, model: Path | None, prefix: str, only: tuple[str, ...],
    careful: bool, careful_model: Path | None, workers: int, quiet: bool, force: bool, **table: Any,
) -> None:  # fmt: skip
    """Score every interaction in FILES and write the same rows with our columns added.

    \b
    Example: servicenlp score tickets.csv -o scored.csv
    """
    from tqdm import tqdm

    from servicenlp.persistence import load_model
    from servicenlp.scoring import score_files
    from servicenlp.summary import Summary
    from servicenlp.transformer import load_transformer

    refuse_overwriting(output, force)
    reader = load_transformer(careful_model, workers) if careful or careful_model else None
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass", newline="")  # as a file of ours
    summary = Summary()
    with open_tables(files, **table) as tables:
        for opened in () if quiet else tables:
            click.echo(f"{opened.name}: {opened.form}; text column {opened.text_column!r}", err=True)
        tqdm.monitor_interval = 0  # its thread and forked workers do not go well together
        total = sum(opened.n_rows for opened in tables)
        with tqdm(total=total, unit=" rows", disable=True if quiet else None, file=sys.stderr, leave=False) as progress:
            linear = load_model(model)
            for part in score_files(linear, tables, output, sys.stdout, prefix=prefix, only=only, workers=workers, careful=reader):
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
@table_options
def inspect(files: tuple[Path, ...], **table: Any) -> None:
    """Show what is detected in FILES and what would be scored, without scoring.

    \b
    Example: servicenlp inspect tickets.csv
    """
    from servicenlp.scoring import preview

    with open_tables(files, **table) as tables:
        for opened in tables:
            click.echo(preview(opened))


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
@click.option("--transformer", is_flag=True, help="Train the reader of `score --careful` instead; needs servicenlp[careful-train].")
@force_option
def train(data: tuple[Path, ...], output: Path, skip_bad: bool, transformer: bool, force: bool) -> None:
    """Train a model on labelled DATA (files or folders) and write its folder.

    \b
    Example: servicenlp train data -o models/mine
    """
    from tqdm import tqdm

    from servicenlp.training import train as train_model
    from servicenlp.transformer_training import train_transformer

    if output.is_file():
        raise DataError(f"{output}: not a folder. Found a file. Choose a new folder.")
    if output.exists() and not (output / "card.json").exists() and any(output.iterdir()):
        raise DataError(f"{output}: not a model folder. Found other files in it. Choose a new folder.")
    if transformer:
        click.echo("Training: a transformer, two rounds; about half an hour for 30,000 interactions on two cores.", err=True)
        steps = partial(tqdm, unit=" steps", file=sys.stderr)
        card = train_transformer(list(data), output, steps, strict=not skip_bad, force=force)
    else:
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
