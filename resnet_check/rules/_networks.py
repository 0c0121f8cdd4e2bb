"""The anatomies of a file's models, worked out once for all rules."""

from __future__ import annotations

from resnet_check.anatomy import Anatomy, anatomy
from resnet_check.rules.base import FileContext


def networks(context: FileContext) -> tuple[Anatomy, ...]:
    """Return the anatomies of the models of which every operation was understood."""
    if "networks" not in context.shared:
        context.shared["networks"] = tuple(anatomy(model) for model in context.complete)
    found: tuple[Anatomy, ...] = context.shared["networks"]
    return found
