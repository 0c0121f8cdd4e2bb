"""The command ``resnet-check``: which way a command line goes, and its exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from resnet_check.errors import CannotCheckError

COMMANDS = ("check", "diff", "explain", "lock", "rules", "show", "summary")
"""The commands; each is the function ``command`` of the module of its name."""

FOUND_NOTHING, FOUND_SOMETHING, CANNOT, INTERRUPTED = 0, 1, 2, 130
"""The exit statuses."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; whatever goes wrong is one plain line on standard error."""
    try:
        status = _run(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:
        return INTERRUPTED
    except CannotCheckError as error:
        complain(str(error))
        return CANNOT
    except Exception as error:
        if os.environ.get("RESNET_CHECK_DEBUG") == "1":
            raise
        complain(f"internal error: {type(error).__name__}: {error}")
        return CANNOT
    return int(status or FOUND_NOTHING)


def _run(words: Sequence[str]) -> int | None:
    from resnet_check.cli.check_paths import check_paths, usual

    plain = usual(words)
    if plain is not None:
        return check_paths(*plain)
    from resnet_check.cli.commands import run

    return run(words)


def complain(message: str) -> None:
    """Write one line to standard error."""
    from resnet_check.report import printable

    line = printable(" ".join(message.split()))
    sys.stderr.write(f"resnet-check: {line.encode(errors='backslashreplace').decode()}\n")
