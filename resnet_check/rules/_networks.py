"""The anatomies of a file's models, and which published network each is, worked out once for all rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_check.anatomy import Anatomy, anatomy
from resnet_check.graph.records import Model
from resnet_check.rules.base import FileContext

if TYPE_CHECKING:
    from resnet_check.papers.comparing import Identity


def networks(context: FileContext) -> tuple[Anatomy, ...]:
    """Return the anatomies of the models of which every operation was understood."""
    if "networks" not in context.shared:
        context.shared["networks"] = tuple(anatomy(model) for model in context.complete)
    found: tuple[Anatomy, ...] = context.shared["networks"]
    return found


def identities(context: FileContext) -> tuple[Identity, ...]:
    """Return which ResNet each model is that is a chain of residual blocks; also each that fails, as far as it was read."""
    if "identities" not in context.shared:
        context.shared["identities"] = tuple(_identities(context))
    found: tuple[Identity, ...] = context.shared["identities"]
    return found


def _identities(context: FileContext) -> list[Identity]:
    failed = (anatomy(model) for model in context.models if model.status == "failed" and model.ops)
    nets = [net for net in (*networks(context), *failed) if net.blocks]
    if not nets:
        return []
    from resnet_check.papers.comparing import identify

    return [found for net in nets if (found := identify(net)) is not None]


def identity_of(context: FileContext, model: Model) -> Identity | None:
    """Return which ResNet a model is, None for one that is no chain of residual blocks or was not understood."""
    known = identities(context) if model.status == "complete" else ()
    return next((one for one in known if one.architecture.net.model is model), None)
