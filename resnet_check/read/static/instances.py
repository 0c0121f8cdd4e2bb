"""Which values are of which class: ``isinstance`` for values, tensors, modules and the classes of ``collections.abc``."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import value as value_of
from resnet_check.read.static.values import (
    BoundMethod,
    Class,
    Function,
    Instance,
    Native,
    Opaque,
    Partial,
    Size,
    Tensor,
)


def is_instance(value: Any, cls: Any) -> Any:
    """Return the truth of ``isinstance(value, cls)``, or an `Opaque`."""
    if isinstance(cls, tuple):
        unsure: Any = False
        for one in cls:
            known = is_instance(value, one)
            if known is True:
                return True
            unsure = known if isinstance(known, Opaque) else unsure
        return unsure
    if isinstance(cls, Opaque):
        return False if value is None else cls.of_kind("number")
    if isinstance(value, Opaque):
        return value.of_kind("number")
    if not isinstance(cls, Class):
        return Opaque("isinstance with something that is no class", None, "number")
    if isinstance(value, Instance):
        if value.cls.is_subclass(cls) or has_methods(value.cls, cls):
            return True
        return value.cls.opaque.of_kind("number") if value.cls.opaque else False
    if isinstance(value, Tensor):
        return cls.qualified in TENSOR_TYPES or (cls.qualified == PARAMETER and value.parameter)
    if cls.host is type:
        return isinstance(value, Class)
    if cls.host is not None:
        return isinstance(value_of(value), cls.host)
    if cls.qualified in CALLABLE_TYPES:
        return isinstance(value, CALLABLE_TYPES[cls.qualified])
    if cls.qualified == ENUM_META:
        return isinstance(value, Class) and any(base.qualified == "enum.Enum" for base in value.mro)
    return False


def has_methods(cls: Class, abstract: Class) -> bool:
    """Return whether a class has the methods by which ``collections.abc`` knows its kind."""
    needed = METHODS_OF_KIND.get(abstract.name, ()) if abstract.host is not None else ()
    return bool(needed) and all(cls.find(name) is not None for name in needed)


METHODS_OF_KIND = {
    "Iterable": ("__iter__",),
    "Sized": ("__len__",),
    "Container": ("__contains__",),
    "Collection": ("__len__", "__iter__", "__contains__"),
    "Iterator": ("__iter__", "__next__"),
}
PARAMETER = "torch.nn.Parameter"
TENSOR_TYPES = {"torch.Tensor", "torch.FloatTensor", "torch.autograd.Variable"}
ENUM_META = "enum.EnumMeta"
CALLABLE_TYPES: dict[str, Any] = {
    "functools.partial": Partial,
    "types.FunctionType": Function,
    "collections.abc.Callable": (Function, Native, BoundMethod, Partial, Class),
    "torch.Size": Size,
}
