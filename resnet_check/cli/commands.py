"""The commands as click knows them; ``check`` is the default."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import click

from resnet_check import __version__
from resnet_check.cli.main import CANNOT, COMMANDS, INTERRUPTED, complain

OWN_OPTIONS = ("--help", "-h", "--version")


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


def run(arguments: Sequence[str]) -> int | None:
    """Run a command and return its exit status; what click says of a command line that it cannot use is one line."""
    try:
        status: int | None = cli.main(arguments, prog_name="resnet-check", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return CANNOT
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        complain(error.format_message())
        return CANNOT
    return status
