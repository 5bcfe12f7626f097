"""``servicenlp score``."""

import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from servicenlp.commands.options import FILE, force_option, model_option, open_inputs, refuse_overwriting, source_options
from servicenlp.errors import DataError

if TYPE_CHECKING:
    from servicenlp.journal import Journal


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", type=FILE, help="Where to write: .csv, .tsv, .jsonl, .parquet or .xlsx; CSV to stdout by default.")
@model_option
@click.option("--prefix", default="service_", show_default=True, help="What the added columns' names begin with.")
@click.option("--only", multiple=True, help="Write only rows with this level name or flag; may be repeated.")
@click.option("--careful", is_flag=True, help="Let a transformer read again what the model is not sure of; needs servicenlp[careful].")
@click.option("--careful-model", type=FILE, help="Folder of the transformer; the shipped one by default. Implies --careful.")
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count(), help="Processes that score; one a core by default.")
@click.option("--resume", is_flag=True, help="Go on where a run that was stopped has come to.")
@click.option("--excel-safe", is_flag=True, help="Write CSV cells that a spreadsheet would run as a formula as text. XLSX always is safe.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
@force_option
@source_options
def score(
    files: tuple[Path, ...], output: Path | None, model: Path | None, prefix: str, only: tuple[str, ...],
    careful: bool, careful_model: Path | None, workers: int, resume: bool, excel_safe: bool, quiet: bool, force: bool, **options: Any,
) -> None:  # fmt: skip
    """Score every interaction in FILES and write the same rows with our columns added.

    FILES may be exports, folders, archives, or "-" for standard input. A run that was stopped can go on: run it again with --resume.

    \b
    Example: servicenlp score tickets.csv -o scored.csv
    """
    from tqdm import tqdm

    from servicenlp.persistence import load_model
    from servicenlp.scoring import Scorer
    from servicenlp.streaming import Choices, check_names, score_files
    from servicenlp.summary import Summary
    from servicenlp.transformer import load_transformer

    refuse_overwriting(output, force)
    check_names(only)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass", newline="")  # as a file of ours
    reader = load_transformer(careful_model, workers) if careful or careful_model else None
    scorer, choices = Scorer(load_model(model), reader), Choices(prefix, only, excel_safe)
    journal = open_journal(files, output, {"model": scorer.name, "options": [*choices, options]}, resume)
    summary = Summary.restored(journal.state if journal else None)
    with open_inputs(files, **options) as sources:
        for source in () if quiet else sources:
            click.echo(f"{source.table.name}: {source.form}", err=True)
        tqdm.monitor_interval = 0  # its thread and forked workers do not go well together
        total = sum(source.table.n_rows for source in sources)
        done = journal.rows if journal else 0
        with tqdm(total=total, initial=done, unit=" rows", disable=True if quiet else None, file=sys.stderr, leave=False) as progress:
            parts = score_files(scorer, sources, output, sys.stdout, choices, workers=workers, journal=journal, state=summary.state)
            for part in parts:
                summary.add(part)
                progress.update(len(part.rows))
    if not quiet:
        click.echo(("" if output else "\n") + summary.render(), err=output is None)


def open_journal(files: tuple[Path, ...], output: Path | None, task: dict[str, Any], resume: bool) -> "Journal | None":
    """Return the journal of a run, or None for one that cannot go on once it was stopped."""
    from servicenlp.journal import Journal, describe_files

    if output is None or any(str(file) == "-" for file in files):
        if resume:
            raise DataError("--resume: cannot go on. Found standard input or output. Name files, and -o OUT.")
        return None
    inputs = [described for file in files for described in describe_files(file)]
    return Journal(output, json.loads(json.dumps({"inputs": inputs} | task)), resume)
