"""Torch's layers: classes of the interpreter made from the operator table."""

from __future__ import annotations

from functools import cache
from typing import Any

from resnet_check.graph.operators.base import LAZY, Built, Layer, NotModelled, Refused
from resnet_check.read.static import tensors
from resnet_check.read.static.assigning import initialise_module
from resnet_check.read.static.attributes import in_training
from resnet_check.read.static.containers import CONTAINERS
from resnet_check.read.static.frames import MISSING
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.modules import MODULE
from resnet_check.read.static.values import Class, Instance, Native, Opaque, Tensor, first_opaque


@cache
def layer_class(name: str) -> Class | None:
    """Return the class of a layer by torch's name for it."""
    if name == "torch.nn.Module":
        return MODULE
    if name in CONTAINERS:
        return CONTAINERS[name]
    # Layers are classes: a name in small letters is that of a function, and need not be looked for here.
    layer = tensors.LAYERS.get(name) if name.rpartition(".")[2][:1].isupper() else None
    if layer is None:
        return None
    if layer.name != name:
        return layer_class(layer.name)
    bases = base_classes(layer.bases)
    cls = Class(name.rpartition(".")[2], bases, {}, qualified=name)
    cls.namespace["__init__"] = Native(
        f"{cls.name}.__init__", lambda i, s, o, *a, **k: build(i, s, layer, o, a, k), lenient=True
    )
    cls.namespace["forward"] = Native(
        f"{cls.name}.forward", lambda i, s, o, *a, **k: forward(i, s, layer, o, a, k), lenient=True
    )
    if cls.name in CONVOLUTIONS:
        cls.namespace["_conv_forward"] = Native(f"{cls.name}._conv_forward", conv_forward)
    return cls


CONVOLUTIONS = ("Conv1d", "Conv2d", "Conv3d")


def conv_forward(
    interpreter: Interpreter, site: Any, instance: Instance, tensor: Any, weight: Any, bias: Any = None
) -> Any:
    """Apply a convolution with its own settings and another weight, as its subclasses do."""
    own = instance.attributes
    if own["padding_mode"] != "zeros":
        return Opaque("a convolution with another weight and a padding that is not of zeros", site, "tensor")
    dims = next(cls.name[4] for cls in instance.cls.mro if cls.name in CONVOLUTIONS)
    arguments = (tensor, weight, bias, own["stride"], own["padding"], own["dilation"], own["groups"])
    return tensors.run(interpreter, tensors.FUNCTIONS[f"torch.nn.functional.conv{dims}d"], arguments, {}, site)


@cache
def base_classes(names: tuple[str, ...]) -> tuple[Class, ...]:
    """Return the chain of torch's base classes as a single base."""
    if not names:
        return (MODULE,)
    known = None if is_private(names[0]) else layer_class(names[0])
    if known is not None:
        return (known,)
    return (abstract_class(names[0], names[1:]),)


def is_private(name: str) -> bool:
    """Return whether a name of torch's is that of a class which is only a base of others."""
    return name.rpartition(".")[2].startswith("_")


ABSTRACT: dict[str, Class] = {}


def abstract_class(name: str, above: tuple[str, ...] | None = None) -> Class:
    """Return one of torch's private base classes, such as ``_BatchNorm``, for ``isinstance`` and for subclasses.

    ``above`` are the names of its own bases, where a layer that derives from it has just said so.
    """
    if name not in ABSTRACT:
        if above is None:
            layer = next((entry for entry in tensors.LAYERS.values() if name in entry.bases), None)
            above = layer.bases[layer.bases.index(name) + 1 :] if layer is not None else ()
        ABSTRACT[name] = make_abstract(name, above)
    return ABSTRACT[name]


def make_abstract(name: str, above: tuple[str, ...]) -> Class:
    cls = Class(name.rpartition(".")[2], base_classes(above), {}, qualified=name)
    alike = tensors.LAYERS.get(BUILT_LIKE.get(cls.name, ""))

    def start(i: Interpreter, s: Any, instance: Instance, *args: Any, **kwargs: Any) -> Any:
        if alike is not None:
            return build(i, s, alike, instance, args, kwargs)
        initialise_module(instance)
        return unknown_layer(i, instance, Opaque(f"the constructor of `{cls.name}`", s))

    cls.namespace["__init__"] = Native(f"{cls.name}.__init__", start, lenient=True)
    if alike is not None:
        run = Native(f"{cls.name}.forward", lambda i, s, o, *a, **k: forward(i, s, alike, o, a, k), lenient=True)
        cls.namespace["forward"] = run
    return cls


BUILT_LIKE = dict.fromkeys(("_BatchNorm", "_NormBase"), "torch.nn.SyncBatchNorm")
"""Base classes with the constructor of a layer that takes inputs of any rank, as the base itself does."""


