"""Tensors: running operators, recording what they do, and the attributes of tensors."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from resnet_check.graph import operators
from resnet_check.graph.dim import Dim, apply
from resnet_check.graph.operators.axes import ALIASES
from resnet_check.graph.operators.base import Function, NotModelled, Refused, Result
from resnet_check.read.static import inplace
from resnet_check.read.static.frames import MISSING
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import Array, BudgetExceeded, Instance, Native, Opaque, Size, Tensor, first_opaque

FUNCTIONS, LAYERS = operators.FUNCTION_TABLE, operators.LAYER_TABLE


def concrete(interpreter: Interpreter, value: Any) -> Any:
    """Return a plain number for a size; at sizes where it is another, the pass goes another way."""
    if isinstance(value, Dim):
        interpreter.checks.holds("==", value, value.value)
        return value.value
    if isinstance(value, Tensor) and value.data is not None and not value.shape:
        return value.data[0]
    if isinstance(value, slice):
        return slice(*(concrete(interpreter, part) for part in (value.start, value.stop, value.step)))
    return value


def operator_call(interpreter: Interpreter, name: str, args: tuple[Any, ...], site: Any) -> Any:
    """Apply an operator of the language to tensors."""
    function = FUNCTIONS.get(f"operator.{name}")
    if function is None:
        return Opaque(f"the operator {name} on tensors", site, "tensor")
    return run(interpreter, function, args, {}, site)


def run(interpreter: Interpreter, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], site: Any) -> Any:
    """Run an operator of torch on known arguments."""
    interpreter.tick()
    args, kwargs, opaque = without_free(function, args, kwargs)
    if opaque is not None:
        kind = "any" if function.name in PLAIN else "tensor"
        return Opaque(opaque.reason, opaque.site, kind)
    if function.name in ON_NUMBERS and len(args) == 2 and not any(isinstance(each, Tensor) for each in args):
        return of_numbers(function.name, *args, **kwargs)
    if kwargs and not function.name.startswith("torch.nn."):
        kwargs = numpy_names(function, kwargs)
    wrong = unfit(function, args, kwargs)
    if wrong is not None:
        return wrong_call(interpreter, function, wrong, args, site)
    return perform(interpreter, function.name, function.rule, args, kwargs, site)


ON_NUMBERS: dict[str, str] = {
    "torch.add": "add",
    "torch.sub": "sub",
    "torch.subtract": "sub",
    "torch.mul": "mul",
    "torch.multiply": "mul",
    "torch.div": "truediv",
    "torch.divide": "truediv",
    "torch.true_divide": "truediv",
    "torch.floor_divide": "floordiv",
}
"""The functions of torch that also take two numbers, with the operators of Python that they are then."""


def of_numbers(name: str, left: Any, right: Any, *, rounding_mode: Any = None, **others: Any) -> Any:
    """Return what a function of two tensors gives for two numbers, as a number."""
    known = all(isinstance(each, (int, float, Dim)) for each in (left, right)) and not others
    if not known or (ON_NUMBERS[name] in {"truediv", "floordiv"} and right == 0):
        return Opaque(f"`{short(name)}` of numbers", kind="number")
    if rounding_mode == "floor":
        return left // right
    found = getattr(operator, ON_NUMBERS[name])(left, right)
    if rounding_mode != "trunc":
        return found
    return apply("int", found) if isinstance(found, Dim) else int(found)


def numpy_names(function: Function, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return keyword arguments under torch's names: most functions also take numpy's (``axis`` for ``dim``)."""
    code = function.rule.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return {ALIASES[k] if k not in names and ALIASES.get(k) in names else k: v for k, v in kwargs.items()}


PLAIN = frozenset(
    {"torch.Tensor.is_contiguous", "torch.Tensor.size", "torch.Tensor.item", "torch.Tensor.tolist", "torch.Tensor.dim"}
)


def perform(
    interpreter: Interpreter, name: str, rule: Any, args: tuple[Any, ...], kwargs: dict[str, Any], site: Any
) -> Any:
    """Apply a rule of the operator table and record its results; what torch refuses is a mistake."""
    checks = interpreter.checks
    checks.site = site
    before = len(checks.failures)
    try:
        result = rule(checks, *args, **kwargs)
    except NotModelled as reason:
        for failure in checks.failures[before:]:
            # without a result there is no Op: what is early is decided by all that came before
            found = {**last_op(interpreter, args), "op_index": None, "early": is_early(interpreter)}
            facts = {**found, "operator": short(name), **failure.facts, "guard": failure.guard}
            return interpreter.error("RuntimeError", failure.kind, site, **facts)
        return Opaque(str(reason) or f"`{short(name)}` with these arguments", site, "tensor")
    except Refused as reason:
        return interpreter.error(
            "RuntimeError",
            "bad-call",
            site,
            reason=f"`{short(name)}`: {reason}",
            operator=short(name),
            message="refused",
            early=is_early(interpreter),
        )
    except (TypeError, AttributeError, ValueError, IndexError) as error:
        return argument_error(interpreter, name, error, (*args, *kwargs.values()), site)
    recorded = record(interpreter, result, site)
    for failure in checks.failures[before:]:
        if interpreter.catches("RuntimeError"):
            return interpreter.error("RuntimeError", failure.kind, site, message=failure.kind)
        facts = {**last_op(interpreter, args), "operator": short(name), **failure.facts, "guard": failure.guard}
        interpreter.problem(failure.kind, site, **facts)
    return recorded


