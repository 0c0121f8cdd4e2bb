"""Which call of torch in a forward pass changes something, and where in the model's file it stands."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

from resnet_check.properties.subject import leaves


class Call(NamedTuple):
    """One call of torch: its name, its place in the model's file, the text there, the modules in whose code it happened.

    ``line`` is None and ``text`` empty for a call that no code of the file led to. ``owners`` are innermost first.
    """

    name: str
    line: int | None
    text: str
    owners: tuple[Any, ...]


def changing(in_file: Callable[[str], bool], state: Callable[[], Any], action: Callable[[], Any]) -> list[Call]:
    """Run an action and return the calls of torch after which ``state()`` was another than before.

    ``in_file`` says of a file name whether it is that of the model's file.
    """

    def around(run: Callable[[], Any]) -> tuple[Any, bool]:
        before = state()
        return run(), state() != before

    return _calls(in_file, around, action)


def recorded(in_file: Callable[[str], bool], action: Callable[[], Any]) -> list[tuple[Call, Any]]:
    """Run an action and return each call of torch with a copy of what it gave."""
    found: list[Any] = []

    def around(run: Callable[[], Any]) -> tuple[Any, bool]:
        result = run()
        found.append([leaf.clone() for leaf in leaves(result)])
        return result, True

    return list(zip(_calls(in_file, around, action), found, strict=True))


def _calls(
    in_file: Callable[[str], bool], around: Callable[[Callable[[], Any]], tuple[Any, bool]], action: Callable[[], Any]
) -> list[Call]:
    """Run an action, each call of torch through ``around``, and return those of which that says so."""
    from torch.overrides import TorchFunctionMode

    found: list[Call] = []

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result, wanted = around(lambda: func(*args, **(kwargs or {})))
            if wanted:
                name = getattr(func, "__name__", str(func))
                found.append(_call(in_file, name, sys._getframe(1)))  # noqa: SLF001 - no other way
            return result

    with Watch():
        action()
    return found


def _call(in_file: Callable[[str], bool], name: str, frame: FrameType | None) -> Call:
    line, text = None, ""
    owners: list[Any] = []
    while frame is not None:
        owner = frame.f_locals.get("self")
        if owner is not None and all(owner is not known for known in owners):
            owners.append(owner)
        if line is None and in_file(frame.f_code.co_filename):
            line, text = frame.f_lineno, _text(frame)
        frame = frame.f_back
    return Call(name, line, text, tuple(owners))


def _text(frame: FrameType) -> str:
    """Return the text of the expression that a frame is at."""
    positions = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    first, last, column, end = positions
    if first is None or last is None or column is None or end is None:
        return linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    lines = [linecache.getline(frame.f_code.co_filename, number) for number in range(first, last + 1)]
    if not any(lines):
        return ""
    # Columns count bytes; the last line is cut first, since both may be the same.
    lines[-1] = lines[-1].encode()[:end].decode()
    lines[0] = lines[0].encode()[column:].decode()
    return "".join(lines)
