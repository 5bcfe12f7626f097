"""``servicenlp models``."""

from pathlib import Path

import click

from servicenlp.commands.options import FILE


@click.command()
@click.argument("folder", default="models", type=FILE)
def models(folder: Path) -> None:
    """List the models in FOLDER, and the shipped one.

    \b
    Example: servicenlp models
    """
    from servicenlp.persistence import list_models

    for path, card in list_models(folder):
        n = sum(d["interactions"] for d in card["about"].get("data", []))
        click.echo(f"{path}  {card['name']}-{card['id']}  {n:,} interactions")
