"""What a file says about the training of its models: the losses that it names, and the outputs that reach them."""

from __future__ import annotations

import ast
import re

from resnet_check.graph.records import Model, Op, Site
from resnet_check.rules._places import name_of, places
from resnet_check.rules._training import training_ops
from resnet_check.rules.base import FileContext

LOSSES = {
    "CrossEntropyLoss": "cross entropy",
    "cross_entropy": "cross entropy",
    "NLLLoss": "negative log-likelihood",
    "nll_loss": "negative log-likelihood",
    "BCEWithLogitsLoss": "binary cross entropy with logits",
    "binary_cross_entropy_with_logits": "binary cross entropy with logits",
    "MSELoss": "regression",
    "mse_loss": "regression",
    "L1Loss": "regression",
    "l1_loss": "regression",
    "SmoothL1Loss": "regression",
    "smooth_l1_loss": "regression",
    "HuberLoss": "regression",
    "PoissonNLLLoss": "regression",
}
"""Torch's losses by the name of the class or function, and what they are for."""

SHAPING = frozenset("flatten view reshape squeeze unsqueeze permute transpose identity".split())


def losses(context: FileContext) -> dict[str, Site]:
    """Return the kinds of loss that the code of a file uses, each with its first place."""
    found: dict[str, Site] = {}
    for node in places(context).nodes:
        kind = LOSSES.get(name_of(node)) if isinstance(node, (ast.Name, ast.Attribute)) else None
        if kind is not None:
            found.setdefault(kind, Site(*context.source.span(node)))
    return found


def results(model: Model) -> list[Op]:
    """Return the Ops that gave what forward returns in training mode, looking through changes of shape."""
    ops = training_ops(model)
    found: dict[int, Op] = {}
    for op in ops:
        if op.returned:
            last = op
            while last.kind in SHAPING and last.inputs:
                last = ops[last.inputs[0]]
            found[last.index] = last
    return list(found.values())


def calls_itself(context: FileContext, model: Model, use: Site) -> bool:
    """Return whether a loss may see what a model's forward returns.

    A loss inside of the model's own class sees it only where that class calls itself.
    """
    root = model.modules[0] if model.modules else None
    owner = places(context).class_at(root.class_path, root.class_line) if root is not None else None
    if owner is None or not owner.lineno <= use.line <= (owner.end_lineno or owner.lineno):
        return True
    return re.search(r"\bself(\.forward)?\(", places(context).segment(owner)) is not None
