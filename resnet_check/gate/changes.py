"""In what a model is not what it was: figures, parts, operators, and whether old checkpoints still load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from resnet_check.gate.snapshot import Snapshot

ADDED, REMOVED, RENAMED, CHANGED = "added", "removed", "renamed", "changed"

MOST_NAMES = 3
"""So many names of tensors are listed where more have changed."""


class Change(NamedTuple):
    """One thing that changed: which, what it was and is (None: there is none), and both in words."""

    what: str
    old: Any
    new: Any
    words: str


class State(NamedTuple):
    """How an old checkpoint and the model do not fit: the names that it misses, has too many, or has in another shape."""

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    reshaped: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()

    @property
    def loads(self) -> bool:
        """Whether a checkpoint of the old model loads into the new one."""
        return not any(self)

    @property
    def words(self) -> str:
        """What torch would say of loading an old checkpoint, nothing if it loads."""
        shapes = [f"{name} {list(old)} → {list(new)}" for name, old, new in self.reshaped]
        groups = (("missing", self.missing), ("unexpected", self.unexpected), ("of another shape", shapes))
        found = [f"{len(names):,} {kind} ({_some(names)})" for kind, names in groups if names]
        return f"old checkpoints do not load: {', '.join(found)}" if found else ""


class ModelChange(NamedTuple):
    """What became of one model.

    ``old`` and ``new`` are its names, with the file's path before a ``::``; None: not there. ``state`` is None where one of
    the two state dicts is not known.
    """

    kind: str
    old: str | None
    new: str | None
    line: int
    changes: tuple[Change, ...] = ()
    state: State | None = None

    @property
    def name(self) -> str:
        """The name by which a person knows the model now, or knew it."""
        return self.new or self.old or ""

    @property
    def words(self) -> tuple[str, ...]:
        """What changed, each in words."""
        return tuple(change.words for change in self.changes)


def changes(old: Snapshot, new: Snapshot) -> tuple[Change, ...]:
    """Return what changed from one Snapshot of a model to the next, nothing where it is the same model.

    Of a model that was not understood completely only what was known can have changed.
    """
    if (old.status, new.status) == ("partial", "complete"):
        unknown = {key: value for key, value in old._asdict().items() if value in (None, ())}
        new = new._replace(**{**unknown, "status": "partial", "input": old.input})  # its size may have been a guess
    if old.status != new.status:
        return (_status(old, new),)
    found = [*_parts(old, new), *_figures(old, new)]
    fit = _state(old, new)
    weights = []
    if fit is not None and not fit.loads:
        weights = [Change("state", None, None, fit.words)]
    elif (old.state is None) != (new.state is None):
        again = "not known any more" if new.state is None else "known now"
        weights = [Change("state", None, None, f"the names and shapes of its state dict are {again}")]
    return (*found, *weights, *([] if found or weights else _computed(old, new)))


def _computed(old: Snapshot, new: Snapshot) -> list[Change]:
    """Return in what a model with the same weights computes something else."""
    if old.digest == new.digest:
        found = list(_counts("training", old.training, new.training))
        so = "only training is another"
    else:
        other = Change("digest", old.digest, new.digest, "its operators are wired or set otherwise")
        found = list(_counts("operators", old.operators, new.operators)) or [other]
        so = "old checkpoints load, and give other outputs"
    return [*found[:-1], *(last._replace(words=f"{last.words}: {so}") for last in found[-1:])]


def _status(old: Snapshot, new: Snapshot) -> Change:
    words = {
        "failed": "it does not run any more",
        "partial": f"it is not understood completely any more ({new.unknown})",
    }
    return Change("status", old.status, new.status, "it runs now" if old.status == "failed" else words[new.status])


def _parts(old: Snapshot, new: Snapshot) -> Iterator[Change]:
    """Yield which published network is nearest now, and the changed stem, stages and head."""
    if old.variant != new.variant:
        words = f"the nearest published network is {new.variant or 'none'}, was {old.variant or 'none'}"
        yield Change("variant", old.variant, new.variant, words)
    if old.depth != new.depth and old.depth is not None and new.depth is not None:
        yield Change("depth", old.depth, new.depth, f"{new.depth} layers instead of {old.depth}")
    was, now = dict(old.parts), dict(new.parts)
    for part in dict.fromkeys((*was, *now)):
        before, after = was.get(part), now.get(part)
        if before != after:
            yield Change(part, before, after, f"{part}: {_instead(before, after)}")


def _instead(before: str | None, after: str | None) -> str:
    """Return what a part is made of instead of what it was made of, without what both have."""
    if before is None or after is None:
        return f"there is none any more, was {before}" if after is None else f"new, {after}"
    was, now = before.split(", "), after.split(", ")
    kept = [", ".join(word for word in mine if word not in others) for mine, others in ((now, was), (was, now))]
    return f"{kept[0]} instead of {kept[1]}" if all(kept) else f"{after} instead of {before}"


def _figures(old: Snapshot, new: Snapshot) -> Iterator[Change]:
    for key, name, show in FIGURES:
        before, after = getattr(old, key), getattr(new, key)
        if before != after:
            more = f" ({after - before:+,})" if type(before) is int and type(after) is int else ""
            yield Change(key, before, after, f"{name}: {show(after)} instead of {show(before)}{more}")


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _shape(value: Any) -> str:
    """Return sizes for a person, the free ones of the batch as N; nested ones as they nest."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shape(part)}" for name, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_shape, value)) + "]"
    return "N" if value is None else str(value)


