"""``servicenlp drift``."""

from pathlib import Path

import click

from servicenlp.commands.options import FILE, check_output, force_option, model_option, text_option
from servicenlp.errors import ServicenlpError


@click.command()
@click.argument("new", nargs=-1, required=True, type=FILE)
@click.option("--since", "reference", multiple=True, type=FILE, help="Older interactions to compare with; may be repeated.")
@model_option
@click.option("--fail-if", "limits", multiple=True, help="Exit 1 if passed: 'auc>0.75', 'mix>10%', 'unseen>5%', 'confidence<0.6'.")
@click.option("-o", "--output", type=FILE, help="Where to write the words that tell new from old: .csv, .jsonl, .parquet or .xlsx.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is drawn from large files.")
@text_option
@force_option
def drift(
    new: tuple[Path, ...],
    reference: tuple[Path, ...],
    model: Path | None,
    limits: tuple[str, ...],
    output: Path | None,
    seed: int,
    text_column: str | None,
    force: bool,
) -> None:
    """Tell how far NEW interactions, scored or not, have moved from older ones.

    \b
    Example: servicenlp drift june.csv --since may.csv --fail-if "auc>0.75"
    """
    from servicenlp.corpus import read_interactions
    from servicenlp.drift import measure_drift, passed_limits, read_limit, render
    from servicenlp.persistence import load_model
    from servicenlp.review.labels import write_rows

    watched = [read_limit(limit) for limit in limits]
    check_output(output, force, (*new, *reference))
    older = read_interactions(*reference, text_column=text_column) if reference else None
    found = measure_drift(read_interactions(*new, text_column=text_column), older, load_model(model), seed=seed)
    click.echo(render(found))
    if output:
        write_rows(found.words.to_dict("records"), output, list(found.words.columns))
    if passed := passed_limits(found, watched):
        raise ServicenlpError(f"{', '.join(map(str, new))}: drifted. Found {'; '.join(passed)}. Label some of it and train again.")
