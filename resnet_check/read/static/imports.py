"""Files and imports: the names of a file, evaluated when they are used, and the modules that an import finds.

Imports inside the project are followed as text. Of an imported file only the names that are used are evaluated: a model
file of a real package reaches most of the package through its imports.
"""

from __future__ import annotations

import ast
import os
import sys
import warnings
from typing import Any

from resnet_check.graph.records import Site
from resnet_check.read.static import externals, prelude
from resnet_check.read.static.frames import MISSING, Frame
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.unknown_branches import walk
from resnet_check.read.static.values import External, Opaque, ProjectModule, Raised, Undetermined
from resnet_check.source import MAX_BYTES

MAX_FILES, MAX_ALL_BYTES = 400, 8 * 1024 * 1024
"""Imported files, and all that is read of them: the syntax tree of odd code takes hundreds of times its text."""


class FileNamespace:
    """The global names of one file."""

    def __init__(self, path: str, text: str, tree: ast.Module, files: Files) -> None:
        self.path = path
        self.text = text
        self.tree = tree
        self.files = files
        self.names: dict[str, Any] = {"__name__": "__main__" if os.path.abspath(path) == files.main else "module"}
        self.open_names = ""
        """The module of a star import that could not be read: any name may come from there."""
        self.failed = False
        """Whether some statement at the top could not be executed, so that a missing name proves nothing."""
        self.frame = Frame(self, None)
        self.frame.names = self.names
        self._pending: dict[str, list[ast.stmt]] | None = None
        self._running: set[int] = set()
        self._done: set[int] = set()
        self._ascii = text.isascii()
        self._lines: list[str] | None = None
        self.interpreter: Interpreter | None = None

    def span(self, node: Any) -> tuple[str, int, int, int, int]:
        """Return path, line, column, end line and end column of a syntax node; columns count code points from 1."""
        if self._ascii and getattr(node, "end_col_offset", None):
            return self.path, node.lineno, node.col_offset + 1, node.end_lineno, node.end_col_offset + 1
        line = getattr(node, "lineno", 1)
        end = getattr(node, "end_lineno", None) or line
        start_column = getattr(node, "col_offset", 0)
        end_column = getattr(node, "end_col_offset", None) or start_column
        return self.path, line, self._column(line, start_column), end, self._column(end, end_column)

    def _column(self, line: int, offset: int) -> int:
        if self._lines is None:
            self._lines = [] if self._ascii else self.text.splitlines()
        if not self._lines or line > len(self._lines):
            return offset + 1
        return len(self._lines[line - 1].encode()[:offset].decode(errors="ignore")) + 1

    def lookup(self, name: str) -> Any:
        """Return the value of a global name, evaluating the statements that bind it, or `MISSING`."""
        if self._pending is not None and name in self._pending:
            self.run(self._pending.pop(name))
        return self.names.get(name, MISSING)

    def make_lazy(self, interpreter: Interpreter) -> None:
        """Evaluate names only when they are used."""
        self.interpreter = interpreter
        pending: dict[str, list[ast.stmt]] = {}
        filled = tables_filled(self.tree.body)
        for statement in self.tree.body:
            for name in (*bound_names(statement), *registered_in(statement, filled)):
                pending.setdefault(name, []).append(statement)
        self._pending = pending
        for statement in self.tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                self.run([statement])

    def run(self, statements: list[ast.stmt]) -> None:
        """Execute top-level statements, each once, as if nothing were around them."""
        interpreter = self.interpreter
        if interpreter is None:
            return
        for statement in statements:
            if id(statement) in self._done or id(statement) in self._running:
                continue
            self._running.add(id(statement))
            with Aside(interpreter):
                self.execute(interpreter, statement)
            self._running.discard(id(statement))
            self._done.add(id(statement))

    def execute(self, interpreter: Interpreter, statement: ast.stmt) -> None:
        """Execute one top-level statement; what it could not bind is unknown."""
        interpreter.touched += 1
        try:
            interpreter.execute([statement], self.frame)
        except (Raised, Undetermined) as stopped:
            reason = stopped.opaque.reason if isinstance(stopped, Undetermined) else "an exception was raised"
            site = stopped.opaque.site if isinstance(stopped, Undetermined) else stopped.site
            for name in bound_names(statement):
                self.names.setdefault(name, Opaque(f"`{name}` was not bound: {reason}", site))
            self.failed = True


