"""``servicenlp inspect``."""

from pathlib import Path
from typing import Any

import click

from servicenlp.commands.options import FILE, open_inputs, source_options


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@source_options
def inspect(files: tuple[Path, ...], **options: Any) -> None:
    """Show what is detected in FILES and what would be scored, without scoring.

    \b
    Example: servicenlp inspect tickets.csv
    """
    from servicenlp import inspection

    with open_inputs(files, **options) as sources:
        for source in sources:
            click.echo(inspection.inspect(source))
