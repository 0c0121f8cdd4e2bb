"""Problems that are only the consequence of another mistake, which has a rule of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
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
    if problem.kind in SHAPES and (
        mixed_up_in(context, model, home(model, problem)) or mistaken_layer(context, model, problem)
    ):
        return True
    if any(explains(cause, problem) for cause in model.problems if cause.kind in CAUSES):
        return True
    return model.kind == "class" and rests_on_nothing(context, model, problem)


def rests_on_nothing(context: FileContext, model: Model, problem: Problem) -> bool:
    """Return whether a class was built with defaults that only stand for what its users give, and that shows at once.

    ``anchors=()`` has no first element; what goes wrong behind that says nothing about the class, unless it is a call
    that does not fit its function, whatever the values are.
    """
    from resnet_check.rules._calls import to_be_given
    from resnet_check.rules._places import places

    if problem.facts.get("message") == "arguments":
        return False
    before = model.problems[: model.problems.index(problem)]
    empty = problem.kind == "reshape" and 0 in problem.facts["shape"]
    if not empty and not any("0 elements" in p.facts.get("reason", "") or p.facts.get("none") for p in before):
        return False
    return to_be_given(places(context), model)


def home(model: Model, problem: Problem) -> str:
    """Return the path of the module of the file in whose forward a problem happened."""
    layer = any(r.path == problem.module and r.type.startswith("torch.") for r in model.modules)
    return problem.module.rpartition(".")[0] if layer else problem.module


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
    """Return whether a line that builds a convolution below a module mixes up its arguments."""
    from resnet_check.rules._arguments import wrong_convolutions
    from resnet_check.rules._places import places

    key = f"mixed up in {model.kind} {model.name}"
    if key not in context.shared:
        context.shared[key] = {record.built[:3] for record, _, _ in wrong_convolutions(places(context), model)}
    lines = context.shared[key]
    inside = (r for r in model.modules if lines and (not module or r.path.startswith(module + ".")))
    return any(record.built[:3] in lines for record in inside)


def mistaken_layer(context: FileContext, model: Model, problem: Problem) -> bool:
    """Return whether forward leaves a layer out, calls its like twice, or misses just what the layer would give."""
    from resnet_check.rules._modules import below
    from resnet_check.rules.unused_layer import unused

    where = home(model, problem)
    for other, record, _ in unused(context):
        if other is not model or record.parent is None or model.modules[record.parent].path != where:
            continue
        sisters = [r for r in model.modules if r.parent == record.parent and r.type == record.type]
        widths = [r.attributes.get("out_channels") for r in below(model, record)]
        if any(len(r.calls) > 1 for r in sisters) or problem.facts.get("expected") in widths:
            return True
    return False


def softer(context: FileContext, finding: Finding) -> bool:
    """Return whether a finding about the wiring only describes what a dropped result or an early return leaves."""
    if not finding.code.startswith(SOFT):
        return False
    causes = [p for m in context.models if m.name == finding.model for p in m.problems if p.kind in CAUSES]
    return any(
        finding.module is None or cause.module == finding.module or finding.module.startswith(cause.module + ".")
        for cause in causes
    )


def told_twice(findings: list[Finding]) -> list[Finding]:
    """Return the findings without those that another one explains."""
    loud = [f for f in findings if f.severity != "note"]
    return [f for f in findings if not any(told(f, other) for other in loud if other is not f)]


def told(finding: Finding, by: Finding) -> bool:
    """Return whether another finding of the same file explains one of a kind that often follows from others."""
    follows = CONSEQUENCES.get(finding.rule)
    return follows is not None and finding.path == by.path and follows(finding, by)


def leaves_unused(finding: Finding, by: Finding) -> bool:
    """Return whether a layer is never called because of a mistake in the class that has it."""
    if by.rule == "missing-norm":
        return finding.line in {place.line for place in by.related}
    return by.rule in WITHOUT_SHORTCUT and finding.model is not None and is_within(finding.module, by.module)


def is_within(module: str | None, outer: str | None) -> bool:
    """Return whether a module lies right below another, or below one that has the same place among its blocks."""
    inner, outer = (re.sub(r"\d+", "#", path or "") for path in (module, outer))
    return inner.rpartition(".")[0] == outer


WITHOUT_SHORTCUT = frozenset({"missing-shortcut", "shortcut-shape-mismatch"})

SEEN_TO_FOLLOW = {
    "every-parameter-learns": "unused-layer missing-norm detached broken-chain inplace-breaks-backward result-discarded",
    "batch-independence": "batch-mixed unregistered-module",
    "any-accepted-size": "unregistered-module",
    "static-agrees": "unregistered-module",
    "deterministic-eval": "dropout-always-on layer-created-in-forward",
    "state-dict-round-trip": "unregistered-module unregistered-parameter layer-created-in-forward",
    "float64-and-bfloat16": "unregistered-module unregistered-parameter layer-created-in-forward",
    "copy-and-pickle": "unregistered-module unregistered-parameter layer-created-in-forward",
    "identity-at-zero-branch": "inplace-changes-identity result-discarded",
    "norm-statistics": "mode-set-in-forward",
    "double-backward": "inplace-breaks-backward",
    "equals-reference": "not-the-reference",
}
"""Properties that a model of the file lacks if the file has one of these mistakes, which are told at the line to change."""

COUNTS = frozenset({"parameter-count", "mac-count"})

CONSEQUENCES: dict[str, Callable[[Finding, Finding], bool]] = {
    "unused-layer": leaves_unused,
    "layer-created-in-forward": lambda f, by: by.rule == "module-not-built" and by.line == f.line,
    "linear-features-mismatch": lambda f, by: by.rule == "batch-mixed" and by.model == f.model,
    "inplace-breaks-backward": lambda f, by: by.rule == "relu-before-add" and by.line in {p.line for p in f.related},
    "parameter-count": lambda _, by: by.rule not in COUNTS,
    "mac-count": lambda _, by: by.rule not in COUNTS,
    **dict.fromkeys(SEEN_TO_FOLLOW, lambda f, by: by.rule in SEEN_TO_FOLLOW[f.rule].split()),
}
"""Kinds that often only follow from another mistake, and when they do."""
