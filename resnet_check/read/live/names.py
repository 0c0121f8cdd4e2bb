"""From torch's functions, as a function mode sees them, to the names of the operator table."""

from __future__ import annotations

from functools import cache
from typing import Any

from resnet_check.graph import operators
from resnet_check.graph.operators.axes import ALIASES
from resnet_check.graph.operators.base import Function

SIGNS = {"and": "and_", "or": "or_", "div": "truediv", "idiv": "itruediv", "rdiv": "rtruediv"}
"""Special methods of tensors that have another name in the module `operator`."""

HOMES = {"torch.functional": "torch", "torch._C": "torch", "torch._C._nn": "torch.nn.functional"}
"""Where torch keeps functions that its documentation names elsewhere."""

PREFIXED = {"torch._C._fft": "fft", "torch._C._linalg": "linalg", "torch._C._special": "special"}
"""Where the name of a function begins with that of its module."""

UNDOCUMENTED = frozenset({"_stacklevel", "out"})
"""Arguments that the operator table need not take."""


@cache
def _functional() -> dict[Any, str]:
    """Return the functions of ``torch.nn.functional``, some of which do not know their own name."""
    from torch.nn import functional

    return {
        function: f"torch.nn.functional.{name}"
        for name, function in vars(functional).items()
        if callable(function) and getattr(function, "__module__", "") == "torch.nn.functional" and name[:1] != "_"
    }


@cache
def name_of(function: Any) -> str:
    """Return torch's qualified name for a function: ``torch.Tensor.view``, ``torch.nn.functional.relu``.

    That of an attribute of tensors (``torch.Tensor.shape``) for the function that reads it.
    """
    known = _functional().get(function)
    if known is not None:
        return known
    name = str(getattr(function, "__name__", type(function).__name__))
    if name == "__get__":
        return f"torch.Tensor.{function.__self__.__name__}"
    home = str(getattr(function, "__module__", None) or "")
    qualified = str(getattr(function, "__qualname__", ""))
    if home == "torch._tensor" or qualified.startswith(("TensorBase.", "Tensor.")):
        return f"torch.Tensor.{name}"
    if home in PREFIXED:
        return f"torch.{PREFIXED[home]}.{name.removeprefix(PREFIXED[home] + '_')}"
    return f"{HOMES.get(home, home or 'torch')}.{name}"


@cache
def operator_of(name: str) -> tuple[Function | None, bool]:
    """Return the operator of a qualified name, and whether it takes its two operands the other way round."""
    found = operators.FUNCTION_TABLE.get(name)
    own = name.rpartition(".")[2]
    if found is not None or own[:2] != "__":
        return found, False
    sign = own.strip("_")
    sign = SIGNS.get(sign, sign)
    found = operators.FUNCTION_TABLE.get(f"operator.{sign}")
    if found is not None or sign[:1] != "r":
        return found, False
    return operators.FUNCTION_TABLE.get(f"operator.{sign[1:]}"), True


def under_our_names(function: Function, given: dict[str, Any]) -> dict[str, Any]:
    """Return keyword arguments under the names of the operator table: most functions also take numpy's."""
    code = function.rule.__code__
    takes = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    kept = {name: value for name, value in given.items() if name in takes or name not in UNDOCUMENTED}
    return {ALIASES[name] if name not in takes and name in ALIASES else name: kept[name] for name in kept}
