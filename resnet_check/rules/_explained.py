"""Problems that are only the consequence of another mistake, which has a rule of its own."""

from __future__ import annotations

from resnet_check.graph.records import Model, Problem

CAUSES = frozenset({"shadowed-module", "late-binding-closure"})
"""Mistakes with which torch goes on, to fail later where nothing is wrong."""


def explained(model: Model | None, problem: Problem) -> bool:
    """Return whether a mistake that the reader saw earlier, in the same module or below it, explains a problem."""
    if model is None or problem.kind in CAUSES:
        return False
    for cause in model.problems:
        if cause is problem:
            return False
        below = problem.module and cause.module.startswith(problem.module + ".")
        if cause.kind in CAUSES and (cause.module == problem.module or below):
            return True
    return False