def build(
    interpreter: Interpreter, site: Any, layer: Layer, instance: Instance, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``__init__`` of a layer."""
    initialise_module(instance)
    args, kwargs, opaque = tensors.without_free(layer, args, kwargs)
    if opaque is not None:
        return unknown_layer(interpreter, instance, opaque)
    wrong = tensors.unfit(layer, args, kwargs)
    if wrong is not None:
        lost = tensors.wrong_call(interpreter, layer, wrong, args, site)
        return unknown_layer(interpreter, instance, lost)
    checks = interpreter.checks
    checks.site = site
    before = len(checks.failures)
    try:
        built = layer.build(checks, *args, **kwargs)
    except NotModelled as reason:
        return unknown_layer(interpreter, instance, Opaque(f"`{layer.name}`: {reason}", site))
    except Refused as reason:
        lost = interpreter.error(
            "ValueError", "invalid-layer", site, reason=str(reason), operator=tensors.short(layer.name), message="layer"
        )
        return unknown_layer(interpreter, instance, lost)
    except (TypeError, AttributeError, ValueError, ArithmeticError, IndexError):
        lost = odd_argument(interpreter, layer, (*args, *kwargs.values()), site)
        return unknown_layer(interpreter, instance, lost)
    for failure in checks.failures[before:]:
        facts = {"operator": tensors.short(layer.name), **failure.facts}
        if interpreter.catches("ValueError"):
            return interpreter.error("ValueError", failure.kind, site, **{**facts, "message": failure.kind})
        interpreter.problem(failure.kind, site, **facts)
    install(interpreter, site, instance, built)
    return None


def odd_argument(interpreter: Interpreter, layer: Layer, values: tuple[Any, ...], site: Any) -> Opaque:
    """Say which argument a layer does not take, or that it is not covered."""
    from resnet_check.read.static.operations import kind_of

    odd = next((v for v in values if isinstance(v, (Tensor, Instance, Class)) or kind_of(v) == "a function"), MISSING)
    if odd is MISSING and values and (values[0] is None or isinstance(values[0], (list, dict, str))):
        odd = values[0]
    if odd is MISSING:
        return Opaque(f"`{tensors.short(layer.name)}` with these arguments", site)
    kind = "module-not-built" if isinstance(odd, Tensor) else "bad-call"
    reason = f"`{tensors.short(layer.name)}` does not take {kind_of(odd)} as an argument"
    return interpreter.error(
        "TypeError",
        kind,
        site,
        reason=reason,
        operator=tensors.short(layer.name),
        value=odd,
        none=odd is None,
        message="argument",
    )


def unknown_layer(interpreter: Interpreter, instance: Instance, opaque: Opaque) -> Opaque:
    """A layer whose arguments are not known has unknown parameters."""
    del interpreter
    instance.attributes["_unknown"] = opaque.of_kind("any")
    return opaque


def install(interpreter: Interpreter, site: Any, instance: Instance, built: Built) -> None:
    """Give a layer its attributes, parameters, buffers and children."""
    instance.attributes.update(built.attributes)
    for registry, shapes, parameter in (("_parameters", built.parameters, True), ("_buffers", built.buffers, False)):
        for name, shape in shapes.items():
            tensor = None if shape is None else Tensor(shape, parameter=parameter)
            if tensor is not None:
                tensor.name = name
            instance.attributes[registry][name] = tensor
    for name, (qualified, args, kwargs) in getattr(built, "children", {}).items():
        child = layer_class(qualified)
        if child is not None:
            made = Instance(child, site)
            build(interpreter, site, tensors.LAYERS[qualified], made, tuple(args), dict(kwargs))
            instance.attributes["_modules"][name] = made


class View:
    """A layer as the operator table sees it: parameters, buffers and attributes by name."""

    __slots__ = ("instance", "interpreter")

    def __init__(self, interpreter: Interpreter, instance: Instance) -> None:
        self.interpreter = interpreter
        self.instance = instance

    def __getattr__(self, name: str) -> Any:
        attributes = self.instance.attributes
        if name == "training":
            return attributes["training"] and in_training(self.interpreter, self.instance)
        if name in attributes:
            return attributes[name]
        for registry in ("_parameters", "_buffers", "_modules"):
            if name in attributes[registry]:
                value = attributes[registry][name]
                return View(self.interpreter, value) if isinstance(value, Instance) else value
        raise AttributeError(name)


def forward(
    interpreter: Interpreter, site: Any, layer: Layer, instance: Instance, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """``forward`` of a layer."""
    unknown = instance.attributes.get("_unknown") or first_unknown(instance)
    if unknown is not None:
        return Opaque(unknown.reason, unknown.site, "tensor")
    opaque = first_opaque((*args, *kwargs.values()))
    if opaque is not None:
        return Opaque(opaque.reason, opaque.site, "tensor")
    view = View(interpreter, instance)

    def rule(checks: Any, *values: Any, **named: Any) -> Any:
        if layer.materialise is not None and values:
            materialise(interpreter, site, layer, instance, values[0])
        return layer.forward(checks, view, *values, **named)

    return tensors.perform(interpreter, layer.name, rule, args, kwargs, site)


def first_unknown(instance: Instance) -> Opaque | None:
    """Return an unknown parameter or attribute that the forward pass would use."""
    for registry in ("_parameters", "_buffers"):
        for value in instance.attributes[registry].values():
            if isinstance(value, Opaque):
                return value
    for name in USED:
        if isinstance(instance.attributes.get(name), Opaque):
            return instance.attributes[name]  # type: ignore[no-any-return]
    return None


USED = ("stride", "padding", "dilation", "groups", "kernel_size", "output_size", "weight", "bias")


def materialise(interpreter: Interpreter, site: Any, layer: Layer, instance: Instance, value: Any) -> None:
    """Give a lazy layer its parameters at the first call, and make it the layer that it stands for."""
    waiting = [t for r in ("_parameters", "_buffers") for t in instance.attributes[r].values() if isinstance(t, Tensor)]
    if layer.materialise is None or not isinstance(value, Tensor) or all(t.shape != LAZY for t in waiting):
        return
    built = layer.materialise(interpreter.checks, View(interpreter, instance), value)
    install(interpreter, site, instance, built)
    become = layer_class(layer.become or "")
    if become is not None and instance.cls.node is None:
        instance.cls = become