def last_op(interpreter: Interpreter, args: tuple[Any, ...]) -> dict[str, Any]:
    """Return the facts that connect a failure with the graph."""
    trace = interpreter.trace
    layer = interpreter.module_stack[-1] if interpreter.module_stack else None
    shapes = tuple(a.shape for a in args if isinstance(a, Tensor))
    op = len(trace.ops) - 1 if trace is not None and trace.ops else None
    return {"op_index": op, "shapes": shapes, "layer": layer, "early": is_early(interpreter, 1)}


def is_early(interpreter: Interpreter, last: int = 0) -> bool:
    """Return whether nothing with weights came before (the last ops apart) that says what the input is like."""
    ops = interpreter.trace.ops if interpreter.trace is not None else []
    return not any(op.kind in WEIGHTED for op in ops[: len(ops) - last])


WEIGHTED = frozenset({"conv", "linear", "batch_norm", "conv_transpose", "parameter"})
"""Ops that apply what is trained."""


def argument_error(interpreter: Interpreter, name: str, error: Exception, values: tuple[Any, ...], site: Any) -> Any:
    """Decide whether an operator's rule stumbled over an argument that torch refuses, or one that it does not cover."""
    from resnet_check.read.static.operations import kind_of
    from resnet_check.read.static.values import BoundMethod, Class, Partial
    from resnet_check.read.static.values import Function as UserFunction

    odd: Any = next(
        (v for v in values if isinstance(v, (Instance, Class, UserFunction, BoundMethod, Partial, str))), MISSING
    )
    if odd is MISSING and values and values[0] is None:
        odd = None
    if odd is MISSING or isinstance(odd, str):
        return Opaque(f"`{short(name)}` with these arguments ({error})", site, "tensor")
    return interpreter.error(
        "TypeError",
        "bad-call",
        site,
        reason=f"`{short(name)}` does not take {kind_of(odd)}",
        none=odd is None,
        value=odd,
        operator=short(name),
        message="argument",
    )


def without_free(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Opaque | None]:
    """Replace unknown arguments that decide no shape; returns the arguments and the first unknown that remains."""
    opaque = first_opaque(args) or (first_opaque(kwargs.values()) if kwargs else None)
    if opaque is None:
        return args, kwargs, None
    free = function.free
    if free:
        rule = getattr(function, "rule", None) or function.build
        names = rule.__code__.co_varnames[1 : rule.__code__.co_argcount]
        args = (
            tuple(None if isinstance(a, Opaque) and n in free else a for a, n in zip(args, names, strict=False))
            + args[len(names) :]
        )
        kwargs = {k: None if isinstance(v, Opaque) and k in free else v for k, v in kwargs.items()}
    return args, kwargs, first_opaque(args) or (first_opaque(kwargs.values()) if kwargs else None)


