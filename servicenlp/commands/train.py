"""``servicenlp train``."""

import sys
from functools import partial
from pathlib import Path

import click

from servicenlp.commands.options import FILE, force_option
from servicenlp.errors import DataError


@click.command()
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
