"""Methods of Python's own lists, dicts, strings, tuples, sets and numbers."""

from __future__ import annotations

from collections import deque
from typing import Any

from resnet_check.read.static.frames import MISSING
from resnet_check.read.static.interpreter import MAX_ITEMS, Interpreter
from resnet_check.read.static.values import BudgetExceeded, Native, Opaque, Size, is_opaque
from resnet_check.read.static.weighing import charge

SAFE: dict[type, frozenset[str]] = {
    list: frozenset("append extend insert pop remove clear index count sort reverse copy __len__ __getitem__".split()),
    tuple: frozenset("index count __len__ __getitem__".split()),
    dict: frozenset(
        "get keys values items pop popitem setdefault update copy clear move_to_end fromkeys "
        "__getitem__ __contains__ __len__ __setitem__".split()
    ),
    set: frozenset(
        "add discard remove update pop clear copy union intersection difference issubset issuperset "
        "symmetric_difference".split()
    ),
    frozenset: frozenset("union intersection difference issubset issuperset copy".split()),
    str: frozenset(
        "lower upper strip lstrip rstrip split rsplit splitlines startswith endswith join format replace title "
        "capitalize find rfind index count isdigit isalpha isalnum isnumeric isidentifier islower isupper isspace partition "
        "rpartition removeprefix removesuffix swapcase casefold encode zfill ljust rjust center".split()
    ),
    int: frozenset("bit_length is_integer".split()),
    float: frozenset("is_integer".split()),
    bytes: frozenset("decode".split()),
    deque: frozenset("append appendleft pop popleft extend extendleft clear insert remove rotate copy".split()),
    range: frozenset("index count".split()),
}
"""The methods that may be called: they run no code of the file and keep within bounds."""

MUTATING = frozenset(
    "append extend insert pop remove clear sort reverse setdefault update add discard popitem move_to_end __setitem__ "
    "appendleft popleft extendleft rotate".split()
)
SCANNING = frozenset(
    "insert pop remove index count sort reverse copy union intersection difference issubset issuperset".split()
)
"""The methods that may go over all elements."""

VIEWS = frozenset({"keys", "values", "items"})
VALUES_MAY_BE_UNKNOWN = frozenset(
    "append extend insert get setdefault update pop add keys values items copy clear".split()
)


def host_method(_: Interpreter, owner: Any, name: str) -> Any:
    """Return a method of a value of Python's own, or `MISSING`."""
    if isinstance(owner, Size) and name == "numel":
        return Native("numel", lambda _i, _s: product(owner))
    if name in getattr(owner, "_fields", ()):
        return getattr(owner, name)
    if isinstance(owner, (int, float)) and name in {"real", "imag", "numerator", "denominator"}:
        return getattr(owner, name)
    for kind, names in SAFE.items():
        if isinstance(owner, kind) and name in names:
            return Native(
                name, lambda i, s, *a, **k: run(i, s, owner, name, a, k), lenient=name in VALUES_MAY_BE_UNKNOWN
            )
    if hasattr(owner, "__next__") and name == "__next__":
        return Native(name, lambda _i, _s: next(owner))
    if owner is None or isinstance(owner, (list, tuple, dict, str, int, float)):
        return (
            Opaque(f"`{name}` of {type(owner).__name__}")
            if hasattr(type(owner), name) and owner is not None
            else MISSING
        )
    return Opaque(f"`{name}` of {type(owner).__name__}")


def product(sizes: tuple[Any, ...]) -> Any:
    total: Any = 1
    for size in sizes:
        total = total * size
    return total


def run(
    interpreter: Interpreter, site: Any, owner: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Call a method of a value of Python's own."""
    from resnet_check.read.static import hosted

    if name in MUTATING:
        interpreter.mutates(owner)
    special = hosted.SPECIAL.get((type(owner).__name__, name)) or hosted.SPECIAL.get(("", name))
    if special is not None:
        return special(interpreter, site, owner, *args, **kwargs)
    if args and isinstance(args[0], Opaque) and name in {"get", "setdefault", "pop"}:
        return Opaque(f"an unknown key: {args[0].reason}", args[0].site)
    args = tuple(list(a) if name in {"extend", "update"} and hasattr(a, "__next__") else a for a in args)
    if isinstance(owner, str) or name in SCANNING:
        charge(interpreter, owner)
    if name in {"zfill", "ljust", "rjust", "center"} and args and isinstance(args[0], int) and args[0] > MAX_ITEMS:
        reason = "a text with more than a million characters"
        raise BudgetExceeded(reason)
    if name in {"extend", "update"} and args and isinstance(args[0], Opaque):
        interpreter.lose(Opaque(f"something unknown was added: {args[0].reason}", site))
        return None
    if name in VIEWS:
        return list(getattr(owner, name)())
    try:
        return getattr(owner, name)(*args, **kwargs)
    except KeyError as error:
        return interpreter.error("KeyError", "bad-call", site, reason=f"there is no key {error.args[0]!r}")
    except (TypeError, ValueError, IndexError, LookupError) as error:
        if any(is_opaque(a) for a in args) or not all(plain(a) for a in args):
            return Opaque(f"`{name}` of {type(owner).__name__}", site)
        return interpreter.error(type(error).__name__, "bad-call", site, reason=str(error))


def plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, list, tuple, dict, set, type(None)))
