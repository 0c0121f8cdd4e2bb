"""Names of the standard library that model code uses."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from collections import deque
from typing import Any

from resnet_check.graph.dim import OPERATIONS, Dim, apply
from resnet_check.read.static import instances, operations, subscripts
from resnet_check.read.static.arguments import PARSER, leave
from resnet_check.read.static.classes import FieldDefault, functional_enum, make_dataclass, named_tuple
from resnet_check.read.static.copying import copy_value
from resnet_check.read.static.environment import ENVIRON, getenv
from resnet_check.read.static.frames import MISSING
from resnet_check.read.static.hosted import Nowhere, call_value, elements
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.operations import ContextManager
from resnet_check.read.static.python_types import OBJECT, TYPES, type_of
from resnet_check.read.static.signatures import SIGNATURES
from resnet_check.read.static.values import (
    BoundMethod,
    Class,
    ClassMethod,
    Function,
    Instance,
    Native,
    Opaque,
    Partial,
    Property,
    StaticMethod,
)
from resnet_check.read.static.weighing import charge

NAMESPACES = {
    "abc", "argparse", "ast", "collections", "collections.abc", "contextlib", "copy", "dataclasses", "enum", "functools",
    "inspect", "io", "itertools", "json", "logging", "math", "numbers", "operator", "os", "os.path", "pathlib", "random",
    "re", "string", "sys", "time", "types", "typing", "typing_extensions", "unittest", "warnings",
}  # fmt: skip


def of_numbers(name: str) -> Any:
    """Return a function of `math`, for numbers and sizes."""
    host = getattr(math, name)

    def run(interpreter: Interpreter, site: Any, *values: Any) -> Any:
        found = [operations.unwrap(v) for v in values]
        if any(isinstance(v, Dim) for v in found) and name in OPERATIONS and len(found) == 1:
            if name in {"ceil", "floor"} and isinstance(found[0].value, int):
                return found[0]
            return apply(name, found[0])
        if not all(isinstance(v, (int, float)) for v in found):
            return Opaque(f"`math.{name}` of something that is not read", site, "number")
        if name in {"factorial", "comb", "perm"} and max(map(abs, found)) > 1000:
            return Opaque(f"`math.{name}` of a large number", site, "number")
        try:
            return host(*found)
        except (ValueError, OverflowError, TypeError) as error:
            return interpreter.error("ValueError", "bad-call", site, reason=f"`math.{name}`: {error}")

    return run


def product(interpreter: Interpreter, site: Any, values: Any, *, start: Any = 1) -> Any:
    found = elements(interpreter, site, values)
    if isinstance(found, Opaque):
        return found
    for value in found:
        start = operations.binary(interpreter, "mul", start, value, None, Nowhere(site))
    return start


def reduce(interpreter: Interpreter, site: Any, function: Any, values: Any, initial: Any = MISSING) -> Any:
    found = elements(interpreter, site, values)
    if isinstance(found, Opaque):
        return found
    if initial is not MISSING:
        found.insert(0, initial)
    if not found:
        return Opaque("`reduce` of nothing", site)
    result = found[0]
    for value in found[1:]:
        result = call_value(interpreter, site, function, result, value)
    return result


def wraps(_: Interpreter, __: Any, wrapped: Any, *___: Any, **____: Any) -> Any:
    """``functools.wraps``: the wrapper keeps what it wraps at hand."""

    def apply_to(_i: Interpreter, _s: Any, wrapper: Any) -> Any:
        if isinstance(wrapper, Function):
            wrapper.attributes["__wrapped__"] = wrapped
            name = getattr(wrapped, "name", wrapper.name)
            wrapper.attributes["__name__"] = getattr(wrapped, "attributes", {}).get("__name__", name)
        return wrapper

    return Native("wraps", apply_to, lenient=True)


def unchanged(_: Interpreter, __: Any, value: Any = None, *args: Any, **kwargs: Any) -> Any:
    """A decorator that may be used with or without arguments, and changes nothing that is read here."""
    del args, kwargs
    if isinstance(value, (Function, Native, Class, BoundMethod, ClassMethod, Partial, Property)):
        return value
    return Native("decorator", lambda _i, _s, inner: inner, lenient=True)


def nothing(*_: Any, **__: Any) -> None:
    """Do nothing that is read here."""


def unknown(what: str, kind: str = "any") -> Any:
    return lambda _i, site, *_a, **_k: Opaque(what, site, kind)


MAX_NUMBER = 10_000
"""The largest number that a function of `itertools` is given: it may hold memory for so many."""


def iterators(function: Any) -> Any:
    """Return a function of `itertools` applied to known elements."""

    def run(interpreter: Interpreter, site: Any, *values: Any, **kwargs: Any) -> Any:
        found: list[Any] = []
        for value in values:
            if isinstance(value, int) or value is None:
                found.append(value)
                continue
            inner = elements(interpreter, site, value)
            if isinstance(inner, Opaque):
                return inner
            found.append(inner)
        numbers = [n for n in (*found, *kwargs.values()) if isinstance(n, int)]
        sizes = [len(f) for f in found if isinstance(f, (list, tuple))]
        if math.prod(s + 1 for s in sizes) > 1_000_000 or any(number > MAX_NUMBER for number in numbers):
            return Opaque("an iterator over very many elements", site)
        made: list[Any] = []
        for each in function(*found, **kwargs):
            interpreter.tick(len(each) if isinstance(each, tuple) else 1)
            made.append(charge(interpreter, each))
        return iter(made)

    return run


def from_json(_: Interpreter, site: Any, text: Any, **__: Any) -> Any:
    """Return what a text of JSON says."""
    if isinstance(text, str):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text)
    return Opaque("a text of JSON that is not read", site)


def chain_from(interpreter: Interpreter, site: Any, values: Any) -> Any:
    found = elements(interpreter, site, values)
    return found if isinstance(found, Opaque) else iterators(itertools.chain)(interpreter, site, *found)


def repeated(_: Interpreter, site: Any, value: Any, times: Any = None) -> Any:
    if not isinstance(times, int) or times > 100_000:
        return Opaque("an endless iterator", site)
    return iter([value] * times)


def make_named_tuple(_: Interpreter, __: Any, name: Any, fields: Any, *, defaults: Any = (), **___: Any) -> Any:
    names = fields.replace(",", " ").split() if isinstance(fields, str) else list(fields)
    names = [f[0] if isinstance(f, tuple) else f for f in names]
    return named_tuple(name, names, tuple(defaults or ()))


def queue(interpreter: Interpreter, site: Any, values: Any = (), maxlen: Any = None) -> Any:
    found = elements(interpreter, site, values)
    return found if isinstance(found, Opaque) else deque(found, maxlen if isinstance(maxlen, int) else None)


def default_dict(interpreter: Interpreter, site: Any, factory: Any = None, *values: Any) -> Any:
    made = Instance(DEFAULT_DICT, site)
    made.payload = {} if not values else dict(operations.unwrap(values[0]))
    made.attributes["default_factory"] = factory
    del interpreter
    return made


def default_item(interpreter: Interpreter, site: Any, owner: Instance, key: Any) -> Any:
    if key not in owner.payload:
        owner.payload[key] = call_value(interpreter, site, owner.attributes["default_factory"])
    return owner.payload[key]


DEFAULT_DICT = Class(
    "defaultdict", (TYPES["dict"],), {"__getitem__": Native("defaultdict[...]", default_item, lenient=True)}
)


def dataclass(_: Interpreter, __: Any, cls: Any = None, /, **___: Any) -> Any:
    if isinstance(cls, Class):
        return make_dataclass(cls)
    return Native("dataclass", lambda _i, _s, c: make_dataclass(c) if isinstance(c, Class) else c, lenient=True)


def field(_: Interpreter, __: Any, *, default: Any = MISSING, default_factory: Any = None, **___: Any) -> Any:
    return FieldDefault(default, default_factory)


def replaced(interpreter: Interpreter, _: Any, value: Any, **kwargs: Any) -> Any:
    made = copy_value(interpreter, value, deep=False)
    if isinstance(made, Instance):
        made.attributes.update(kwargs)
    return made


def item_getter(_: Interpreter, __: Any, *keys: Any) -> Any:
    def get(interpreter: Interpreter, site: Any, value: Any) -> Any:
        found = tuple(subscripts.get_item(interpreter, value, key, None, Nowhere(site)) for key in keys)
        return found[0] if len(keys) == 1 else found

    return Native("itemgetter", get, lenient=True)


def binary_function(name: str) -> Any:
    def run(interpreter: Interpreter, site: Any, left: Any, right: Any) -> Any:
        kind = operations.compare if name in operations.RELATIONS else operations.binary
        return kind(interpreter, name, left, right, None, Nowhere(site))

    return run


def signature_kind(name: str) -> Any:
    return Native(name, lambda _i, _s, *_a, **_k: ContextManager(), lenient=True)


def join_path(_: Interpreter, site: Any, *parts: Any) -> Any:
    if all(isinstance(p, str) for p in parts):
        return "/".join(parts)
    return Opaque("a path", site, "text")


def special_name(_: Interpreter, __: Any, *args: Any, **kwargs: Any) -> Any:
    """``TypeVar`` and its like: only good for annotations."""
    del args, kwargs
    return OBJECT


def namespace(site: Any, attributes: dict[str, Any]) -> Instance:
    """Return an object with attributes."""
    made = Instance(OBJECT, site)
    made.attributes.update(attributes)
    return made


def native(name: str, function: Any) -> Native:
    return Native(name, function, lenient=True)


def manager(interpreter: Interpreter, site: Any, function: Any) -> Any:
    """``contextlib.contextmanager``: what the function yields first."""
    del interpreter, site

    def make(i: Interpreter, s: Any, *args: Any, **kwargs: Any) -> Any:
        yielded = call_value(i, s, function, *args, **kwargs)
        entered = next(yielded, None) if hasattr(yielded, "__next__") else yielded
        return ContextManager(lambda _i, _s: entered)

    return Native("contextmanager", make, lenient=True)


PARTIAL = Class("partial", (OBJECT,), {}, qualified="functools.partial")
PARTIAL.namespace["__new__"] = StaticMethod(
    Native("partial", lambda _i, _s, _c, function, *args, **kwargs: Partial(function, args, kwargs), lenient=True)
)
LOGGING = (
    "info debug warning warn error exception critical fatal log setLevel addHandler removeHandler addFilter removeFilter"
).split()
LOGGER = namespace(None, {name: native(name, nothing) for name in LOGGING})
LOGGER.attributes.update(
    getChild=native("getChild", lambda *_: LOGGER),
    name="logger",
    **{
        name: Opaque(f"`{name}` of a logger")
        for name in "level handlers parent propagate isEnabledFor hasHandlers".split()
    },
)
ENUM = Class("Enum", (OBJECT,), {"__new__": StaticMethod(Native("Enum", functional_enum))}, qualified="enum.Enum")
NAMED_TUPLE = Class("NamedTuple", (TYPES["tuple"],), {}, qualified="typing.NamedTuple")
CALLABLE = Class("Callable", (OBJECT,), {}, qualified="collections.abc.Callable")
HOSTS: dict[str, Any] = {
    "Iterable": (list, tuple, dict, set, str, range),
    "Sequence": (list, tuple, str, range),
    "Mapping": dict,
    "MutableMapping": dict,
    "Collection": (list, tuple, dict, set, str, range),
    "Number": (int, float),
    "Integral": int,
    "Real": (int, float),
    "Hashable": (int, float, str, tuple),
    "Sized": (list, tuple, dict, set, str, range),
    "Set": (set, frozenset),
    "MutableSequence": list,
    "Iterator": (),
    "Generator": (),
}
ABSTRACT = {name: Class(name, (OBJECT,), {}, host=host) for name, host in HOSTS.items()}

TYPING = (
    "Any Optional Union List Dict Tuple Type Literal ClassVar Final Annotated NoReturn Protocol Generic TypedDict Set "
    "Self TypeAlias Concatenate ParamSpec Text AnyStr Never Required NotRequired Unpack LiteralString SupportsInt Deque FrozenSet"
).split()


MATH = (
    "ceil floor sqrt log log2 log10 exp pow fabs gcd lcm trunc isclose sin cos tan atan atan2 asin acos tanh isqrt factorial comb "
    "degrees radians isnan isinf isfinite fmod hypot erf copysign perm dist"
).split()

VALUES: dict[str, Any] = {
    **{f"math.{name}": native(f"math.{name}", of_numbers(name)) for name in MATH if hasattr(math, name)},
    "math.pi": math.pi,
    "math.e": math.e,
    "math.inf": math.inf,
    "math.nan": math.nan,
    "math.prod": native("math.prod", product),
    "functools.partial": PARTIAL,
    "functools.reduce": native("reduce", reduce),
    "functools.wraps": native("wraps", wraps),
    "functools.lru_cache": native("lru_cache", unchanged),
    "functools.cache": native("cache", unchanged),
    "functools.total_ordering": native("total_ordering", unchanged),
    "functools.cached_property": native("cached_property", lambda _i, _s, getter: Property(getter)),
    "collections.OrderedDict": TYPES["dict"],
    "collections.defaultdict": native("defaultdict", default_dict),
    "collections.namedtuple": native("namedtuple", make_named_tuple),
    "collections.deque": native("deque", queue),
    "collections.Counter": native("Counter", unknown("a Counter")),
    **{f"collections.abc.{name}": cls for name, cls in ABSTRACT.items()},
    **{f"collections.{name}": cls for name, cls in ABSTRACT.items()},
    **{f"numbers.{name}": cls for name, cls in ABSTRACT.items()},
    "collections.abc.Callable": CALLABLE,
    "copy.copy": native("copy", lambda i, _s, v: copy_value(i, v, deep=False)),
    "copy.deepcopy": native("deepcopy", lambda i, _s, v, *_: copy_value(i, v, deep=True)),
    "dataclasses.dataclass": native("dataclass", dataclass),
    "dataclasses.field": native("field", field),
    "dataclasses.replace": native("replace", replaced),
    "dataclasses.asdict": native("asdict", lambda _i, _s, v: dict(v.attributes)),
    "enum.Enum": ENUM,
    "enum.IntEnum": Class("IntEnum", (ENUM, TYPES["int"]), {}),
    "enum.StrEnum": Class("StrEnum", (ENUM, TYPES["str"]), {}),
    **dict.fromkeys(
        ("enum.EnumMeta", "enum.EnumType"), Class("EnumType", (TYPES["type"],), {}, qualified=instances.ENUM_META)
    ),
    "enum.unique": native("unique", unchanged),
    "enum.auto": native("auto", lambda i, _s: i.steps),
    "abc.ABC": Class("ABC", (OBJECT,), {}),
    "abc.ABCMeta": TYPES["type"],
    "abc.abstractmethod": native("abstractmethod", unchanged),
    "abc.abstractproperty": native("abstractproperty", lambda _i, _s, getter: Property(getter)),
    "contextlib.contextmanager": native("contextmanager", manager),
    "contextlib.nullcontext": signature_kind("nullcontext"),
    "contextlib.suppress": signature_kind("suppress"),
    "itertools.chain": native("itertools.chain", iterators(itertools.chain)),
    "json.loads": native("loads", from_json),
    "itertools.chain.from_iterable": native("from_iterable", chain_from),
    "itertools.product": native("product", iterators(itertools.product)),
    "itertools.zip_longest": native("zip_longest", iterators(itertools.zip_longest)),
    "itertools.islice": native("islice", iterators(itertools.islice)),
    "itertools.pairwise": native("pairwise", iterators(itertools.pairwise)),
    "itertools.combinations": native("combinations", iterators(itertools.combinations)),
    "itertools.accumulate": native("accumulate", iterators(itertools.accumulate)),
    "itertools.repeat": native("repeat", repeated),
    "operator.itemgetter": native("itemgetter", item_getter),
    **{f"operator.{n}": native(n, binary_function(n)) for n in (*operations.RELATIONS, "add", "mul", "sub", "truediv")},
    "typing.NamedTuple": NAMED_TUPLE,
    "typing.Callable": CALLABLE,
    **{f"{module}.{name}": OBJECT for module in ("typing", "typing_extensions") for name in TYPING},
    **{f"typing.{name}": cls for name, cls in ABSTRACT.items()},
    **{
        f"{module}.{name}": native(name, special_name)
        for module in ("typing", "typing_extensions")
        for name in ("TypeVar", "NewType", "ParamSpec", "TypeVarTuple")
    },
    "typing.cast": native("cast", lambda _i, _s, _t, value: value),
    **{
        f"typing.{name}": native(name, unchanged)
        for name in ("overload", "final", "no_type_check", "runtime_checkable")
    },
    "typing_extensions.override": native("override", unchanged),
    "typing.TYPE_CHECKING": False,
    "types.FunctionType": Class("FunctionType", (OBJECT,), {}, qualified="types.FunctionType"),
    "types.SimpleNamespace": native("SimpleNamespace", lambda _i, s, **k: namespace(s, k)),
    "types.MethodType": native("MethodType", lambda _i, _s, f, o: BoundMethod(f, o)),
    "warnings.warn": native("warn", nothing),
    "warnings.filterwarnings": native("filterwarnings", nothing),
    "warnings.simplefilter": native("simplefilter", nothing),
    "warnings.catch_warnings": signature_kind("catch_warnings"),
    "logging.getLogger": native("getLogger", lambda *_a, **_k: LOGGER),
    **{f"logging.{n}": native(n, nothing) for n in ("info", "debug", "warning", "error", "basicConfig", "exception")},
    "os.path.join": native("join", join_path),
    "os.getcwd": native("getcwd", unknown("a path", "text")),
    "os.environ": ENVIRON,
    "os.getenv": native("getenv", getenv),
    "os.path.exists": native("exists", unknown("the file system", "number")),
    "random.random": native("random", unknown("a random number", "number")),
    "random.uniform": native("uniform", unknown("a random number", "number")),
    "random.seed": native("seed", nothing),
    "sys.version_info": (3, 11, 0, "final", 0),
    "sys.path": Opaque("`sys.path`"),
    "sys.argv": Opaque("the command line"),
    "sys.exit": native("exit", leave),
    "os._exit": native("exit", leave),
    "sys.setrecursionlimit": native("setrecursionlimit", nothing),
    "time.time": native("time", unknown("the time", "number")),
    "argparse.ArgumentParser": PARSER,
    **SIGNATURES,
    "builtins.type": native("type", lambda _i, _s, v: type_of(v)),
}
