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
    if problem.kind in SHAPES and (
        mixed_up_in(context, model, home(model, problem)) or mistaken_layer(context, model, problem)
    ):
        return True
    return any(explains(cause, problem) for cause in model.problems if cause.kind in CAUSES)


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
    """Return the findings without those that another one on the same line makes needless.

    A norm that is never called is named where its convolution lacks it; that a layer which is never called does not learn
    goes without saying.
    """
    named = {(f.path, place.line) for f in findings if f.rule == "missing-norm" for place in f.related}
    unused = {(f.path, f.line) for f in findings if f.rule in {"unused-layer", "missing-norm"}}
    again = {"unused-layer": named, "every-parameter-learns": named | unused}
    return [f for f in findings if (f.path, f.line) not in again.get(f.rule, ())]
