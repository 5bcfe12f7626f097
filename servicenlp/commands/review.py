"""``servicenlp review``: the page, and what can be had of a store without it."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from servicenlp.commands.options import FILE, check_output, force_option, model_option, or_stdout
from servicenlp.errors import DataError

if TYPE_CHECKING:
    from servicenlp.review.store import Store

_PAGE = "open"
_QUEUE_HELP = (
    "What to review: mixed (some of each), criminal, extra-mile, uncertain, disagreements (with the customers' own scores), "
    "failed-primary, failed-delivery, failed-mindset, failed-relationship, or audit (at random)."
)


class _PageContext(click.Context):
    """Calls the page's command what its user calls it."""

    @property
    def command_path(self) -> str:
        """The words before the arguments."""
        return self.parent.command_path if self.parent else super().command_path


class Page(click.Command):
    """The command that opens the page, which is called without a name of its own."""

    context_class = _PageContext


class Review(click.Group):
    """A group whose first argument may be a scored file: then the page is opened."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put in the name of the command that opens the page."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = [_PAGE, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show both ways to call it."""
        formatter.write_usage(ctx.command_path, "SCORED [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND STORE [OPTIONS]")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the page's options as ours, and the commands."""
        self.commands[_PAGE].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


def _mix(_ctx: click.Context, _option: click.Parameter, value: str | None) -> Any:
    """Read risk=0.4,random=0.6."""
    from servicenlp.review.queue import Mix

    if not value:
        return None
    try:
        shares = {name.strip(): float(share) for name, share in (part.split("=") for part in value.split(","))}
        return Mix(**{**dict.fromkeys(Mix._fields, 0.0), **shares})
    except (ValueError, TypeError) as error:
        raise click.BadParameter(f"not shares of {', '.join(Mix._fields)}, such as risk=0.5,random=0.5") from error


@contextmanager
def _opened(store: str) -> Iterator["Store"]:
    _require()
    from servicenlp.review.store import open_store

    opened = open_store(store, create=False)
    try:
        yield opened
    finally:
        opened.close()


def _require() -> None:
    """Raise DataError if the extra is not installed."""
    try:
        import flask  # noqa: F401
        import sqlalchemy  # noqa: F401
        import waitress  # noqa: F401
    except ModuleNotFoundError as error:
        raise DataError(
            f"servicenlp review: an extra is needed. Found no {error.name}. Install it: pip install 'servicenlp[review]'."
        ) from error


@click.group(cls=Review)
def review() -> None:
    """Review a SCORED file on a local page, or use the STORE of its decisions.

    \b
    Example: servicenlp review scored.csv --queue criminal
    """


@review.command(_PAGE, cls=Page, hidden=True)
@click.argument("scored", type=FILE)
@click.option("--queue", default="mixed", show_default=True, metavar="NAME", help=_QUEUE_HELP)
@click.option("--size", type=click.IntRange(1), default=200, show_default=True, help="Items in the queue.")
@click.option("--mix", callback=_mix, metavar="SHARES", help="For mixed and criminal: risk=0.4,uncertain=0.2,diverse=0.15,random=0.25.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is drawn at random.")
@click.option("--csat-column", help="Column of the customers' own satisfaction scores; detected by default.")
@click.option("--reviewer", default=getpass.getuser, show_default="your login", help="Whose decisions these are.")
@click.option("--blind", is_flag=True, help="Hide what was predicted.")
@click.option("--second", is_flag=True, help="Read what others have decided too, without seeing what they said.")
@click.option("--store", default="sqlite:///review.db", show_default=True, help="Where decisions go; postgresql://... for a team.")
@click.option("--prefix", help="What our columns' names begin with; detected by default.")
@click.option("--id-column", help="Column that names the interaction; detected by default.")
@click.option("--text-column", help="Column of the words; detected by default.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the page; any free one by default.")
@model_option
def open_page(scored: Path, **options: Any) -> None:
    """Open the page."""
    _require()
    from servicenlp.review.app import open_socket, serve
    from servicenlp.review.desk import Desk
    from servicenlp.review.queue import build_queue
    from servicenlp.review.scored import open_scored
    from servicenlp.review.store import open_store

    with open_socket(options["port"]) as listening:
        file = open_scored(scored, **{name: options[name] for name in ("prefix", "id_column", "text_column")})
        chosen = {name: options[name] for name in ("size", "mix", "seed", "csat_column")}
        queue = build_queue(file, options["queue"], **chosen)
        if not queue.entries:
            raise DataError(f"{scored}: nothing to review. Found no item for the queue {queue.name}. Choose another with --queue.")
        store = open_store(options["store"])
        try:
            desk = Desk(file, queue, store, options["reviewer"], options["blind"], options["second"], options["model"])
            click.echo(f"{scored}: {len(file):,} scored, {len(queue.entries):,} of them in the queue {queue.name}", err=True)
            click.echo(f"Decisions go to {store.name}", err=True)
            if store.holds(desk.reviewer):
                click.echo(f"{desk.reviewer} has an item in hand. If that is somebody else, stop, and choose another --reviewer.", err=True)
            serve(desk, listening, _tell)
        finally:
            store.close()


def _tell(address: str) -> None:
    click.echo(address)
    click.echo("Open this address in a browser on this machine. Ctrl-C ends; what was shown as saved is kept.", err=True)
    sys.stdout.flush()


@review.command()
@click.argument("store")
@click.option("-o", "--output", type=FILE, callback=or_stdout, help="Where to write, such as labels.jsonl; CSV to stdout by default.")
@click.option("--reviewer", help="Only this one's verdicts; the last verdict on each item by default.")
@click.option("--no-bulk", is_flag=True, help="Leave out what was accepted in bulk, unread.")
@force_option
def export(store: str, output: Path | None, reviewer: str | None, no_bulk: bool, force: bool) -> None:
    """Write verdicts as labels for training.

    \b
    Example: servicenlp review export review.db -o labels.jsonl
    """
    from servicenlp.review.labels import HEADER, collect_labels, write_rows

    check_output(output, force)
    with _opened(store) as opened:
        rows = collect_labels(opened, reviewer, bulk=not no_bulk)
        known = ", ".join(opened.reviewers())
        if not rows and reviewer and known:
            raise DataError(f"{opened.name}: no verdicts of {reviewer!r}. Found those of {known}. Name one of them.")
        if not rows:
            raise DataError(f"{opened.name}: no verdicts. Found nothing to export. Review first: servicenlp review SCORED.")
    write_rows(rows, output, HEADER, sys.stdout)
    click.echo(f"{output or 'stdout'}: {len(rows):,} labelled interactions", err=True)


@review.command()
@click.argument("store")
@click.argument("item", metavar="ITEM_ID")
def history(store: str, item: str) -> None:
    """Show who said what of an item, and when.

    \b
    Example: servicenlp review history review.db LF-48113
    """
    from servicenlp.review.decisions import tell

    with _opened(store) as opened:
        for event in opened.history(item):
            click.echo(tell(event))


@review.command()
@click.argument("store")
@click.option("--file", "population", help="Of which of the files reviewed, such as scored.csv; the last one by default.")
def report(store: str, population: str | None) -> None:
    """Tell precision, misses, overrides and pace.

    \b
    Example: servicenlp review report review.db
    """
    from servicenlp.review.estimates import estimate, render

    with _opened(store) as opened:
        click.echo(render(estimate(opened, population)))
