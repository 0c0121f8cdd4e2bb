"""What a model is, small enough to be written down: figures, parts, state dict, and a digest of what it computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from resnet_check.graph.dim import Dim
from resnet_check.graph.state import state

if TYPE_CHECKING:
    from resnet_check.anatomy.architecture import Architecture, Stage
    from resnet_check.checking import ModelReport
    from resnet_check.graph.records import Model, Op, Site
    from resnet_check.papers.comparing import Identity
    from resnet_check.rules.base import FileContext

SETTINGS = (int, float, str, bool, tuple, Dim, type(None))
"""The attributes of an Op that are settings of its operator; others say where something comes from."""


TRAINING = ("p", "momentum")
"""Settings that count in training alone: of dropout, and of the running statistics of a norm."""


class Snapshot(NamedTuple):
    """What a gate remembers of a model; sizes, figures and ``accepted_sizes`` are those of the report.

    ``parts`` describes stem, stages and head of a chain of residual blocks. ``operators`` counts the operators, told
    apart by those settings that are fractions (eps, a slope); ``training`` counts what matters in training alone.
    ``digest`` is equal for two models that compute the same with every setting of their weights; None where not everything
    was understood. ``state`` holds the names and shapes of the state dict. ``lines`` are the lines of each file that the
    model rests on; they are no part of what it is.
    """

    name: str
    line: int = 1
    status: str = "complete"
    unknown: str = ""
    variant: str | None = None
    depth: int | None = None
    parts: tuple[tuple[str, str], ...] = ()
    input: tuple[int | None, ...] | None = None
    output: Any = None
    params: int | None = None
    macs: int | None = None
    accepted_sizes: tuple[tuple[int, int], ...] | None = None
    operators: tuple[tuple[str, int], ...] = ()
    training: tuple[tuple[str, int], ...] = ()
    digest: str | None = None
    state: tuple[tuple[str, tuple[int, ...]], ...] | None = None
    lines: tuple[tuple[str, tuple[int, ...]], ...] = ()


class Gate(NamedTuple):
    """What a gate asks of a check: a Snapshot of each model; ``locked`` are the file's models as the lock file has them."""

    locked: tuple[Snapshot, ...] | None = None


def snapshots(context: FileContext) -> tuple[Snapshot, ...]:
    """Return the Snapshots of a file's models, worked out once."""
    from resnet_check.checking import model_report
    from resnet_check.rules._networks import identity_of

    if "snapshots" not in context.shared:
        pairs = [(model, identity_of(context, model)) for model in context.models if not model.trial]
        found = tuple(snapshot(model, model_report(model, identity), identity) for model, identity in pairs)
        context.shared["snapshots"] = found
    known: tuple[Snapshot, ...] = context.shared["snapshots"]
    return known


def snapshot(model: Model, report: ModelReport, identity: Identity | None) -> Snapshot:
    """Return the Snapshot of a model, given what the report says of it and which ResNet it is."""
    weights = state(model)
    return Snapshot(
        name=report.name,
        line=report.line,
        status=report.status,
        unknown=str(report.unknown[0]) if report.unknown else "",
        variant=report.variant,
        depth=report.depth,
        parts=tuple(_parts(identity.architecture)) if identity else (),
        input=report.input,
        output=_frozen(report.output),
        params=report.params,
        macs=report.macs,
        accepted_sizes=report.accepted_sizes,
        operators=_counted(map(_operator, model.ops)) if report.status == "complete" else (),
        training=_counted(_training(model)) if report.status == "complete" else (),
        digest=_digest(model) if report.status == "complete" else None,
        state=None if weights is None else tuple(weights.items()),
        lines=tuple(_lines(model)),
    )


def restored(content: Sequence[Any]) -> Snapshot:
    """Return the Snapshot whose fields were written as JSON, which knows lists only."""
    return Snapshot(*map(_frozen, content))


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _frozen(part) for name, part in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def _parts(net: Architecture) -> Iterator[tuple[str, str]]:
    """Yield the name of each part of a chain of residual blocks, with what it is made of."""
    convs = [f"{conv.kernel}x{conv.kernel}, {conv.wide}, stride {conv.stride}" for conv in net.stem.convs]
    pool = net.stem.pool
    pools = [f"{pool.kernel}x{pool.kernel} {pool.kind.replace('_', ' ')}, stride {pool.stride}"] if pool else []
    yield "stem", "; ".join([*convs, *pools])
    for number, stage in enumerate(net.stages, 1):
        yield f"stage {number}", _stage(stage)
    yield "head", "no classifier" if net.head.classes is None else f"{net.head.classes} classes"


def _stage(stage: Stage) -> str:
    first, last = stage.units[0], stage.units[-1]
    inner = f"{last.inner}-" if last.inner != last.wide else ""
    words = [
        f"{len(stage.units)} x {last.kind}, {inner}{last.wide}",
        f"stride {first.stride}",
        *([f"C={last.groups}"] if last.groups > 1 else []),
        *(["dilated"] if last.dilated else []),
        *(["pre-activation"] if last.preactivated else []),
        *([last.gate] if last.gate else []),
        " + ".join(dict.fromkeys(unit.shortcut for unit in stage.units)),
    ]
    return ", ".join(words)


def _counted(kinds: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(kinds).items()))


def _operator(op: Op) -> str:
    """Return the kind of an operator, with the settings that are fractions, but those of training."""
    settings = {key: value for key, value in op.attributes.items() if type(value) is float and key not in TRAINING}
    return " ".join([op.kind, *(f"{key}={value:g}" for key, value in settings.items())])


def _training(model: Model) -> Iterator[str]:
    """Yield each operator with a setting of training, and each that is there in training only, as stochastic depth is."""
    for op in model.trained or model.ops:
        yield from (f"{op.kind} {key}={value}" for key in TRAINING if (value := op.attributes.get(key)) is not None)
    if model.trained:
        yield from (Counter(map(_operator, model.trained)) - Counter(map(_operator, model.ops))).elements()


def _digest(model: Model) -> str:
    """Return a digest of what a model computes: of its canonical form where that is known, else of its Ops as they are."""
    from resnet_check.equality.canonical import canonical
    from resnet_check.equality.nodes import Unanswerable

    try:
        return canonical(model).digest
    except Unanswerable:
        return f"ops-{_digest_of_ops(model.ops)}"


def _digest_of_ops(ops: list[Op]) -> str:
    """Return a digest of the Ops on the way to the output; it does not depend on their order nor on any name."""
    digests: dict[int, str] = {}
    for op in ops:
        settings = sorted((key, str(value)) for key, value in op.attributes.items() if isinstance(value, SETTINGS))
        words = (op.kind, settings, [str(size) for size in op.shape], op.dtype, [digests[i] for i in op.inputs])
        digests[op.index] = blake2b(repr(words).encode(), digest_size=16).hexdigest()
    returned = sorted(digests[op.index] for op in ops if op.returned)
    return blake2b(repr(returned).encode(), digest_size=16).hexdigest()


def _lines(model: Model) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the lines of each file at which something of the model is defined, built or called."""
    found: dict[str, set[int]] = {model.path: {model.line}}
    places: set[Site] = {op.site for op in model.ops} | {module.built for module in model.modules}
    places |= {place for module in model.modules for place in (*module.sites.values(), *module.calls)}
    for place in {each for site in places for each in (site, *site.calls)}:
        found.setdefault(place.path, set()).update(range(place.line, place.end_line + 1))
    for module in model.modules:
        if module.class_line:
            found.setdefault(module.class_path, set()).add(module.class_line)
    yield from ((path, tuple(sorted(lines))) for path, lines in sorted(found.items()))
