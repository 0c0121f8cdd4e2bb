"""Problems that are only the consequence of another mistake, which has a rule of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_check.graph.records import Model, Problem

if TYPE_CHECKING:
    from resnet_check.finding import Finding
    from resnet_check.rules.base import FileContext

CAUSES = frozenset({"shadowed-module", "late-binding-closure", "result-discarded", "return-inside-loop"})
"""Mistakes with which torch goes on, to fail later where nothing is wrong."""

SHAPES = frozenset({"broadcast", "conv-channels", "norm-channels", "linear-features", "matmul-features", "cat-sizes"})
"""Problems that a convolution with mixed-up arguments may lead to."""

SOFT = ("RC3", "RC4")
"""Codes of the rules that speak of how the network is wired, and of what it claims to be."""


def explained(context: FileContext, model: Model | None, problem: Problem) -> bool:
    """Return whether a mistake of another kind, in the same module or below it, explains a problem."""
    if model is None or problem.kind in CAUSES:
        return False
    if problem.kind in SHAPES and mixed_up_in(context, model, problem.module):
        return True
    return any(explains(cause, problem) for cause in model.problems if cause.kind in CAUSES)


def explains(cause: Problem, problem: Problem) -> bool:
    """Return whether one mistake of the same model leads to the other."""
    if cause.kind == "return-inside-loop":
        same_file = cause.site.path == problem.site.path
        return same_file and cause.facts["loop"] <= problem.site.line <= cause.site.end_line
    if cause.kind == "result-discarded":
        return False
    below = problem.module and cause.module.startswith(problem.module + ".")
    return cause.module == problem.module or bool(below)


def mixed_up_in(context: FileContext, model: Model, module: str) -> bool:
    """Return whether a convolution directly below a module has its arguments mixed up."""
    from resnet_check.rules._arguments import wrong_convolutions
    from resnet_check.rules._places import places

    key = f"mixed up in {model.kind} {model.name}"
    if key not in context.shared:
        context.shared[key] = [record.path for record, _, _ in wrong_convolutions(places(context), model)]
    return any(path.startswith(module + ".") if module else path for path in context.shared[key])


def softer(context: FileContext, finding: Finding) -> bool:
    """Return whether a finding about the wiring only describes what a dropped result or an early return leaves."""
    if not finding.code.startswith(SOFT):
        return False
    causes = [p for m in context.models if m.name == finding.model for p in m.problems if p.kind in CAUSES]
    return any(
        finding.module is None or cause.module == finding.module or finding.module.startswith(cause.module + ".")
        for cause in causes
    )
