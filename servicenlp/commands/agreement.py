"""``servicenlp agreement``."""

from pathlib import Path

import click

from servicenlp.commands.options import FILE, check_output, force_option, skip_option, text_option
from servicenlp.errors import DataError


@click.command()
@click.argument("labels", nargs=-1)
@click.option("--group", "groups", multiple=True, metavar="NAME=A,B", help="Raters taken as one, by file or reviewer; repeat for more.")
@click.option("-o", "--output", type=FILE, help="Where to write the items to adjudicate: .csv, .jsonl or .xlsx.")
@click.option("--merged", type=FILE, help="Where to write one label an item, to train on: the middle level, what most say, and its share.")
@skip_option
@text_option
@force_option
def agreement(
    labels: tuple[str, ...], groups: tuple[str, ...], output: Path | None, merged: Path | None, skip_bad: bool,
    text_column: str | None, force: bool,
) -> None:  # fmt: skip
    """Tell how far raters agree: LABELS are their files, or a store of reviews.

    \b
    Example: servicenlp agreement ann.jsonl bob.jsonl -o disputed.csv
    """
    from servicenlp.agreement import compare_raters, merge_raters, render
    from servicenlp.raters import read_groups
    from servicenlp.review.labels import write_rows

    if output is not None and output == merged:
        raise DataError(f"{output}: is named twice. Found -o and --merged. Name two files.")
    for made in (output, merged):
        check_output(made, force, map(Path, labels))
    raters, texts = read_groups(labels, groups, strict=not skip_bad, text_column=text_column)
    found = compare_raters(raters, texts)
    click.echo(render(found))
    if output is not None:
        write_rows(found.disputed.to_dict("records"), output, list(found.disputed.columns))
        click.echo(f"{output}: {len(found.disputed):,} items to adjudicate", err=True)
    if merged is not None:
        table = merge_raters(raters, texts)
        write_rows(table.to_dict("records"), merged, list(table.columns))
        click.echo(f"{merged}: {len(table):,} items", err=True)
