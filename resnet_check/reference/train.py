"""Train a reference, as the blog does: ``python -m resnet_check.reference.train``."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from resnet_check.cli.main import CANNOT, FOUND_NOTHING, INTERRUPTED, complain
from resnet_check.cli.output import write
from resnet_check.errors import CannotCheckError
from resnet_check.reference import require_torch

if TYPE_CHECKING:
    from resnet_check.reference.training import Result, Training


class Recipe(NamedTuple):
    """What the options are where they are not given."""

    model: str
    resize: int | None
    batch_size: int
    lr: float
    epochs: int


RECIPES = {
    "small": Recipe("resnet-20", None, 64, 0.001, 5),
    "blog": Recipe("blog-sequential", 96, 256, 0.001, 5),
}
"""``small`` takes seconds on the digits; ``blog`` is the blog's: its own ResNet-34, on images of 96x96."""

MISSING = "" if importlib.util.find_spec("torch") else "torch is not installed here, and needed: `pip install torch`."


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True}, epilog=MISSING)
@click.option(
    "--data",
    metavar="FOLDER",
    help="Folder of Fashion-MNIST's four idx files, gzipped or not; or the word `digits`."
    "  [default: that of Debian's dataset-fashion-mnist, else scikit-learn's digits]",
)
@click.option(
    "--recipe",
    type=click.Choice(list(RECIPES)),
    default="small",
    help="Values of the next five options: `small` takes seconds, `blog` is the blog's.",
)
@click.option("--model", metavar="NAME", help="Reference to train, such as resnet-20.")
@click.option("--resize", type=click.IntRange(1, 4096), metavar="N", help="Side to which images are resized.")
@click.option("--batch-size", type=click.IntRange(2), metavar="N", help="Images in a batch.")
@click.option("--lr", type=click.FloatRange(0, min_open=True), metavar="RATE", help="Learning rate of Adam.")
@click.option("--epochs", type=click.IntRange(1), metavar="N", help="Times that all images are shown.")
@click.option("--limit", type=click.IntRange(2), metavar="N", help="Train and test on the first N images only.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Number that decides weights and order.")
@click.option("--checkpoint", metavar="FILE", help="Written after each epoch and on Ctrl-C; a run goes on from it.")
def command(data: str | None, recipe: str, limit: int | None, seed: int, checkpoint: str | None, **given: Any) -> int:
    """Train a reference on Fashion-MNIST or on scikit-learn's digits, with Adam; print loss and accuracy of each epoch.

    With `--recipe blog --limit 2000` it is the blog's training, on a part of the images.
    """
    chosen = RECIPES[recipe]._replace(**{name: value for name, value in given.items() if value is not None})
    require_torch("training")
    from resnet_check.reference.data import load
    from resnet_check.reference.training import Settings, Training

    if checkpoint is not None and not os.path.isdir(os.path.dirname(checkpoint) or "."):
        message = f"cannot write {checkpoint}: its folder does not exist"
        raise CannotCheckError(message)
    images = load(data)
    settings = Settings(chosen.model, images.name, chosen.resize, chosen.batch_size, chosen.lr, limit, seed)
    training = Training(settings, images)
    write(introduction(training))
    if checkpoint is not None and os.path.exists(checkpoint):
        training.resume(checkpoint)
        write(
            f"going on from {checkpoint}, epoch {len(training.state.results) + 1}, batch {training.state.batches + 1}\n"
        )
    with stopping() as stopped:
        training.stop = stopped
        while len(training.state.results) < chosen.epochs:
            start = time.monotonic()
            with progress_bar(training, chosen.epochs):
                result = training.epoch()
            if checkpoint is not None:
                training.save(checkpoint)
            if result is None:
                complain("interrupted" + (f"; the same command goes on from {checkpoint}" if checkpoint else ""))
                return INTERRUPTED
            write(row(len(training.state.results), chosen.epochs, result, time.monotonic() - start))
    return FOUND_NOTHING


def introduction(training: Training) -> str:
    """Return what is trained on what, as two lines."""
    settings, (train, test) = training.settings, (training.train.images, training.test.images)
    resized = f", resized to {settings.resize}x{settings.resize}" if settings.resize else ""
    parameters = sum(parameter.numel() for parameter in training.net.parameters())
    return (
        f"{settings.data}: {len(train):,} images to train and {len(test):,} to test, "
        f"{train.shape[1]}x{train.shape[2]}{resized}\n"
        f"{settings.model}: {parameters:,} parameters, on {training.device}\n"
    )


def row(number: int, epochs: int, result: Result, seconds: float) -> str:
    """Return the line of one epoch."""
    return (
        f"epoch {number}/{epochs}  loss {result.loss:.4f}  train accuracy {result.train_accuracy:.3f}  "
        f"test accuracy {result.test_accuracy:.3f}  {seconds:.1f} s\n"
    )


@contextmanager
def progress_bar(training: Training, epochs: int) -> Iterator[None]:
    """Show the epoch's images on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    state = training.state
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(
            f"epoch {len(state.results) + 1}/{epochs}",
            total=len(training.train.labels) + len(training.test.labels),
            completed=state.batches * training.settings.batch_size,
        )
        training.advance = lambda images: progress.advance(task, images)
        yield


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C was pressed: the batch at hand ends first. The second one ends at once."""
    pressed = []

    def press(number: int, _frame: FrameType | None) -> None:
        pressed.append(number)
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, press) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(pressed)
    finally:
        restore()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; what goes wrong is one plain line on standard error."""
    try:
        status = command.main(arguments, prog_name="python -m resnet_check.reference.train", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (click.ClickException, CannotCheckError) as error:
        complain(error.format_message() if isinstance(error, click.ClickException) else str(error))
        return CANNOT
    return int(status or FOUND_NOTHING)


if __name__ == "__main__":
    sys.exit(main())
