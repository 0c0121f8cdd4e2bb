"""The values of the interpreter.

Numbers, strings, lists, tuples, dicts, sets, ``None``, ranges and slices of the interpreted program are Python's own.
Everything else is one of the classes here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from resnet_check.graph.records import Shape, Site

if TYPE_CHECKING:
    from resnet_check.read.static.frames import Frame
    from resnet_check.read.static.imports import FileNamespace


OUTSIDE = "outside"
"""The kind of what Python's own modules give: it can hold no module either."""


class Opaque:
    """A value that is not known, and why.

    ``kind`` is what is certain all the same: ``number`` or ``text`` can hold no module, ``tensor`` is one of unknown shape,
    ``any`` can be anything.
    """

    __slots__ = ("kind", "reason", "site")

    def __init__(self, reason: str, site: Site | None = None, kind: str = "any") -> None:
        self.reason = reason
        self.site = site
        self.kind = kind

    def of_kind(self, kind: str) -> Opaque:
        """Return the same lack of knowledge about a value of another kind."""
        return Opaque(self.reason, self.site, kind)

    def __repr__(self) -> str:
        return f"<unknown: {self.reason}>"


class Tensor:
    """A tensor that is only a Shape.

    ``trace`` and ``op`` say which pass computed it last: an in-place operator changes them on the same object, so every name for
    the tensor sees the new value. ``data`` holds the values of a small constant, flat. ``fill`` is the one number that all
    elements of a parameter start with, and where that was set. ``older`` is the in-place activation that changed the
    tensor and whose result has another name, ``renewed`` the one that gave this name; ``same`` are all the names.
    ``uniform`` is the one number that a tensor was made of, as ``torch.zeros`` makes it, while nobody has written to it.
    """

    __slots__ = (
        "attributes",
        "base",
        "data",
        "dtype",
        "fill",
        "name",
        "older",
        "op",
        "parameter",
        "renewed",
        "requires_grad",
        "same",
        "shape",
        "trace",
        "uniform",
    )

    def __init__(
        self,
        shape: Shape,
        dtype: str = "float32",
        *,
        parameter: bool = False,
        data: tuple[Any, ...] | None = None,
        requires_grad: bool = False,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.parameter = parameter
        self.requires_grad = requires_grad or parameter
        self.data = data
        self.trace: Any = None
        self.op = -1
        self.base: Tensor | None = None
        self.name = ""
        self.attributes: dict[str, Any] | None = None
        self.fill: tuple[float, Site] | None = None
        self.older: int | None = None
        self.renewed: int | None = None
        self.same: list[Tensor] | None = None
        self.uniform: Any = None

    def __repr__(self) -> str:
        return f"<tensor {self.shape}>"


class Array(Tensor):
    """An array of numpy: a tensor whose elements, taken one by one, are plain numbers."""

    __slots__ = ()


class Size(tuple[Any, ...]):
    """``torch.Size``: a tuple with ``numel``."""

    __slots__ = ()


class Weights(dict[str, Any]):
    """A state dict: what is put into it is only loaded, and changes nothing that is read here."""


class Function:
    """A function or lambda of the interpreted program, with the scope that it closes over."""

    __slots__ = (
        "attributes",
        "defaults",
        "frame",
        "generator",
        "keyword_defaults",
        "mode",
        "name",
        "node",
        "owner",
        "plan",
        "seen",
        "shares",
    )

    def __init__(
        self,
        name: str,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        frame: Frame,
        defaults: tuple[Any, ...],
        keyword_defaults: dict[str, Any],
        *,
        generator: bool,
        owner: Class | None,
    ) -> None:
        self.name = name
        self.node = node
        self.frame = frame
        self.defaults = defaults
        self.keyword_defaults = keyword_defaults
        self.generator = generator
        self.owner = owner
        self.attributes: dict[str, Any] = {}
        self.plan: Any = None
        self.seen: dict[str, tuple[Frame, Any]] | None = None
        """What the variables of the loop held in which the function was made (see `closures`)."""
        self.mode: Any = None
        """The context manager of torch that decorates it (``@torch.no_grad()``)."""
        self.shares: list[Any] = []
        """The defaults that all calls share and that may change, such as lists."""

    def __repr__(self) -> str:
        return f"<function {self.name}>"


Call = Callable[..., Any]


class Native:
    """A callable that the reader implements: ``call(interpreter, site, *args, **kwargs)``."""

    __slots__ = ("call", "lenient", "name")

    def __init__(self, name: str, call: Call, *, lenient: bool = False) -> None:
        self.name = name
        self.call = call
        self.lenient = lenient
        """Whether it takes unknown arguments; others give an unknown result for them."""

    def __repr__(self) -> str:
        return f"<native {self.name}>"


class BoundMethod:
    """A function found on the class of an instance, waiting for the other arguments."""

    __slots__ = ("function", "instance")

    def __init__(self, function: Any, instance: Any) -> None:
        self.function = function
        self.instance = instance


class Partial:
    """``functools.partial``."""

    __slots__ = ("args", "function", "kwargs")

    def __init__(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs


class Property:
    """``property``, ``cached_property`` and the like."""

    __slots__ = ("getter", "setter")

    def __init__(self, getter: Any, setter: Any = None) -> None:
        self.getter = getter
        self.setter = setter


class StaticMethod:
    """``staticmethod``."""

    __slots__ = ("function",)

    def __init__(self, function: Any) -> None:
        self.function = function


class ClassMethod:
    """``classmethod``."""

    __slots__ = ("function",)

    def __init__(self, function: Any) -> None:
        self.function = function


class Class:
    """A class of the interpreted program, or one of torch's or Python's that the reader implements."""

    def __init__(
        self,
        name: str,
        bases: tuple[Class, ...],
        namespace: dict[str, Any],
        *,
        node: ast.ClassDef | None = None,
        path: str = "",
        qualified: str = "",
        opaque: Opaque | None = None,
        host: type | None = None,
    ) -> None:
        self.name = name
        self.host = host
        """Python's own type, for ``int``, ``list`` and the like."""
        self.bases = bases
        self.namespace = namespace
        self.node = node
        self.path = path
        self.qualified = qualified or name
        self.opaque: Opaque | None = opaque or next((base.opaque for base in bases if base.opaque), None)
        self.mro = linearise(self)
        self.is_module = any(c.qualified == "torch.nn.Module" for c in self.mro)
        self.layer = next((c.qualified for c in self.mro if c.node is None and c.is_module), "")
        """The qualified name of the nearest layer of torch, or an empty string."""
        self.fields: list[str] = []
        """Annotated names of the class body in order, for dataclasses and named tuples."""
        self.metaclass: Any = next((base.metaclass for base in bases if base.metaclass is not None), None)
        """A metaclass that may run code around the constructor, or None."""
        self.members: dict[str, Any] | None = None
        """The members of an Enum."""

    def find(self, name: str, after: Class | None = None) -> tuple[Any, Class] | None:
        """Return the attribute and the class that defines it, by the method resolution order."""
        chain = self.mro
        if after is not None:
            chain = chain[chain.index(after) + 1 :] if after in chain else ()
        for cls in chain:
            if name in cls.namespace:
                return cls.namespace[name], cls
        return None

    def is_subclass(self, other: Class) -> bool:
        """Return whether the other class is among the ancestors (or the same)."""
        return other in self.mro

    def __repr__(self) -> str:
        return f"<class {self.name}>"


MAX_ANCESTORS = 200
"""Ordering the ancestors takes time that grows with the square of their number."""


def linearise(cls: Class) -> tuple[Class, ...]:
    """Return the C3 method resolution order; where none exists, depth first without repetition."""
    sequences = [list(base.mro) for base in cls.bases] + [list(cls.bases)]
    if sum(map(len, sequences)) > MAX_ANCESTORS:
        reason = f"a class with more than {MAX_ANCESTORS} ancestors"
        raise BudgetExceeded(reason)
    order: list[Class] = [cls]
    while any(sequences):
        for sequence in sequences:
            if sequence and not any(sequence[0] in other[1:] for other in sequences):
                head = sequence[0]
                break
        else:
            head = next(s[0] for s in sequences if s)
        order.append(head)
        sequences = [[c for c in s if c is not head] for s in sequences]
    return tuple(order)


class Instance:
    """An object of the interpreted program; modules keep ``_parameters``, ``_buffers`` and ``_modules`` as torch does."""

    __slots__ = ("attributes", "built", "cls", "index", "inputs", "path", "payload", "running", "sites")

    def __init__(self, cls: Class, built: Site | None = None) -> None:
        self.cls = cls
        self.attributes: dict[str, Any] = {}
        self.built = built
        self.path = ""
        self.index = -1
        self.inputs: list[Any] = []
        self.payload: Any = None
        """The list, dict or string inside an object whose class derives from one."""
        self.sites: dict[str, Site] = {}
        """Where each attribute of a module was assigned."""
        self.running = False
        """Whether it was built while a forward pass ran."""

    @property
    def is_module(self) -> bool:
        """Whether the class derives from ``torch.nn.Module``."""
        return self.cls.is_module

    def __repr__(self) -> str:
        return f"<{self.cls.name} object>"


class Super:
    """``super()``: attribute look-up behind a class in the order of an instance's class."""

    __slots__ = ("after", "instance")

    def __init__(self, after: Class, instance: Any) -> None:
        self.after = after
        self.instance = instance


class External:
    """A module or package outside of the project that the reader knows by name (``torch.nn``, ``math``)."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class ProjectModule:
    """A module of the project that was imported; its names are evaluated when they are used."""

    __slots__ = ("namespace",)

    def __init__(self, namespace: FileNamespace) -> None:
        self.namespace = namespace


class Raised(Exception):
    """An exception of the interpreted program on its way to a handler."""

    def __init__(self, value: Any, site: Site, *, explicit: bool) -> None:
        super().__init__()
        self.value = value
        self.site = site
        self.explicit = explicit


class BudgetExceeded(Exception):
    """The step, time or memory budget of a file was reached."""


class Undetermined(Exception):
    """Execution cannot go on here because a decision rests on something unknown."""

    def __init__(self, opaque: Opaque) -> None:
        super().__init__(opaque.reason)
        self.opaque = opaque


def is_opaque(value: Any) -> bool:
    """Return whether the value, or anything directly inside a tuple, list or slice, is unknown."""
    if isinstance(value, Opaque):
        return True
    if isinstance(value, (tuple, list)):
        return any(isinstance(item, Opaque) for item in value)
    if isinstance(value, slice):
        return any(isinstance(part, Opaque) for part in (value.start, value.stop, value.step))
    return False


def first_opaque(values: Any) -> Opaque | None:
    """Return the first unknown among values, looking inside tuples, lists, dicts and slices one level deep each."""
    for value in values:
        if isinstance(value, Opaque):
            return value
        if isinstance(value, (tuple, list)):
            inner = first_opaque(value)
        elif isinstance(value, dict):
            inner = first_opaque(value.values())
        elif isinstance(value, slice):
            inner = first_opaque((value.start, value.stop, value.step))
        else:
            continue
        if inner is not None:
            return inner
    return None
