"""``servicenlp audit``."""

import sys
from pathlib import Path
from typing import Any

import click

from servicenlp.commands.options import FILE, check_output, force_option, read_labelled, skip_option, text_option


@click.command()
@click.argument("data", nargs=-1, required=True, type=FILE)
@click.option("-m", "--model", type=FILE, help="Model that judges the labels and has not learnt from them; trained on DATA by default.")
@click.option("-o", "--output", type=FILE, help="Where to write all findings: .csv, .jsonl, .parquet or .xlsx.")
@click.option("--most", type=click.IntRange(0), default=12, show_default=True, help="Findings of each kind to show.")
@skip_option
@click.option("--quiet", is_flag=True, help="No progress.")
@text_option
@force_option
def audit(
    data: tuple[Path, ...], model: Path | None, output: Path | None, most: int, skip_bad: bool, quiet: bool,
    text_column: str | None, force: bool,
) -> None:  # fmt: skip
    """Find likely wrong labels in DATA, near-copies, and what leaks between families.

    \b
    Example: servicenlp audit labelled.csv -m models/default -o doubts.csv
    """
    from tqdm import tqdm

    from servicenlp.audit import audit_labels, render
    from servicenlp.persistence import load_model
    from servicenlp.review.labels import write_rows

    check_output(output, force, data)
    table = read_labelled(data, skip_bad=skip_bad, text_column=text_column)
    with tqdm(desc="Judging", unit=" fits", disable=True if quiet else None, file=sys.stderr, leave=False) as bar:

        def show(done: int, total: int) -> Any:
            bar.total = total
            return bar.update(done - bar.n)

        found = audit_labels(table, load_model(model) if model else None, show)
    click.echo(render(found, len(table), most))
    if output:
        write_rows(found.to_dict("records"), output, list(found.columns))
        click.echo(f"{output}: {len(found):,} findings", err=True)
