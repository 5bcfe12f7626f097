"""``servicenlp models``."""

from pathlib import Path

import click

from servicenlp.commands.options import FILE
from servicenlp.errors import DataError, ModelError


@click.command()
@click.argument("folder", required=False, type=FILE)
def models(folder: Path | None) -> None:
    """List the models in FOLDER ("models" by default), and the shipped ones.

    \b
    Example: servicenlp models
    """
    from servicenlp.persistence import list_models

    if folder and not folder.is_dir():
        raise DataError(f"{folder}: no such folder. Found nothing there. Check the name.")
    for path, card in list_models(folder or "models"):
        if isinstance(card, ModelError):
            click.echo(f"Left out: {card}", err=True)
            continue
        n = sum(d["interactions"] for d in card["about"].get("data", []))
        click.echo(f"{path}  {card['name']}-{card['id']}  {n:,} interactions")
