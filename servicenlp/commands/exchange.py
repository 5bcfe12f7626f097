"""``servicenlp exchange``."""

from pathlib import Path

import click

from servicenlp.commands.options import FILE, check_output, force_option
from servicenlp.errors import DataError


@click.command()
@click.argument("scored", type=FILE)
@click.option(
    "-o", "--output", required=True, type=FILE, help="Where to write: .json for a tool; .csv, .jsonl, .parquet or .xlsx for a table."
)
@click.option("--to", type=click.Choice(["argilla", "label-studio", "table"]), default="table", show_default=True, help="For whom.")
@click.option("--text-column", help="Column of the words; detected by default.")
@click.option("--id-column", help="Column of the interaction's id; detected by default.")
@click.option("--prefix", default="service_", show_default=True, help="What predicted columns' names begin with; label_ after `label`.")
@force_option
def exchange(scored: Path, output: Path, to: str, text_column: str | None, id_column: str | None, prefix: str, force: bool) -> None:
    """Turn a SCORED file into a file for an annotation tool, or a tool's export into a table.

    \b
    Example: servicenlp exchange scored.csv -o tasks.json --to label-studio
    """
    from servicenlp import argilla, label_studio
    from servicenlp import exchange as records
    from servicenlp.records import find_id
    from servicenlp.review.labels import write_rows

    check_output(output, force, [scored], () if to == "table" else [".json"])
    rows, text = records.read_rows(scored, text_column)
    names = list(dict.fromkeys(name for row in rows for name in row))
    if id_column and id_column not in names:
        raise DataError(f"{scored}: no column {id_column!r}. Found {', '.join(map(repr, names[:8]))}. Name another with --id-column.")
    if to == "table":
        write_rows(rows, output, names)
        click.echo(f"{output}: {len(rows):,} rows")
        return
    made = records.to_records(rows, to, text, id_column or find_id(names) or "id", prefix)
    records.write_json(made, output)
    click.echo(f"{output}: {len(made):,} records, {len(rows) - len(made):,} rows without words left out")
    if to == "label-studio":
        click.echo("Labelling configuration, to paste in the project's settings:\n\n" + label_studio.CONFIG)
    if to == "argilla":
        click.echo("To make the data set in Argilla, in Python:\n\n" + argilla.SETTINGS.replace("FILE", str(output)))