def unfit(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """Return how arguments fail to fit the signature of an operator or a layer, or None."""
    rule = getattr(function, "rule", None) or function.build
    code = rule.__code__
    names = code.co_varnames[1 : code.co_argcount]
    only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    takes_all = code.co_flags & 0x04
    if len(args) > len(names) and not takes_all:
        return f"takes {len(names)} positional arguments but {len(args)} were given"
    if not code.co_flags & 0x08:
        for key in kwargs:
            if key not in names and key not in only:
                return f"got an unexpected keyword argument `{key}`"
    for key in kwargs:
        if key in names[: len(args)]:
            return f"got multiple values for argument `{key}`"
    required = names[: len(names) - len(rule.__defaults__ or ())]
    missing = [f"`{n}`" for n in required[len(args) :] if n not in kwargs]
    if missing:
        return f"misses the argument{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
    return None


def wrong_call(interpreter: Interpreter, function: Any, wrong: str, args: tuple[Any, ...], site: Any) -> Any:
    return interpreter.error(
        "TypeError",
        "bad-call",
        site,
        reason=f"`{short(function.name)}` {wrong}",
        function=short(function.name),
        torch=True,
        arguments=args,
        message="arguments",
    )


def short(name: str) -> str:
    """Return the last part of torch's name for an operator."""
    return name.rpartition(".")[2]


def record(interpreter: Interpreter, result: Any, site: Any) -> Any:
    """Turn the results of a rule into tensors, and note them in the pass being recorded."""
    if isinstance(result, Result):
        return output(interpreter, result, site)
    if hasattr(result, "_fields"):
        return type(result)(*(record(interpreter, item, site) for item in result))
    if isinstance(result, tuple):
        made = [record(interpreter, item, site) for item in result]
        return tuple(made) if any(isinstance(item, Result) for item in result) else Size(made)
    if isinstance(result, list):
        return [record(interpreter, item, site) for item in result]
    return result


MAX_DIMS = 64
"""Most of torch's operators take no more."""

CALCULATIONS = frozenset("add sub mul div floor_divide remainder neg pow abs getitem cumsum clamp round".split())
"""Ops that make an array of an array; others, such as ``from_numpy``, make a tensor."""


def output(interpreter: Interpreter, result: Result, site: Any) -> Tensor:
    """Return the tensor of one result; an in-place operator gives back its first input, changed."""
    first = result.inputs[0] if result.inputs else None
    if result.inplace and isinstance(first, Tensor):
        return inplace.overwritten(interpreter, first, result, site)
    if len(result.shape) > MAX_DIMS:
        reason = f"a tensor of more than {MAX_DIMS} dims"
        raise BudgetExceeded(reason)
    kind = Array if isinstance(first, Array) and result.kind in CALCULATIONS else Tensor
    tensor = kind(result.shape, result.dtype, data=result.data)
    if interpreter.trace is not None and result.inputs:
        tensor.trace, tensor.op = interpreter.trace, interpreter.trace.add(interpreter, result, site)
    if not result.inputs:
        tensor.uniform = result.attributes.get("value")
    tensor.requires_grad = result.kind != "detach" and any(getattr(t, "requires_grad", False) for t in result.inputs)
    if result.view and isinstance(first, Tensor):
        layer = interpreter.module_stack[-1].cls if result.kind == "identity" and interpreter.module_stack else None
        if layer is not None and layer.qualified == "torch.nn.Identity":
            tensor.base = first.base
            inplace.alias(first, tensor)
        else:
            tensor.base = first.base or first
    return tensor


def iterate(interpreter: Interpreter, tensor: Tensor, site: Any) -> Iterable[Any] | Opaque:
    """Return the tensors along the first dimension."""
    if not tensor.shape:
        return Opaque("elements of a tensor without dimensions", site)
    if isinstance(tensor, Array) and tensor.data is not None and len(tensor.shape) == 1:
        return list(tensor.data)
    length = concrete(interpreter, tensor.shape[0])
    return [operator_call(interpreter, "getitem", (tensor, i), site) for i in range(length)]


def attribute(interpreter: Interpreter, tensor: Tensor, name: str, node: Any, frame: Any) -> Any:
    """Return an attribute or a method of a tensor."""
    if name == "shape":
        return Size(tensor.shape)
    if tensor.attributes is not None and name in tensor.attributes:
        return tensor.attributes[name]
    plain = PLAIN_ATTRIBUTES.get(name)
    if plain is not None:
        return plain(tensor)
    function = FUNCTIONS.get(f"torch.Tensor.{name}")
    if function is None:
        if name in ARRAY_METHODS:
            return Native(name, lambda i, s, *a, **k: ARRAY_METHODS[name](i, s, tensor, *a, **k), lenient=True)
        if name in QUIET_METHODS:
            return Native(name, lambda _i, _s, *_a, **_k: tensor, lenient=True)
        return Opaque(f"`Tensor.{name}`", frame.site(node), "any")
    if name in GETTERS:
        return run(interpreter, function, (tensor,), {}, frame.site(node))
    return Native(name, lambda i, s, *a, **k: run(i, function, (tensor, *a), k, s), lenient=True)


PLAIN_ATTRIBUTES: dict[str, Any] = {
    "dtype": lambda t: t.dtype,
    "ndim": lambda t: len(t.shape),
    "device": lambda _t: "cpu",
    "requires_grad": lambda t: t.requires_grad,
    "is_cuda": lambda _t: False,
    "is_quantized": lambda _t: False,
    "is_mkldnn": lambda _t: False,
    "grad": lambda _t: None,
    "layout": lambda _t: "strided",
    "is_nested": lambda _t: False,
    "is_sparse": lambda _t: False,
    "is_leaf": lambda t: t.parameter,
}
ARRAY_METHODS: dict[str, Any] = {}
"""Methods that only arrays of numpy have."""

GETTERS = frozenset({"itemsize", "nbytes", "T", "mT", "H", "mH", "data", "real", "imag"})
QUIET_METHODS = frozenset({"backward", "retain_grad", "register_hook", "share_memory_", "pin_memory", "apply_"})


def set_attribute(interpreter: Interpreter, tensor: Tensor, name: str, value: Any, site: Any) -> None:
    """Do ``tensor.name = value``."""
    if name == "requires_grad":
        tensor.requires_grad = bool(value)
    elif name == "data":
        if isinstance(value, Tensor):
            tensor.shape = value.shape
            inplace.filled(tensor, inplace.uniform(value), site)
        elif isinstance(value, Opaque) and tensor.parameter and value.kind != "tensor":
            interpreter.lose(Opaque(f"a parameter gets unknown values: {value.reason}", value.site))
    else:
        tensor.attributes = {**(tensor.attributes or {}), name: value}


def ready(instance: Instance) -> None:
    """Name the tensors of a module that was just built, for messages."""
    for registry in ("_parameters", "_buffers"):
        for name, tensor in instance.attributes.get(registry, {}).items():
            if isinstance(tensor, Tensor) and not tensor.name:
                tensor.name = name
