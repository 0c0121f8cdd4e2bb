"""Mistakes that show in training: the rules RC5."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mutation.operators import operator
from mutation.shapes import blocks, image_of, layers, networks, uses
from mutation.subject import Plant, Subject, plant


@operator("in-place sum on the output of a ReLU", "RC501 RC301")
def inplace_sum(subject: Subject) -> Iterator[Plant]:
    """``y = relu(y); y += shortcut``: the ReLU needs its output for the way back."""
    for block in blocks(subject):
        statement, branch, shortcut = (
            subject.statement(block.sum.node),
            block.sum.branch,
            subject.of(block.sum.shortcut),
        )
        if isinstance(statement, ast.Return):
            lines = (f"total = F.relu({subject.of(branch)})", f"total += {shortcut}", "return total")
            if "torch.nn.functional" in subject.text or "functional as F" in subject.text:
                yield plant(subject.replace(statement, f"\n{subject.indent(statement)}".join(lines)))
        elif isinstance(block.sum.node, ast.AugAssign):
            name = subject.of(branch)
            yield plant(subject.before(statement, f"{name} = {name}.sigmoid()"))


@operator("in-place ReLU on what is added later", "RC502 RC501")
def inplace_identity(subject: Subject) -> Iterator[Plant]:
    """The branch begins with an in-place ReLU on the block's input."""
    for block in blocks(subject):
        image = image_of(block.forward)
        first = next((use for use in uses(block.cls, block.forward) if use.kind in {"conv", "norm"}), None)
        if first and isinstance(first.argument, ast.Name) and first.argument.id == image:
            yield plant(subject.replace(first.argument, f"nn.functional.relu_({image})"))


@operator("dropout always on", "RC503")
def dropout_on(subject: Subject) -> Iterator[Plant]:
    """``F.dropout(x)`` without ``training=``, or a dropout that forward builds."""
    for node in subject.nodes(ast.Call):
        if isinstance(node, ast.Call) and subject.of(node.func) in {"F.dropout", "nn.functional.dropout"}:
            for word in node.keywords:
                if word.arg == "training":
                    yield plant(subject.without(node, word))
    for cls, _, forward in networks(subject):
        for use in uses(cls, forward, "linear"):
            for drop in ("nn.functional.dropout({}, 0.5)", "nn.Dropout(0.5)({})"):
                yield plant(subject.replace(use.argument, drop.format(subject.of(use.argument))))


@operator("softmax before the loss", "RC504")
def softmax_end(subject: Subject) -> Iterator[Plant]:
    """Softmax at the end, and CrossEntropyLoss in the same file."""
    for cls, _, forward in networks(subject):
        for use in uses(cls, forward, "linear"):
            if isinstance(subject.statement(use.call), ast.Return):
                last = subject.tree.body[-1]
                softmax = subject.replace(use.call, f"nn.functional.softmax({subject.of(use.call)}, dim=1)")
                loss = subject.after(
                    last, "", "", "def loss(logits, labels):", "    return nn.CrossEntropyLoss()(logits, labels)", ""
                )
                # Both lines are right: one of the two has to go.
                yield plant(softmax, loss)


@operator("ReLU on the logits", "RC505")
def logits_activated(subject: Subject) -> Iterator[Plant]:
    """``relu(self.fc(x))``."""
    for cls, _, forward in networks(subject):
        for use in uses(cls, forward, "linear"):
            if use.call.lineno >= (forward.end_lineno or 0) - 3:
                yield plant(subject.replace(use.call, f"nn.functional.relu({subject.of(use.call)})"))


@operator("mode set in forward", "RC506")
def mode_set(subject: Subject) -> Iterator[Plant]:
    """``self.eval()`` in forward."""
    for _, _, forward in networks(subject):
        first = forward.body[1] if len(forward.body) > 1 and isinstance(forward.body[0], ast.Expr) else forward.body[0]
        for code in ("self.eval()", "self.train()"):
            yield plant(subject.before(first, code))


@operator("detached", "RC507")
def detached(subject: Subject) -> Iterator[Plant]:
    """``detach()`` or ``.data`` on the way that trains."""
    for block in blocks(subject):
        for use in [*uses(block.cls, block.forward, "conv")][-1:]:
            yield plant(subject.replace(use.call, f"{subject.of(use.call)}.detach()"))
        for use in [*uses(block.cls, block.forward, "norm")][-1:]:
            yield plant(subject.replace(use.call, f"{subject.of(use.call)}.data"))
    for cls, _, forward in networks(subject):
        for use in uses(cls, forward, "linear"):
            yield plant(subject.replace(use.argument, f"{subject.of(use.argument)}.detach()"))


@operator("no_grad in forward", "RC507")
def no_grad(subject: Subject) -> Iterator[Plant]:
    """``with torch.no_grad():`` around a line of forward."""
    if not re.search(r"^import torch$", subject.text, re.MULTILINE):
        return
    for cls, _, forward in networks(subject):
        for use in uses(cls, forward):
            statement = subject.statement(use.call)
            if use.name in layers(cls) and isinstance(statement, ast.Assign) and "\n" not in subject.of(statement):
                code = f"with torch.no_grad():\n{subject.indent(statement)}    {subject.of(statement)}"
                yield plant(subject.replace(statement, code))


@operator("zero-init of the wrong norm", "RC509")
def zero_init_wrong(subject: Subject) -> Iterator[Plant]:
    """The first norm of a block, or the stem's, starts at zero."""
    for cls, init, forward in [*((each.cls, each.init, each.forward) for each in blocks(subject)), *networks(subject)]:
        norms = [use for use in uses(cls, forward, "norm") if use.name in layers(cls)]
        if len(norms) > 1 or (norms and (cls, init, forward) in list(networks(subject))):
            last = init.body[-1]
            name = norms[0].name
            yield plant(
                subject.after(last, f"nn.init.zeros_(self.{name}.weight)"),
                places=subject.places(layers(cls)[name].assign),
            )
