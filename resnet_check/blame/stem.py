"""First convolutions that take other channels than the file says its images have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from resnet_check.blame.branches import layer_names, torch_layer
from resnet_check.blame.stated import built_images
from resnet_check.finding import Finding, Related
from resnet_check.graph.records import Model, ModuleRecord, Site
from resnet_check.rules.base import FileContext, Reporter

if TYPE_CHECKING:
    from resnet_check.blame.tree import Tree

CLAIMS = (
    (re.compile(r"\bRGB\b"), 3),
    (re.compile(r"[\[(]\s*(?:N|B|n|b|batch|batch_size)\s*,\s*([13])\s*,"), 0),
    (re.compile(r"\bgr[ae]y-?scale\b", re.IGNORECASE), 1),
)
"""What docstrings say of an image's channels; 0: the first group does."""


def wrong_stems(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield a finding for each first convolution that does not take the images that the file speaks of."""
    tree = context.source.tree
    if tree is None:
        return
    taken = {channels for model in context.models if (channels := channels_of(model)) is not None}
    if not taken:
        return
    built, classes = stated_channels(tree, taken), [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    index: Tree | None = None
    for model in context.models:
        channels = channels_of(model)
        record = stem_of(model)
        if model.status != "complete" or channels is None or record is None or record.built.path != context.source.path:
            continue
        stated = built or said_channels(classes, model)
        if stated is None or stated[0] == channels or channels not in {1, 3}:
            continue
        from resnet_check.blame.tree import Tree

        index = index or Tree(context.source, tree)
        yield report(
            site_of(index, record, channels),
            f"the first convolution takes {channels} channel{'s' if channels > 1 else ''}, "
            f"but the file's images have {stated[0]}",
            help=f"build it for {stated[0]} channels",
            model=model,
            module=record.path,
            severity="error" if stated[2] else "warning",
            related=(Related(context.source.path, stated[1], f"an image of {stated[0]} channels"),),
        )


def channels_of(model: Model) -> int | None:
    """Return the channels of a model's images."""
    shape = model.input
    if shape is None or len(shape) != 4 or model.trial:
        return None
    return shape[1] if isinstance(shape[1], int) else None


def stem_of(model: Model) -> ModuleRecord | None:
    """Return the convolution that reads the input."""
    op = next((o for o in model.ops if o.kind == "conv" and o.inputs[:1] == (0,)), None)
    return None if op is None else torch_layer(model, op)


def site_of(tree: Tree, record: ModuleRecord, channels: int) -> Site:
    """Return the place of the number that decides the channels: at the layer, or at the call that passes it."""
    from resnet_check.blame.channels import INPUT_ARGUMENTS, layer_chain
    from resnet_check.blame.flow import LAYER_ARGUMENTS, argument_places, layer_kind

    names = LAYER_ARGUMENTS.get(layer_kind(layer_names(record)), [])
    name = next((n for n in INPUT_ARGUMENTS if n in names), "in_channels")
    for place in argument_places(tree, layer_chain(tree, record), names, name):
        if isinstance(place.expr, ast.Constant) and place.expr.value == channels:
            call = place.call
            return tree.source.site(call if call is not None and call.lineno == call.end_lineno else place.expr)
    return record.built


def stated_channels(tree: ast.Module, taken: set[int]) -> tuple[int, int, bool] | None:
    """Return the channels of the images that a file builds, the line, and True; None where some model takes such images."""
    found: dict[int, int] = {}
    for sizes, line in built_images(tree):
        if sizes[1] in {1, 3} and min(sizes[2:]) > 7:
            found.setdefault(sizes[1], line)
    if len(found) != 1 or taken & set(found):
        return None
    channels, line = found.popitem()
    return channels, line, True


def said_channels(classes: Sequence[ast.ClassDef], model: Model) -> tuple[int, int, bool] | None:
    """Return the channels that the docstring of the model's class speaks of, the line, and False."""
    root = model.modules[0].type if model.modules else ""
    for node in classes:
        if node.name == root:
            text = ast.get_docstring(node, clean=False)
            if text:
                said = {number or int(match[1]) for claim, number in CLAIMS for match in claim.finditer(text)}
                if len(said) == 1:
                    return said.pop(), node.body[0].lineno, False
    return None
