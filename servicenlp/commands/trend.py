"""``servicenlp trend``."""

import sys
from pathlib import Path

import click

from servicenlp.commands.options import FILE, check_output, competitor_names, force_option
from servicenlp.errors import DataError, ServicenlpError


@click.command()
@click.argument("scored", type=FILE)
@click.option("--date", required=True, help="Column of the date.")
@click.option("--by", multiple=True, help="Columns of groups, such as team or channel; may be repeated, or joined by commas.")
@click.option("--period", type=click.Choice(["week", "month", "quarter"]), default="month", show_default=True, help="What to count by.")
@click.option("--fail-if", "limits", multiple=True, help="Exit 1 if passed: 'criminal>5%', 'churn-risk>20@period=last'; may be repeated.")
@click.option("-o", "--output", type=FILE, help="Where to write the trend as a table: .csv, .tsv, .jsonl, .parquet or .xlsx.")
@click.option("--tables", type=FILE, help="Folder for all tables as CSV.")
@click.option("--state", type=FILE, help="File that keeps the counts, so that the next run reads appended rows only; keep it private.")
@click.option("--competitors", default="", help="Names to look for, joined by commas, or a file with one a line.")
@click.option("--prefix", default="service_", show_default=True, help="What the scored columns' names begin with.")
@force_option
def trend(
    scored: Path, date: str, by: tuple[str, ...], period: str, limits: tuple[str, ...], output: Path | None, tables: Path | None,
    state: Path | None, competitors: str, prefix: str, force: bool,
) -> None:  # fmt: skip
    """Show the levels of a SCORED file over time, by group, and watch limits.

    \b
    Example: servicenlp trend scored.csv --date "Created at" --by Team
    """
    from servicenlp import insights
    from servicenlp.insights.limits import check_limit, parse_limit
    from servicenlp.insights.trends import render, trend_table
    from servicenlp.writers import Layout, open_writer

    watched = [parse_limit(limit) for limit in limits]
    check_output(output, force, [scored])
    check_output(tables / "about.csv" if tables and tables.is_dir() else None, force)
    columns = [name.strip() for one in by for name in one.split(",") if name.strip()]
    names = competitor_names(competitors)
    counted = insights.tally(scored, by=columns, date=date, period=period, competitors=names, prefix=prefix, state=state)
    found = insights.tables(counted) if tables else insights.tables(counted, ["staircase"])
    if not found.about["dated"]:
        raise DataError(
            f"{scored}: no dates in the column {date!r}. Found {found.about['scored']:,} scored rows without. Name another one."
        )
    if output:
        table = trend_table(found)
        kinds: dict[str, type] = {name: int if name == "n" else float for name in table.columns[3:]}
        with open_writer(output, Layout(list(table.columns), kinds), sys.stdout) as writer:
            writer.write(table.astype(object).where(table.notna(), None).values.tolist())
    else:
        click.echo(render(found))
    if tables:
        click.echo(f"{tables}: {len(found.write(tables, force))} tables", err=True)
    if undated := found.about["scored"] - found.about["dated"]:
        click.echo(
            f"{undated:,} of {found.about['scored']:,} scored rows have no date that can be read, and are left out over time.", err=True
        )
    if passed := [told for limit in watched if (told := check_limit(limit, counted))]:
        raise ServicenlpError(f"{scored}: limit passed. {' '.join(passed)}")
