"""``servicenlp explain``."""

import json
import sys
from pathlib import Path

import click

from servicenlp.commands.options import model_option


@click.command()
@click.argument("text")
@model_option
@click.option("--target", default="level", show_default=True, help="What to explain: level, primary, delivery, mindset ...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(text: str, model: Path | None, target: str, as_json: bool) -> None:
    """Score one TEXT ("-" reads it from stdin) and show which words decided.

    \b
    Example: servicenlp explain "Waited two hours and then they hung up on me."
    """
    from servicenlp.explanation import describe, render
    from servicenlp.persistence import load_model
    from servicenlp.preprocessing import plain

    if text == "-":
        text = sys.stdin.read()
    described = describe(load_model(model), plain(text), target)
    click.echo(json.dumps(described, ensure_ascii=False, indent=1) if as_json else render(described))
