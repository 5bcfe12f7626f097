"""``servicenlp label``."""

import sys
from pathlib import Path
from typing import Any

import click

from servicenlp.commands.options import FILE, check_output, force_option, model_option, open_inputs, or_stdout, source_options


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option(
    "-o", "--output", type=FILE, callback=or_stdout, help="Where to write: .csv, .jsonl, .parquet, .xlsx ...; CSV to stdout by default."
)
@click.option("--rules", type=FILE, help="Rule file, a changed copy of the shipped one; that by default.")
@click.option("--show-rules", is_flag=True, help="Print where the shipped rule file is, to copy it.", is_eager=True, expose_value=False,
              callback=lambda ctx, _, asked: _show(ctx, asked))  # fmt: skip
@model_option
@click.option("--rules-only", is_flag=True, help="Let the rules vote alone, without the model.")
@click.option("--analyse", is_flag=True, help="Judge the rules instead: a table, and with -o a file of the votes that labels contradict.")
@click.option("--only", type=click.Choice(["labelled"]), help="Write only rows that have a level.")
@click.option("--prefix", default="label_", show_default=True, help="What the added columns' names begin with.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
@force_option
@source_options
def label(
    files: tuple[Path, ...], output: Path | None, rules: Path | None, model: Path | None, rules_only: bool, analyse: bool,
    only: str | None, prefix: str, quiet: bool, force: bool, **options: Any,
) -> None:  # fmt: skip
    """Label every interaction in FILES by rules that vote, with the model as one more voter.

    \b
    Example: servicenlp label tickets.csv -o labelled.jsonl
    """
    from tqdm import tqdm

    from servicenlp import label_files, rule_analysis
    from servicenlp.persistence import load_model
    from servicenlp.review.labels import write_rows
    from servicenlp.rulebook import read_rules

    check_output(output, force, files)
    book = read_rules(rules)
    voter = None if rules_only else load_model(model)
    with open_inputs(files, **options) as sources:
        total = sum(source.table.n_rows for source in sources)
        with tqdm(total=total, unit=" rows", disable=True if quiet else None, file=sys.stderr, leave=False) as progress:
            labelled = label_files.label_sources(sources, book, voter, progress.update)
        if analyse:
            texts, labels = rule_analysis.read_sources(sources)
            analysis = rule_analysis.analyse_rules(book, labelled.ballots, texts, labels)
            click.echo(rule_analysis.render(analysis))
            if output:
                write_rows(analysis.errors.to_dict("records"), output, list(analysis.errors.columns))
            return
        label_files.write_labels(sources, labelled, book, output, sys.stdout, prefix=prefix, only_labelled=only is not None)
    if not quiet:
        click.echo(label_files.render(labelled.columns), err=output is None)


def _show(ctx: click.Context, asked: bool) -> None:
    if asked:
        from servicenlp.rulebook import SHIPPED

        click.echo(SHIPPED)
        ctx.exit()
