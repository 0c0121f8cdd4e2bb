"""``resnet-check`` and ``python -m resnet_check``: the command line as a process of its own."""

import gc
import os
from typing import NoReturn

from resnet_check.cli.main import main


def collect_rarely() -> None:
    """Let Python look for garbage less often than by default.

    A check makes some hundred thousand objects and keeps most of them until it is done: looking at them again and again
    costs a tenth of the time, of a large file a third, and finds nothing.
    """
    gc.set_threshold(200_000, 20, 20)


def run() -> NoReturn:
    """Run the command line in a process that does nothing else, and end it with the exit status.

    Giving back all objects one by one at the end would cost a fifth of the time: the process ends without that. Nothing is
    lost by it, as whatever is written is flushed at once.
    """
    collect_rarely()
    os._exit(main())


if __name__ == "__main__":
    run()
