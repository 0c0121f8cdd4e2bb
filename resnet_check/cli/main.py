"""The command ``resnet-check``: its commands, of which ``check`` is the default, and its exit status."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from resnet_check import __version__
from resnet_check.errors import CannotCheckError

COMMANDS = ("check", "explain", "rules", "show", "summary")
"""The commands; each is the function ``command`` of the module of its name."""

OWN_OPTIONS = ("--help", "-h", "--version")

FOUND_NOTHING, FOUND_SOMETHING, CANNOT, INTERRUPTED = 0, 1, 2, 130
"""The exit statuses."""


class Commands(click.Group):
    """The commands, each imported when it is used; before a first word that is none, ``check`` is understood."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Return a command by its name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"resnet_check.cli.{cmd_name}").command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments for those of ``check`` unless they begin with another command."""
        if args and args[0] not in (*COMMANDS, *OWN_OPTIONS):
            args = ["check", *args]
        return super().parse_args(ctx, args)


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`resnet-check PATH...` is short for `resnet-check check PATH...`.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Check ResNets written in PyTorch, without running them and without torch."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; whatever goes wrong is one plain line on standard error."""
    try:
        status = cli.main(arguments, prog_name="resnet-check", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return CANNOT
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (click.ClickException, CannotCheckError) as error:
        complain(error.format_message() if isinstance(error, click.ClickException) else str(error))
        return CANNOT
    except Exception as error:
        if os.environ.get("RESNET_CHECK_DEBUG") == "1":
            raise
        complain(f"internal error: {type(error).__name__}: {error}")
        return CANNOT
    return int(status or FOUND_NOTHING)


def complain(message: str) -> None:
    """Write one line to standard error."""
    from resnet_check.report import printable

    line = printable(" ".join(message.split()))
    sys.stderr.write(f"resnet-check: {line.encode(errors='backslashreplace').decode()}\n")
