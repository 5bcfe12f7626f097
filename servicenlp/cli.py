"""The command line: one thin module a command in `servicenlp.commands`. Only these print or exit."""

import errno
import os
import sys
from importlib import import_module
from typing import Any

import click

from servicenlp import __version__
from servicenlp.commands import COMMANDS
from servicenlp.errors import ServicenlpError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Commands(click.Group):
    """Load a command when it is called for; show our own errors as one line; let a bug keep its traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names in the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command, or None if there is none of that name."""
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"servicenlp.commands.{name}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ServicenlpError as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt as error:
            raise click.ClickException("Stopped.") from error
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output has gone
            ctx.exit(1)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise click.ClickException(f"Cannot write. Found: {error.strerror}. Free some space.") from error
            if not error.filename:
                raise
            raise click.ClickException(f"{error.filename}: cannot be used. Found: {error.strerror}. Check the name.") from error


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="servicenlp")
def main() -> None:
    """Tell which level of service customers experienced, in which category, in whose words."""
