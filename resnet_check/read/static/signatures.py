"""``inspect``: the signatures of functions of the program, which legacy wrappers and registries look at."""

from __future__ import annotations

from typing import Any

from resnet_check.read.static.calling import plan_of
from resnet_check.read.static.frames import MISSING
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.python_types import OBJECT
from resnet_check.read.static.values import BoundMethod, Class, Function, Instance, Native, Opaque

EMPTY = Instance(Class("_empty", (OBJECT,), {}))
KINDS = {
    name: Instance(Class(name, (OBJECT,), {}))
    for name in ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD", "VAR_POSITIONAL", "KEYWORD_ONLY", "VAR_KEYWORD")
}
SIGNATURE = Class(
    "Signature",
    (OBJECT,),
    {
        name: Native(name, lambda _i, site, *_a, **_k: Opaque("a signature bound to arguments", site), lenient=True)
        for name in ("bind", "bind_partial", "replace")
    }
    | {"return_annotation": EMPTY},
)
PARAMETER = Class("Parameter", (OBJECT,), {**KINDS, "empty": EMPTY})


def underlying(value: Any) -> tuple[Function | None, int]:
    """Return the function behind a callable, and how many of its parameters are bound."""
    bound = 0
    while True:
        if isinstance(value, BoundMethod):
            value, bound = value.function, bound + 1
        elif isinstance(value, Class):
            found = value.find("__init__")
            value, bound = (found[0] if found else None), bound + 1
        elif isinstance(value, Function) and "__wrapped__" in value.attributes:
            value = value.attributes["__wrapped__"]
        else:
            return (value if isinstance(value, Function) else None), bound


def signature(_: Interpreter, site: Any, value: Any, **__: Any) -> Any:
    """``inspect.signature``: an object with ``parameters``."""
    function, bound = underlying(value)
    if function is None:
        return Opaque("the signature of something that is not read", site)
    positional, only, star, double_star, keyword_only = plan_of(function)
    offset = len(positional) - len(function.defaults)
    parameters: dict[str, Any] = {}
    for i, name in enumerate(positional):
        kind = "POSITIONAL_ONLY" if i < only else "POSITIONAL_OR_KEYWORD"
        parameters[name] = parameter(name, kind, function.defaults[i - offset] if i >= offset else MISSING)
    if star:
        parameters[star] = parameter(star, "VAR_POSITIONAL", MISSING)
    for name in keyword_only:
        parameters[name] = parameter(name, "KEYWORD_ONLY", function.keyword_defaults.get(name, MISSING))
    if double_star:
        parameters[double_star] = parameter(double_star, "VAR_KEYWORD", MISSING)
    for name in positional[:bound]:
        parameters.pop(name)
    made = Instance(SIGNATURE, site)
    made.attributes["parameters"] = parameters
    return made


def parameter(name: str, kind: str, default: Any) -> Instance:
    made = Instance(PARAMETER)
    made.attributes.update(
        name=name, kind=KINDS[kind], default=EMPTY if default is MISSING else default, annotation=EMPTY
    )
    return made


def argument_spec(interpreter: Interpreter, site: Any, value: Any) -> Any:
    """``inspect.getfullargspec``."""
    function, _ = underlying(value)
    if function is None:
        return Opaque("the signature of something that is not read", site)
    del interpreter
    positional, _only, star, double_star, keyword_only = plan_of(function)
    made = Instance(OBJECT, site)
    made.attributes.update(
        args=list(positional),
        varargs=star,
        varkw=double_star,
        kwonlyargs=list(keyword_only),
        defaults=tuple(function.defaults) or None,
        kwonlydefaults=dict(function.keyword_defaults) or None,
    )
    made.payload = (list(positional), star, double_star, function.defaults)
    return made


SIGNATURES: dict[str, Any] = {
    "inspect.signature": Native("signature", signature, lenient=True),
    "inspect.getfullargspec": Native("getfullargspec", argument_spec, lenient=True),
    "inspect.Parameter": PARAMETER,
    "inspect._empty": EMPTY,
    "inspect.isclass": Native("isclass", lambda _i, _s, v: isinstance(v, Class)),
    "inspect.isfunction": Native("isfunction", lambda _i, _s, v: isinstance(v, Function)),
}
