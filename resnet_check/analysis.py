"""`resnet_check.analyze`: what a module in memory is, for a notebook."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from resnet_check.graph.records import Model

if TYPE_CHECKING:
    import torch
    from torch import nn

    from resnet_check.papers.comparing import Identity
    from resnet_check.report.summary.table import Summary


@dataclass(slots=True, repr=False)
class Analysis(Model):
    """The Model of a module in memory; as text and in a notebook it shows as `resnet-check summary` does."""

    def __str__(self) -> str:
        from resnet_check.report.drawing import View
        from resnet_check.report.summary import table

        return table.render([summary(self)], View()).rstrip("\n")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from resnet_check.report.summary import html

        return html.render(summary(self))


def analyze(
    module: nn.Module,
    input_size: tuple[int, ...] = (3, 224, 224),
    *,
    inputs: Sequence[torch.Tensor] | None = None,
    name: str | None = None,
) -> Analysis:
    """Return the Model of a module in memory: its operators, modules, parameters, multiply-adds and output.

    The module runs once in eval mode, if possible on tensors without values, and is left as it was.
    ``input_size`` is the shape of one image, without the batch; ``inputs`` are given instead for a forward that takes
    several, with the batch. A module that raises gives a Model of status ``failed``.
    """
    from resnet_check.read.live.tracer import trace

    path, line = _defined(type(module))
    traced = trace(
        module,
        name=name or type(module).__name__,
        path=path,
        line=line,
        input_shape=tuple(input_size),
        inputs=inputs,
        on_values=None,
    )
    return Analysis(**{field.name: getattr(traced, field.name) for field in fields(Model)})


def _defined(cls: type) -> tuple[str, int]:
    """Return the file and the line of a class; no file for one that was typed in."""
    try:
        return inspect.getsourcefile(cls) or "", inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return "", 1


def summary(model: Model) -> Summary:
    """Return what is shown of a Model that no file stands behind."""
    from resnet_check.checking import model_report
    from resnet_check.report.summary.places import places
    from resnet_check.report.summary.rows import rows
    from resnet_check.report.summary.table import Summary

    network = _identity(model)
    raised = tuple(str(problem.facts["message"]) for problem in model.problems if problem.kind == "raised")
    root = rows(model, places(network) if network else {})
    return Summary(model_report(model, network), model.path, root, raised, _verdict(model) if network else "")


def _identity(model: Model) -> Identity | None:
    """Return which published network a Model is, None for one that is no chain of residual blocks."""
    from resnet_check.anatomy import anatomy
    from resnet_check.papers.comparing import identify

    if model.status != "complete":
        return None
    found = anatomy(model)
    return identify(found) if found.blocks else None


def _verdict(model: Model) -> str:
    """Return how a Model compares with the reference of its variant at the size of its input: no other is known here."""
    from resnet_check.equality.agreement import at_size
    from resnet_check.equality.reference import reference_model
    from resnet_check.equality.verdict import against_reference

    network = _identity(at_size(model))
    verdict = network and against_reference(network, lambda *asked: at_size(reference_model(*asked)))
    if not verdict or not verdict.words:
        return ""
    return f"{verdict.words} at this size" if verdict.comparison.equal else verdict.words
