"""``servicenlp report``."""

from pathlib import Path

import click

from servicenlp.commands.options import FILE, check_output, competitor_names, force_option
from servicenlp.errors import DataError, ServicenlpError


@click.command()
@click.argument("scored", type=FILE)
@click.option("-o", "--output", type=FILE, required=True, help="Where to write the page: .html.")
@click.option(
    "--by", multiple=True, help="Columns of groups; may be repeated, or joined by commas. week, month or quarter is the step of time."
)
@click.option("--date", default="", help="Column of the date; detected by default.")
@click.option("--competitors", default="", help="Names to look for, joined by commas, or a file with one a line.")
@click.option("--redact", is_flag=True, help="Mask mail addresses, phone, card and account numbers, IBANs and names in quotations.")
@click.option("--tables", type=FILE, help="Folder for all tables as CSV.")
@click.option("--fail-if", "limits", multiple=True, help="Exit 1 if passed: 'criminal>5%', 'churn-risk>20@period=last'; may be repeated.")
@click.option("--state", type=FILE, help="File that keeps the counts, so that the next run reads appended rows only; keep it private.")
@click.option("--prefix", default="service_", show_default=True, help="What the scored columns' names begin with.")
@force_option
def report(
    scored: Path, output: Path, by: tuple[str, ...], date: str, competitors: str, redact: bool, tables: Path | None,
    limits: tuple[str, ...], state: Path | None, prefix: str, force: bool,
) -> None:  # fmt: skip
    """Write one page about a SCORED file: levels, trends, what to mend first, whom to read. It loads nothing from anywhere.

    \b
    Example: servicenlp report scored.csv --by Team,Channel,month -o report.html
    """
    from servicenlp import insights
    from servicenlp.insights.limits import check_limit, parse_limit
    from servicenlp.insights.records import PERIODS, find_date
    from servicenlp.reporting import write_report

    watched = [parse_limit(limit) for limit in limits]
    check_output(output, force, [scored], [".html", ".htm"])
    check_output(tables / "about.csv" if tables and tables.is_dir() else None, force)
    named = [name.strip() for one in by for name in one.split(",") if name.strip()]
    steps = [name for name in named if name in PERIODS]
    date = date or find_date(scored, prefix)
    if steps and not date:
        raise DataError(f"{scored}: no column of dates for --by {steps[-1]}. Found none that holds dates. Name it with --date.")
    names = competitor_names(competitors)
    groups, period = [name for name in named if name not in PERIODS], (steps or ["month"])[-1]
    counted = insights.tally(
        scored, by=groups, date=date, period=period, competitors=names, prefix=prefix, state=state, redact=redact
    )  # fmt: skip
    found = insights.tables(counted)
    if date and found.about["scored"] and not found.about["dated"]:
        raise DataError(f"{scored}: no dates in the column {date!r}. Found none that can be read. Name another one with --date.")
    if tables:
        click.echo(f"{tables}: {len(found.write(tables, force))} tables", err=True)
    write_report(found, output, scored.name)
    click.echo(f"{output}: {found.about['scored']:,} interactions, {output.stat().st_size / 1e3:,.0f} kB", err=True)
    if passed := [told for limit in watched if (told := check_limit(limit, counted))]:
        raise ServicenlpError(f"{scored}: limit passed. {' '.join(passed)}")
