"""Which module's ``forward`` a piece of the graph belongs to."""

from __future__ import annotations

from resnet_check.graph.records import Model, ModuleRecord, Op, Site

CONTAINERS = ("torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict")


def in_sequence(model: Model, layer: ModuleRecord) -> bool:
    """Return whether a layer's place in the order is where it was built: it is an element of a ``Sequential``."""
    parent = None if layer.parent is None else model.modules[layer.parent]
    return parent is not None and "torch.nn.Sequential" in (parent.type, *parent.bases)


def layer_of(model: Model, op: Op) -> ModuleRecord | None:
    """Return the layer that made an Op: one of torch's, or of a class that derives from one."""
    record = model.layer(op)
    if record is None:
        return None
    ancestry = (record.type, *record.bases)
    return record if any(t.startswith("torch.") and t != "torch.nn.Module" for t in ancestry) else None


def owner(model: Model, op: Op) -> ModuleRecord | None:
    """Return the module in whose ``forward`` an Op was called: for a layer, the nearest module that is no container."""
    layer = layer_of(model, op)
    if layer is None or layer.type in CONTAINERS:
        return next((module for module in model.modules if module.path == op.path), None)
    return enclosing(model, layer)


def enclosing(model: Model, module: ModuleRecord) -> ModuleRecord | None:
    """Return the nearest module around another that is no container."""
    parent = None if module.parent is None else model.modules[module.parent]
    while parent is not None and parent.type in CONTAINERS and parent.parent is not None:
        parent = model.modules[parent.parent]
    return parent


def is_inside(path: str, outer: str) -> bool:
    """Return whether a module's path is another's or below it."""
    return not outer or path == outer or path.startswith(f"{outer}.")


def same_frame(first: Site, second: Site) -> bool:
    """Return whether two places were reached in one run of one function."""
    return first.path == second.path and first.caller == second.caller


def written(model: Model, op: Op) -> Site:
    """Return the place that puts an Op where it is: the line that builds a layer of a ``Sequential``, else the call."""
    layer = layer_of(model, op)
    return layer.built if layer is not None and in_sequence(model, layer) else op.site


def culprit(faulty: Site, innocent: list[Site]) -> Site:
    """Return the innermost place on the way to a faulty thing that no innocent one shares, or the innermost of all.

    A helper that builds many layers is not at fault for the one that should be different: the call of it is.
    """
    shared = {key(site) for one in innocent for site in (one, *one.calls)}
    return next((site for site in (faulty, *faulty.calls) if key(site) not in shared), faulty)


def key(site: Site) -> tuple[str, int, int]:
    """Return what tells places apart, however they were reached."""
    return site.path, site.line, site.column
