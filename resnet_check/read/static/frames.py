"""Scopes of the interpreted program."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from resnet_check.graph.records import Site

if TYPE_CHECKING:
    from resnet_check.read.static.imports import FileNamespace
    from resnet_check.read.static.values import Class


class Frame:
    """One scope: its names, the scope around it, the file, and the call that opened it."""

    __slots__ = (
        "_caller_site",
        "call_node",
        "caller",
        "class_scope",
        "comprehension",
        "done",
        "dropped",
        "file",
        "global_names",
        "instance",
        "loop",
        "names",
        "nonlocal_names",
        "outer",
        "owner",
        "yields",
    )

    def __init__(
        self,
        file: FileNamespace,
        outer: Frame | None,
        caller: Frame | None = None,
        call_node: ast.AST | None = None,
        owner: Class | None = None,
    ) -> None:
        self.names: dict[str, Any] = {}
        self.file = file
        self.outer = outer
        self.caller = caller
        self.call_node = call_node
        self.owner = owner
        self.instance: Any = None
        self.class_scope = False
        self.comprehension = False
        self.done = False
        """Whether the function has come to its end, so that its names change no more."""
        self.loop: ast.For | None = None
        """The innermost loop that is running in this scope."""
        self.dropped: tuple[ast.Expr, Any] | None = None
        """The latest expression that stood as a statement, and its value."""
        self.global_names: frozenset[str] | None = None
        self.nonlocal_names: frozenset[str] | None = None
        self.yields: list[Any] | None = None
        self._caller_site: Site | None = None

    @property
    def caller_site(self) -> Site | None:
        """The place of the call that opened this scope."""
        if self._caller_site is None and self.caller is not None and self.call_node is not None:
            self._caller_site = self.caller.site(self.call_node)
        return self._caller_site

    def open_at(self, site: Site | None) -> None:
        """Say where the call was when there is no scope that it came from."""
        self._caller_site = site

    def site(self, node: Any) -> Site:
        """Return the place of a syntax node reached in this scope."""
        return Site(*self.file.span(node), self.caller_site)

    def lookup(self, name: str) -> Any:
        """Return the value of a name, or `MISSING`; global names are the file's business."""
        scope = self.holder(name)
        return MISSING if scope is None else scope.names[name]

    def holder(self, name: str) -> Frame | None:
        """Return the scope that has a name, this one or one around it."""
        scope: Frame | None = self
        while scope is not None:
            if name in scope.names:
                return scope
            scope = scope.outer
            while scope is not None and scope.class_scope:
                scope = scope.outer
        return None


class Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        return "<missing>"


MISSING = Missing()
"""Says that a name or an attribute is not there, where None is a value."""
