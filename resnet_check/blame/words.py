"""Findings from blamed changes: which rule speaks, in which words."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.blame.branches import branches, failing_op, torch_layer
from resnet_check.blame.change import new_lines
from resnet_check.blame.search import Blame, blames, is_stated, one_position
from resnet_check.blame.tree import Tree
from resnet_check.finding import Finding, Fix, Related, related
from resnet_check.graph.dim import factorise, value
from resnet_check.graph.records import Model, ModuleRecord, Op, Problem, Site, show
from resnet_check.rules.base import FileContext, Reporter

NORMS = ("norm",)


def rule_of(blame: Blame) -> str:
    """Return the name of the rule that a mistake belongs to."""
    if blame.owner:
        return blame.owner
    problem = blame.problem
    operator = str(problem.facts.get("operator", "")).lower()
    kind = problem.kind
    if kind in {"broadcast", "cat-sizes"}:
        return "shortcut-shape-mismatch"
    if kind == "norm-channels" or (kind == "wrong-rank" and "norm" in operator):
        return "norm-channels-mismatch"
    if kind in {"linear-features", "matmul-features"} or (kind == "wrong-rank" and "linear" in operator):
        return "linear-features-mismatch"
    if kind == "reshape":
        return "fixed-input-size"
    if kind == "empty-output":
        return "fixed-input-size" if ends_features(blame) else "empty-output"
    if kind in {"invalid-layer", "indivisible", "invalid-argument"}:
        return "invalid-layer"
    return "conv-channels-mismatch"


def ends_features(blame: Blame) -> bool:
    """Return whether the failing operation is a pool with a fixed kernel behind the last convolution."""
    op = failing_op(blame.model, blame.problem)
    if op is None or op.kind not in {"avg_pool", "max_pool"}:
        return False
    return not any(later.kind == "conv" for later in blame.model.ops[op.index + 1 :])


def of_rule(context: FileContext, name: str) -> Iterator[Blame]:
    """Yield the mistakes of a file that belong to a rule."""
    return (blame for blame in blames(context) if rule_of(blame) == name)


def findings(report: Reporter, context: FileContext, severity: str | None = None) -> Iterator[Finding]:
    """Yield the findings of a rule: one for each operation that a mistake breaks."""
    for blame in of_rule(context, report.name):
        seen: set[tuple[str, int]] = set()
        for problem in blame.ended:
            if problem.kind != blame.problem.kind or (problem.module, problem.site.line) in seen:
                continue
            seen.add((problem.module, problem.site.line))
            yield finding(report, context, blame, problem, severity)


def finding(
    report: Reporter, context: FileContext, blame: Blame, problem: Problem, severity: str | None = None
) -> Finding:
    """Return the finding for one broken operation."""
    change = blame.change
    site = problem.site if change is None else change.site
    others: tuple[Related, ...] = ()
    op = failing_op(blame.model, problem)
    record = None if op is None else torch_layer(blame.model, op)
    if change is None:
        site = likely(blame.model, record, context.source.path) or site
    if problem.site.line != site.line or problem.site.path != site.path:
        others = (related(problem.site, "it fails here"),)
    if problem.kind == "linear-features" and op is not None and change is not None and "flatten" in str(change.edits):
        before = blame.model.ops[op.inputs[0]]
        if before.site.line != site.line:
            others = (*others, related(before.site, f"this gives {show(before.shape)}"))
    fix = None
    if change is not None and change.edits:
        fix = Fix("apply this change", change.edits, safe=False)
    return report(
        site,
        message(blame.model, problem, stated=is_stated(context, blame.model)),
        help=advice(context, blame, problem),
        model=blame.model,
        module=problem.module or None,
        severity=severity,
        related=others,
        fix=fix,
    )


def likely(model: Model, record: ModuleRecord | None, path: str) -> Site | None:
    """Return the call to blame for a layer when no change is proven.

    It is the innermost one of this file that no layer shares which works: where the sisters of a layer are right, the call
    that built this one is wrong, and where all are wrong the constructor is.
    """
    if record is None:
        return None
    broken = {p.module for p in model.problems}
    calls = [site for site in (record.built, *record.built.calls) if site.path == path]
    for site in calls:
        sharing = [m for m in model.modules if m.reached and place(site) in map(place, (m.built, *m.built.calls))]
        alike = [m for m in sharing if m.type == record.type and place(m.built) == place(record.built)]
        if all(m.path in broken for m in alike):
            return site
    return calls[0] if calls else None


def place(site: Site) -> tuple[str, int, int]:
    """Return what tells two places apart."""
    return site.path, site.line, site.column


def advice(context: FileContext, blame: Blame, problem: Problem) -> str:
    """Return what to do: the new line where a change is proven."""
    change = blame.change
    if change is not None:
        if change.advice:
            return change.advice
        assert context.source.tree is not None  # noqa: S101 - a blame comes from a tree
        line = new_lines(Tree(context.source, context.source.tree), change)
        return f"write `{line}`" if line and len(line) < 160 else "change this"
    return ADVICE.get(problem.kind, "")


ADVICE = {
    "broadcast": "let the shortcut do what the branch does: a 1x1 convolution with the same stride and the same channels",
    "cat-sizes": "let the tensors agree in every dimension but the one they are joined along",
    "empty-output": "use a smaller kernel, padding, or fewer layers that reduce the size",
}


def name_of(model: Model, problem: Problem) -> str:
    """Return the module at which something fails, as a person calls it."""
    path = problem.module
    return f"`{path}`" if path else f"`{model.name}`"


def message(model: Model, problem: Problem, *, stated: bool) -> str:
    """Return the fact."""
    facts, kind = problem.facts, problem.kind
    op = failing_op(model, problem)
    if kind == "broadcast":
        return _sum(model, problem, op)
    if kind == "cat-sizes":
        shapes = " and ".join(show(s) for s in facts.get("shapes", ()))
        return f"{name_of(model, problem)} joins {shapes} along dimension {facts.get('dim')}: the other sizes differ"
    got, expected = value(facts.get("got")), value(facts.get("expected"))
    where = name_of(model, problem)
    came = ""
    inputs = facts.get("shapes") or ()
    if inputs:
        came = f" (its input is {show(inputs[0])})"
    if kind in {"conv-channels", "channels"}:
        return f"{where} expects {expected} channels and gets {got}{came}"
    if kind == "norm-channels":
        return f"{where} normalises {expected} channels and gets {got}{came}"
    if kind == "linear-features" and one_position(model, problem, stated=stated) is not None:
        return (
            f"{where} expects {expected} features and gets {factorise(facts['got'])[0]} for each position that is left"
        )
    if kind in {"linear-features", "matmul-features"}:
        return f"{where} expects {expected} features and gets {got}{came}"
    if kind == "wrong-rank":
        return f"{where} takes tensors of {expected} dimensions and gets {got}{came}"
    if kind == "empty-output":
        padding = facts.get("padding", (0, 0))
        padded = f" (padding {padding[0]})" if isinstance(padding, tuple) and any(value(p) for p in padding) else ""
        return f"the kernel of {value(facts.get('kernel'))} does not fit into {value(facts.get('size'))}{padded}{came}"
    if kind == "reshape":
        return f"{where} cannot give {show(tuple(facts.get('shape', ())))} the shape {show(tuple(facts.get('target', ())))}"
    return str(facts.get("reason") or f"{where}: {kind.replace('-', ' ')}{came}")


def _sum(model: Model, problem: Problem, op: Op | None) -> str:
    left, right = problem.facts.get("left"), problem.facts.get("right")
    where = name_of(model, problem)
    if op is None or left is None or right is None:
        return f"{where} adds tensors of different shapes"
    verb = "added" if problem.facts.get("operator") in {"add", "iadd", "add_", "sub"} else "combined"
    if len(op.inputs) == 2 and verb == "added":
        _, sides = branches(model, op)
        counts = [sum(o.kind in {"conv", "linear"} for o in side) for side in sides]
        if len(counts) == 2 and counts[0] != counts[1]:
            branch, short = (left, right) if counts[0] > counts[1] else (right, left)
            if min(counts) == 0 and all(o.kind == "identity" for o in sides[counts.index(0)]):
                return f"the branch of {where} gives {show(branch)}, its input {show(short)} is added unchanged"
            return f"the branch of {where} gives {show(branch)}, its shortcut {show(short)}: they cannot be added"
    return f"{show(left)} and {show(right)} cannot be {verb} in {where}"
