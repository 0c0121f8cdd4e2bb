"""``resnet-check show [VARIANT]``: published architectures as their papers print them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from resnet_check.cli.check import COLOR, INPUT
from resnet_check.cli.output import view, write
from resnet_check.errors import CannotCheckError

if TYPE_CHECKING:
    from resnet_check.report.variant import Asked


@click.command()
@click.argument("names", nargs=-1, metavar="[VARIANT]...")
@INPUT
@click.option("--classes", type=click.IntRange(min=1), metavar="N", help="Number of classes; those of the paper.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", help="Format of the table.")
@COLOR
def command(names: tuple[str, ...], **options: Any) -> None:
    """Show a published architecture: its paper's table, our figures for any input and classes, and the printed ones.

    A VARIANT is a name such as resnet-50 or wrn-28-10; without one all are listed.
    """
    from resnet_check.papers import find, variants
    from resnet_check.report import variant as report

    found = [find(name) for name in names]
    asked = _asked(options["input_size"], options["classes"])
    if options["output_format"] == "json":
        write(report.data(found or list(variants().values()), asked))
    elif found:
        write("\n".join(report.text(variant, asked, view(options["color"])) for variant in found))
    else:
        write(report.listing(variants().values(), view(options["color"])))


def _asked(size: tuple[int, ...] | None, classes: int | None) -> Asked:
    from resnet_check.report.variant import Asked

    if size is None:
        return Asked(classes=classes)
    if len(size) != 3 or size[1] != size[2]:
        message = f"--input: a variant is counted for square images, not for {'x'.join(map(str, size))}"
        raise CannotCheckError(message)
    return Asked(size[0], size[1], classes)
