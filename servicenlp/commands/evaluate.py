"""``servicenlp evaluate``."""

import json
from pathlib import Path

import click

from servicenlp.commands.options import FILE, model_option, skip_option, text_option


@click.command()
@click.argument("data", nargs=-1, required=True, type=FILE)
@model_option
@click.option("--by", help="Column to group the figures by, such as source or channel.")
@skip_option
@text_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate(data: tuple[Path, ...], model: Path | None, by: str | None, skip_bad: bool, text_column: str | None, as_json: bool) -> None:
    """Judge a model on labelled DATA.

    \b
    Example: servicenlp evaluate mine.jsonl -m models/mine
    """
    import numpy as np

    from servicenlp.evaluation import evaluate_model, render
    from servicenlp.persistence import load_model

    judged = evaluate_model(load_model(model), data, by, strict=not skip_bad, text_column=text_column)
    figures = {name: None if np.isnan(value) else value for name, value in judged.figures.items()}  # JSON knows no NaN
    click.echo(json.dumps(figures, indent=1) if as_json else render(judged))
