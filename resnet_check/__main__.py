"""``resnet-check`` and ``python -m resnet_check``: the command line as a process of its own."""

import gc
import os
from typing import NoReturn

from resnet_check.cli.main import main


def run() -> NoReturn:
    """Run the command line in a process that does nothing else, and end it with the exit status.

    A run makes some hundred thousand objects and keeps most of them: collecting garbage as often as Python does by default
    costs a tenth of the time and finds nothing. Giving them back one by one at the end costs a fifth: the process ends
    without that. Nothing is lost by it, as whatever is written is flushed at once.
    """
    gc.set_threshold(200_000, 20, 20)
    os._exit(main())


if __name__ == "__main__":
    run()
