"""``servicenlp score``."""

import io
import os
import sys
from pathlib import Path
from typing import Any

import click

from servicenlp.commands.options import FILE, force_option, model_option, open_inputs, refuse_overwriting, source_options


@click.command()
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
