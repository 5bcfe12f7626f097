"""``servicenlp train``."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from servicenlp.commands.options import FILE, force_option, text_option
from servicenlp.errors import DataError


@click.command()
@click.argument("data", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", required=True, type=FILE, help="Model folder to write.")
@click.option("--from", "base", type=FILE, help="Model folder to adapt to DATA, such as models/default; for a few hundred labels.")
@click.option(
    "--recall", type=click.FloatRange(0, 1, min_open=True), help="Share of the criminal interactions to find; decides what level 1 is."
)
@click.option("--skip-bad", is_flag=True, help="Leave bad lines out and list them in the card, instead of stopping.")
@click.option("--transformer", is_flag=True, help="Train the reader of `score --careful` instead; needs servicenlp[careful-train].")
@text_option
@click.option("--quiet", is_flag=True, help="No progress.")
@force_option
def train(
    data: tuple[Path, ...],
    output: Path,
    base: Path | None,
    recall: float | None,
    skip_bad: bool,
    transformer: bool,
    text_column: str | None,
    quiet: bool,
    force: bool,
) -> None:
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
    if transformer and (base or recall):
        raise click.UsageError("--from and --recall are for the linear model, not for --transformer.")
    if transformer:
        click.echo("Training: a transformer, two rounds; about half an hour for 30,000 interactions on two cores.", err=True)
        steps = partial(tqdm, unit=" steps", file=sys.stderr)
        card = train_transformer(list(data), output, steps, strict=not skip_bad, force=force, text_column=text_column)
    else:
        with tqdm(desc="Training", unit=" fits", disable=True if quiet else None, file=sys.stderr, leave=False) as bar:
            card = train_model(
                list(data), output, strict=not skip_bad, force=force, base=base, recall=recall, text_column=text_column,
                progress=partial(_show, bar),
            )  # fmt: skip
    _tell(output, card)


def _show(bar: Any, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def _tell(output: Path, card: dict[str, Any]) -> None:
    """Print what was dropped, and the figures."""
    about = card["about"]
    for note in about.get("notes", []):
        click.echo(note, err=True)
    for target, few in about.get("rare", {}).items():
        click.echo(f"Too few examples: {target}: {', '.join(f'{label} ({n})' for label, n in few.items())}.", err=True)
    click.echo(f"{output}: {card['name']}-{card['id']}, {sum(d['interactions'] for d in about['data']):,} interactions")
    before = about["figures"].get("before", {})
    if before:
        click.echo(f"  {'':<28}  mine before")
    for name, value in about["figures"].get("all", {}).items():
        click.echo(f"  {name:<28} {value:6.3f}" + (f" {before[name]:6.3f}" if name in before else ""))
    if threshold := about.get("threshold"):
        found = threshold["found"]
        click.echo(
            "  too few criminal interactions to choose a threshold"
            if found is None
            else f"  criminal: {found:.1%} found, precision {threshold['precision']:.1%}, {threshold['flagged']:.1%} of all flagged"
        )
