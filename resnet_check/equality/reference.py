"""The networks of `resnet_check.reference` as Models, read from their source without torch."""

from __future__ import annotations

import ast
from pathlib import Path

import resnet_check.reference as references
from resnet_check.errors import CannotCheckError, nearest
from resnet_check.graph.records import Model
from resnet_check.read.reading import ReadOptions
from resnet_check.read.static.reader import read
from resnet_check.source import Source

BUDGET = ReadOptions(max_steps=60_000_000, max_seconds=60.0)
"""Enough for the deepest network."""


def reference_model(
    name: str, in_channels: int | None = None, num_classes: int | None = None, image: tuple[int, ...] | None = None
) -> Model:
    """Return the Model of a reference network, with the channels and classes of its paper if none are given.

    ``image`` are the sizes of the input to look at, without channels. Raises `CannotCheckError` where no network has
    that name.
    """
    if name not in references.REFERENCES:
        message = f"there is no reference `{name}`{nearest(name, references.REFERENCES)}"
        raise CannotCheckError(message)
    module, function, options = references.REFERENCES[name]
    given = {"in_channels": in_channels, "num_classes": num_classes}
    arguments = {key: number for key, number in given.items() if number is not None} | options
    listed = ", ".join(f"{key}={argument!r}" for key, argument in arguments.items())
    text = f"from {module} import {function}\n\nnet = {function}({listed})\n"
    path = Path(references.__file__).with_name("_reference_to_compare_with.py")
    size = None if image is None else (in_channels or reference_model(name).input[1], *image)  # type: ignore[index]
    options_ = BUDGET._replace(input_size=size, only=frozenset({"net"}))
    return read(Source(str(path), text, ast.parse(text)), options_).models[0]
