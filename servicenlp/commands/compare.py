"""``servicenlp compare``."""

from pathlib import Path

import click

from servicenlp.commands.options import FILE, check_output, force_option, read_labelled, skip_option, text_option


@click.command()
@click.argument("a", type=FILE)
@click.argument("b", type=FILE)
@click.argument("data", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", type=FILE, help="Where to write the items that changed level: .csv, .jsonl, .parquet or .xlsx.")
@click.option("--times", type=click.IntRange(10), default=1000, show_default=True, help="Bootstrap samples for the intervals.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the samples.")
@skip_option
@text_option
@force_option
def compare(
    a: Path, b: Path, data: tuple[Path, ...], output: Path | None, times: int, seed: int, skip_bad: bool,
    text_column: str | None, force: bool,
) -> None:  # fmt: skip
    """Compare the models in folders A and B on DATA, labelled or not.

    \b
    Example: servicenlp compare models/default models/mine labelled.csv
    """
    from servicenlp.comparison import compare_models, render
    from servicenlp.corpus import has_labels, read_interactions
    from servicenlp.persistence import load_model
    from servicenlp.review.labels import write_rows

    check_output(output, force, data)
    first, second = load_model(a), load_model(b)
    table = (
        read_labelled(data, skip_bad=skip_bad, text_column=text_column)
        if has_labels(*data, text_column=text_column)
        else read_interactions(*data, text_column=text_column)
    )
    compared = compare_models(first, second, table, times=times, seed=seed)
    click.echo(render(compared, f"{a} ({first.card_['id']})", f"{b} ({second.card_['id']})"))
    if output:
        write_rows(compared.changed.to_dict("records"), output, list(compared.changed.columns))
        click.echo(f"{output}: {len(compared.changed):,} interactions", err=True)