def _sizes(value: Iterable[tuple[int, int]] | None) -> str:
    if value is None:
        return "unknown"
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in value) or "none"


FIGURES = (
    ("input", "input", _shape),
    ("output", "output", _shape),
    ("params", "parameters", _number),
    ("macs", "MACs", _number),
    ("accepted_sizes", "accepted sizes", _sizes),
)
"""The figures of a Snapshot: their field, what they are called, and how they are shown."""


def _counts(what: str, old: Iterable[tuple[str, int]], new: Iterable[tuple[str, int]]) -> Iterator[Change]:
    was, now = dict(old), dict(new)
    for kind in sorted({*was, *now}):
        before, after = was.get(kind, 0), now.get(kind, 0)
        if before != after:
            yield Change(what, {kind: before}, {kind: after}, f"{after or 'no'} `{kind}` instead of {before or 'none'}")


def _state(old: Snapshot, new: Snapshot) -> State | None:
    if old.state is None or new.state is None:
        return None
    was, now = dict(old.state), dict(new.state)
    return State(
        missing=tuple(name for name in now if name not in was),
        unexpected=tuple(name for name in was if name not in now),
        reshaped=tuple((name, was[name], now[name]) for name in now if name in was and was[name] != now[name]),
    )


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - MOST_NAMES
    return ", ".join(listed[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


# All models of two sides.

Side = Mapping[str, Snapshot]
"""Models by their names, with the file's path before a ``::`` where several files are compared."""


def model_changes(old: Side, new: Side, moved: Mapping[str, str] = MappingProxyType({})) -> tuple[ModelChange, ...]:
    """Return what became of each model that is not the same any more; ``moved`` has the old names of some that have others.

    A model under a new name is the same as one that is gone if nothing else tells them apart.
    """
    gone = {name: old[name] for name in old if name not in new}
    found: list[ModelChange] = []
    for name, snapshot in new.items():
        before = name if name in old else moved.get(name, "")
        if before not in old:
            before = next((each for each, was in gone.items() if was.digest and not changes(was, snapshot)), "")
        found.append(_became(before, old.get(before), name, snapshot))
        gone.pop(before, None)
    found += [ModelChange(REMOVED, name, None, snapshot.line) for name, snapshot in gone.items()]
    return tuple(each for each in found if each.kind != CHANGED or each.changes)


def _became(before: str, old: Snapshot | None, name: str, new: Snapshot) -> ModelChange:
    if old is None:
        return ModelChange(ADDED, None, name, new.line)
    found = changes(old, new)
    kind = CHANGED if found or before == name else RENAMED
    return ModelChange(kind, before, name, new.line, found, _state(old, new))
