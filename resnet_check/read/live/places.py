"""Where in the source a call was made, from the frames of the running program."""

from __future__ import annotations

import linecache
import os
from functools import cache
from types import CodeType, FrameType, TracebackType
from typing import Any

from resnet_check.graph.records import Site

HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Places:
    """Finds the Site of what is happening now.

    ``path`` is how the model's file is called in Sites, ``fallback`` the Site of what happens outside of any program's
    code, as in a model that is an ``nn.Sequential``. Frames of torch and of the reader are passed over, and those beyond
    ``root`` are not the model's.
    """

    def __init__(self, path: str, fallback: Site) -> None:
        import torch

        self.path = path
        self.names = {path: path}
        self.fallback = fallback
        self.root: FrameType | None = None
        self.skipped = (os.path.dirname(torch.__file__) + os.sep, HERE, "<frozen", "<@beartype")

    def site(self, frame: FrameType | None) -> Site:
        """Return the innermost place in the program from a frame outwards, with the calls that led there."""
        found: list[FrameType] = []
        while frame is not None and frame is not self.root:
            if not frame.f_code.co_filename.startswith(self.skipped):
                found.append(frame)
            frame = frame.f_back
        site: Site | None = None
        for each in reversed(found):
            site = Site(self.named(each.f_code.co_filename), *position(each.f_code, each.f_lasti), site)
        return site or self.fallback

    def inside(self, trace: TracebackType) -> Site | None:
        """Return the place of one frame of a traceback, None for a frame that is not the program's."""
        code = trace.tb_frame.f_code
        if code.co_filename.startswith(self.skipped):
            return None
        return Site(self.named(code.co_filename), *position(code, trace.tb_lasti))

    def named(self, file: str) -> str:
        """Return how a file is called in Sites."""
        if file not in self.names:
            self.names[file] = self.path if os.path.realpath(file) == os.path.realpath(self.path) else file
        return self.names[file]


@cache
def position(code: CodeType, instruction: int) -> tuple[int, int, int, int]:
    """Return line, column, end line and end column of an instruction, as a Site counts them."""
    line, end_line, column, end_column = next(_from(code, instruction), (None,) * 4)
    first = line or code.co_firstlineno
    last = end_line or first
    name = code.co_filename
    return first, _points(name, first, column), last, _points(name, last, end_column)


def _from(code: CodeType, instruction: int) -> Any:
    return (found for index, found in enumerate(code.co_positions()) if index == instruction // 2)


def _points(path: str, line: int, offset: int | None) -> int:
    """Return the column, in code points from 1, of an offset in bytes."""
    if offset is None:
        return 1
    text = linecache.getline(path, line)
    return 1 + (offset if text.isascii() else len(text.encode()[:offset].decode(errors="replace")))