class Aside:
    """Evaluating something of another file, in the middle of whatever is going on."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter

    def __enter__(self) -> None:
        i = self.interpreter
        self.saved = i.trace, i.handlers, i.module_stack, i.depth, i.modes
        i.trace, i.handlers, i.module_stack, i.modes = None, [], [], []

    def __exit__(self, *_: object) -> None:
        i = self.interpreter
        i.trace, i.handlers, i.module_stack, i.depth, i.modes = self.saved


def bound_names(statement: ast.stmt) -> list[str]:
    """Return the global names that a top-level statement binds or changes."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).partition(".")[0] for alias in statement.names]
    names: list[str] = []
    for node in walk([statement]):
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            names.append(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.extend((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            names.extend(root_name(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            names.extend(root_name(node.value.func))
    return names


CHANGES = frozenset({"add", "append", "extend", "insert", "register", "setdefault", "update"})
"""Methods that put something into a table."""


def tables_filled(body: list[ast.stmt]) -> dict[str, list[str]]:
    """Return which tables of the file each name fills: a table its own, a function those that its code stores into."""
    own = {
        target.id: [target.id]
        for statement in body
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
        if isinstance(target, ast.Name)
    }
    filled = dict(own)
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            filled[statement.name] = [name for name in stored_into(statement) if name in own]
    return filled


def stored_into(function: ast.FunctionDef) -> list[str]:
    """Return the names of the tables that a function stores into."""
    found: list[str] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            found.extend(root_name(node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            found.extend(root_name(node.func))
    return found


def registered_in(statement: ast.stmt, filled: dict[str, list[str]]) -> list[str]:
    """Return the tables of the file that a statement fills by its decorators, or by the function that it calls."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        makers = [node.func if isinstance(node, ast.Call) else node for node in statement.decorator_list]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        makers = [statement.value.func]
    else:
        return []
    return [table for maker in makers for name in root_name(maker) for table in filled.get(name, ())]


def root_name(node: Any) -> list[str]:
    """Return the name at the root of ``name.attribute[index]``."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return [node.id] if isinstance(node, ast.Name) else []


class Files:
    """The files of one run of the reader: the one that is checked, and those that it imports.

    ``sought`` are the places at which a module was looked for, also in vain.
    """

    def __init__(self, main: str) -> None:
        self.main = os.path.abspath(main)
        self.read: dict[str, FileNamespace | None] = {}
        self.sought: set[str] = set()
        self.room = MAX_ALL_BYTES
        self.texts: dict[str, FileNamespace] = {}
        """What is opened of the texts that stand for libraries, by their names."""
        self.roots = import_roots(self.main)

    def open(self, interpreter: Interpreter, path: str) -> FileNamespace | None:
        """Return the names of a project file, or None where it cannot be read."""
        if path in self.read:
            return self.read[path]
        if len(self.read) >= MAX_FILES:
            return None
        namespace = None
        try:
            text = self.text_of(path)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
            interpreter.tick(len(text) // 64)
            namespace = FileNamespace(path, text, tree, self)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            namespace = None
        self.read[path] = namespace
        if namespace is not None:
            namespace.make_lazy(interpreter)
        return namespace

    def text_of(self, path: str) -> str:
        """Return the text of a project file; raises `OSError` for what is no file or too large, as all of them may be."""
        if not os.path.isfile(path):
            raise FileNotFoundError
        with open(path, "rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        self.room -= len(data)
        if len(data) > MAX_BYTES or self.room < 0:
            raise OSError
        return data.decode("utf-8-sig", errors="replace")

    def locate(self, name: str, folder: str | None = None) -> str | None:
        """Return the file of a module by its dotted name, below a folder or one of the roots of imports."""
        parts = name.split(".") if name else []
        for root in [folder] if folder is not None else self.roots:
            base = os.path.join(root, *parts)
            for path in (os.path.join(base, "__init__.py"), f"{base}.py"):
                self.sought.add(path)
                if (parts or path.endswith("__init__.py")) and os.path.isfile(path):
                    return path
            if folder is None and parts and os.path.isdir(base) and has_python(base):
                return base
        return None

    def module(self, interpreter: Interpreter, name: str, node: Any, frame: Any) -> Any:
        """Return what ``import name`` gives."""
        top = name.partition(".")[0]
        if top in externals.KNOWN or top in sys.stdlib_module_names:
            return External(name)
        path = self.locate(name)
        if path is not None:
            return self.project_module(interpreter, path, name)
        if interpreter.catches("ImportError"):
            raise missing(name, frame.site(node))
        if top in prelude.PACKAGES:
            return External(name)
        return Opaque(f"the module `{name}`", frame.site(node))

    def project_module(self, interpreter: Interpreter, path: str, name: str) -> Any:
        """Return the module of a project file or folder."""
        if os.path.isdir(path):
            return ProjectModule(Folder(path, self))  # type: ignore[arg-type]
        namespace = self.open(interpreter, path)
        return Opaque(f"the module `{name}`") if namespace is None else ProjectModule(namespace)

    def base_folder(self, node: ast.ImportFrom, frame: Any) -> str:
        """Return the folder that the dots of a relative import mean."""
        folder: str = os.path.dirname(os.path.abspath(frame.file.path))
        for _ in range(node.level - 1):
            folder = os.path.dirname(folder)
        return folder

    def source_module(self, interpreter: Interpreter, node: ast.ImportFrom, frame: Any) -> Any:
        """Return the module that ``from module import`` names."""
        if not node.level:
            return self.module(interpreter, node.module or "", node, frame)
        folder = self.base_folder(node, frame)
        path = self.locate(node.module or "", folder)
        if path is not None:
            return self.project_module(interpreter, path, node.module or ".")
        base = os.path.join(folder, *(node.module or "").split("."))
        if os.path.isdir(base):
            return ProjectModule(Folder(base, self))  # type: ignore[arg-type]
        return Opaque(f"the module `{'.' * node.level}{node.module or ''}`", frame.site(node))

    def name(self, interpreter: Interpreter, node: ast.ImportFrom, name: str, frame: Any) -> Any:
        """Return what ``from module import name`` gives."""
        module = self.source_module(interpreter, node, frame)
        if isinstance(module, External):
            return self.external(interpreter, f"{module.name}.{name}")
        if isinstance(module, ProjectModule):
            value = self.member(interpreter, module, name)
            if value is not MISSING:
                return value
            if interpreter.catches("ImportError"):
                raise missing(name, frame.site(node))
        return Opaque(f"`{name}` of the module `{'.' * node.level}{node.module or ''}`", frame.site(node))

    def member(self, interpreter: Interpreter, module: ProjectModule, name: str) -> Any:
        """Return a name of a project module, or the sub-module of that name, or `MISSING`."""
        value = module.namespace.lookup(name)
        if value is not MISSING:
            return value
        path = self.locate(name, os.path.dirname(module.namespace.path))
        if path is not None and os.path.basename(module.namespace.path) == "__init__.py":
            return self.project_module(interpreter, path, name)
        if module.namespace.open_names:
            return Opaque(f"`{name}` may come from {module.namespace.open_names}")
        return MISSING

    def import_star(self, interpreter: Interpreter, node: ast.ImportFrom, frame: Any) -> None:
        """Do ``from module import *``."""
        interpreter.changed()
        module = self.source_module(interpreter, node, frame)
        if isinstance(module, External):
            names = externals.public_names(module.name)
            if names is None:
                frame.file.open_names = module.name
            for name in names or ():
                frame.names.setdefault(name, self.external(interpreter, f"{module.name}.{name}"))
        elif isinstance(module, ProjectModule) and isinstance(module.namespace, FileNamespace):
            source = module.namespace
            if source is frame.file:
                return
            listed = source.lookup("__all__")
            public = listed if isinstance(listed, (list, tuple)) else None
            for name in public or [n for n in [*(source._pending or ()), *source.names] if not n.startswith("_")]:  # noqa: SLF001
                if isinstance(name, str):
                    value = source.lookup(name)
                    if value is not MISSING:
                        frame.names[name] = value
            frame.file.open_names = frame.file.open_names or source.open_names
        else:
            frame.file.open_names = f"`{'.' * node.level}{node.module or ''}`"

    def external(self, interpreter: Interpreter, name: str) -> Any:
        """Return a name of torch, numpy or the standard library."""
        return externals.resolve(interpreter, name)


class Folder:
    """A package without ``__init__.py``."""

    def __init__(self, path: str, files: Files) -> None:
        self.path = os.path.join(path, "__init__.py")
        self.files = files
        self.names: dict[str, Any] = {}
        self.open_names = ""

    def lookup(self, _: str) -> Any:
        """There are no names but those of the files inside."""
        return MISSING


def missing(name: str, site: Site) -> Raised:
    from resnet_check.read.static.interpreter import exception_value

    return Raised(exception_value("ModuleNotFoundError", name), site, explicit=False)


def has_python(folder: str) -> bool:
    """Return whether a folder holds Python files, so that it may be a package without ``__init__.py``."""
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.endswith(".py") for entry in entries)
    except OSError:
        return False


def import_roots(path: str) -> list[str]:
    """Return the folders in which absolute imports of a project are looked for.

    The folder above the outermost package that holds the file, the file's own folder, and the folders between: where a
    script is started from is not known.
    """
    folder = os.path.dirname(path)
    roots = [folder]
    top = folder
    while os.path.isfile(os.path.join(top, "__init__.py")) and os.path.dirname(top) != top:
        top = os.path.dirname(top)
    if top != folder:
        roots.insert(0, top)
    else:
        parent = os.path.dirname(folder)
        if parent != folder:
            roots.append(parent)
            roots.append(os.path.dirname(parent))
    return roots
