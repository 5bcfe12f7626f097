"""``servicenlp score``."""

import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from servicenlp.commands.folder import PLACE, engine_options, is_folder, place_of, score_folder
from servicenlp.commands.options import (
    FILE,
    check_output,
    force_option,
    model_option,
    open_inputs,
    or_stdout,
    source_options,
    stopping,
)
from servicenlp.errors import DataError

if TYPE_CHECKING:
    from servicenlp.journal import Journal


@click.command()
@click.argument("files", nargs=-1, required=True, type=PLACE)
@click.option(
    "-o",
    "--output",
    type=PLACE,
    callback=or_stdout,
    help="Where to write: .csv, .tsv, .jsonl, .parquet, .xlsx or FOLDER/; CSV to stdout by default.",
)
@model_option
@click.option("--prefix", default="service_", show_default=True, help="What the added columns' names begin with.")
@click.option("--only", multiple=True, help="Write only rows with this level name or flag; may be repeated.")
@click.option("--careful", is_flag=True, help="Let a transformer read again what the model is not sure of; needs servicenlp[careful].")
@click.option("--careful-model", type=FILE, help="Folder of the transformer; the shipped one by default. Implies --careful.")
@click.option("--any-language", is_flag=True, help="Score texts that are not English as well.")
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count(), help="Processes that score; one a core by default.")
@click.option("--resume", is_flag=True, help="Go on where a run that was stopped has come to.")
@click.option("--redact", is_flag=True, help="Mask mail addresses, phone, card and account numbers, IBANs and told names, in every cell.")
@click.option("--excel-safe", is_flag=True, help="Write CSV cells that a spreadsheet would run as a formula as text. XLSX always is safe.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
@force_option
@engine_options
@source_options
def score(
    files: tuple[Path | str, ...], output: Path | str | None, model: Path | None, prefix: str, only: tuple[str, ...],
    careful: bool, careful_model: Path | None, any_language: bool, workers: int, resume: bool, redact: bool, excel_safe: bool,
    quiet: bool, force: bool, engine: str, scheduler: str | None, **options: Any,
) -> None:  # fmt: skip
    """Score every interaction in FILES and write the same rows with our columns added.

    FILES may be exports, folders, archives, or "-" for standard input. A run that was stopped can go on: run it again with --resume.
    With -o FOLDER/ each file becomes a part there, and FILES may be remote (s3://...) or patterns in quotation marks.

    \b
    Example: servicenlp score tickets.csv -o scored.csv
    """
    from tqdm import tqdm

    from servicenlp.partitions import Job
    from servicenlp.persistence import load_model
    from servicenlp.readers import Options
    from servicenlp.scoring import Scorer
    from servicenlp.streaming import Choices, check_names, score_files
    from servicenlp.summary import Summary
    from servicenlp.transformer import load_transformer

    parts_go_to_folder = is_folder(files, output, engine, scheduler)
    target, paths = None if output is None else Path(output), tuple(map(Path, files))
    if not parts_go_to_folder:
        if target and target.is_dir():
            raise DataError(f"{target}: is a folder. Found no / at its end. Add it to write a part for each file, or name a file.")
        check_output(target, force, paths)
    check_names(only)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass", newline="")  # as a file of ours
    reader = load_transformer(careful_model, workers) if careful or careful_model else None
    scorer, choices = Scorer(load_model(model), reader, any_language), Choices(prefix, only, excel_safe, redact)
    task = {"model": scorer.name, "options": [*choices, any_language, options]}
    if parts_go_to_folder:
        job = Job(scorer, place_of(output), choices, Options(**options), task)
        with stopping(lambda: True):
            score_folder(files, job, engine=engine, scheduler=scheduler, workers=workers, resume=resume, force=force, quiet=quiet)
        return
    journal = open_journal(paths, target, task, resume)
    summary = Summary.restored(journal.state if journal else None)
    with stopping(lambda: bool(journal and journal.rows)), open_inputs(paths, **options) as sources:
        check_output(target, force, (Path(part.table.name) for source in sources for part in (source, *source.joined)))
        for source in () if quiet else sources:
            click.echo(f"{source.table.name}: {source.form}", err=True)
        tqdm.monitor_interval = 0  # its thread and forked workers do not go well together
        total = sum(source.table.n_rows for source in sources)
        done = journal.rows if journal else 0
        with tqdm(total=total, initial=done, unit=" rows", disable=True if quiet else None, file=sys.stderr, leave=False) as progress:
            parts = score_files(scorer, sources, target, sys.stdout, choices, workers=workers, journal=journal, state=summary.state)
            for part in parts:
                summary.add(part)
                progress.update(len(part.batch.rows))
    if not quiet:
        click.echo(("" if target else "\n") + summary.render(), err=target is None)


def open_journal(files: tuple[Path, ...], output: Path | None, task: dict[str, Any], resume: bool) -> "Journal | None":
    """Return the journal of a run, or None for one that cannot go on once it was stopped."""
    from servicenlp.journal import Journal, describe_files

    if output is None or any(str(file) == "-" for file in files):
        if resume:
            raise DataError("--resume: cannot go on. Found standard input or output. Name files, and -o OUT.")
        return None
    inputs = [described for file in files for described in describe_files(file)]
    return Journal(output, json.loads(json.dumps({"inputs": inputs} | task)), resume)
