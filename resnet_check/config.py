"""Settings: what to check for and how, from ``[tool.resnet-check]`` and from the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from resnet_check.errors import CannotCheckError, nearest
from resnet_check.finding import SEVERITIES

TABLE = "tool.resnet-check"
FILES = (("resnet-check.toml", ""), ("pyproject.toml", TABLE))
"""The files that may hold settings, the stronger first, and the table of each that does."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a check; the patterns are relative to ``root``, the folder of the file that they come from."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    fail_on: str = "warning"
    input: tuple[int, ...] | None = None
    jobs: int | None = None
    like: str | None = None
    root: str = field(default="", compare=False)
    origin: str = field(default="", compare=False)

    def ignored_in(self, path: str) -> tuple[str, ...]:
        """Return the selectors of the rules that are ignored in a file."""
        if not self.per_file_ignores:
            return self.ignore
        from pathspec import GitIgnoreSpec

        relative = os.path.relpath(path, self.root).replace(os.sep, "/")
        more = (
            selector
            for pattern, selectors in self.per_file_ignores
            if GitIgnoreSpec.from_lines([pattern]).match_file(relative)
            for selector in selectors
        )
        return (*self.ignore, *more)


def parse_size(text: str) -> tuple[int, ...]:
    """Return the sizes of ``3x224x224``: channels and one to three sizes of space."""
    if not re.fullmatch(r"[1-9]\d{0,5}(x[1-9]\d{0,5}){1,3}", text):
        message = f"`{text}` is no input size: write channels and sizes like 3x224x224"
        raise ValueError(message)
    return tuple(int(size) for size in text.split("x"))


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        message = "must be a list of strings"
        raise ValueError(message)
    return tuple(value)


def _words_by_pattern(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, Mapping):
        message = "must be a table of lists: pattern = [rules]"
        raise ValueError(message)  # noqa: TRY004 - every wrong value is reported alike
    return tuple((pattern, _words(words)) for pattern, words in value.items())


def _severity(value: Any) -> str:
    if value not in SEVERITIES:
        message = f"must be one of {', '.join(SEVERITIES)}"
        raise ValueError(message)
    return str(value)


def _size(value: Any) -> tuple[int, ...]:
    if not isinstance(value, str):
        message = 'must be a string like "3x224x224"'
        raise ValueError(message)  # noqa: TRY004 - every wrong value is reported alike
    return parse_size(value)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        message = "must be a number from 1"
        raise ValueError(message)
    return value


def _variant(value: Any) -> str:
    if not isinstance(value, str):
        message = 'must be the name of a published network like "resnet-50"'
        raise ValueError(message)  # noqa: TRY004 - every wrong value is reported alike
    return parse_variant(value)


def parse_variant(text: str) -> str:
    """Return the name of a published network, however it is spelt."""
    from resnet_check.papers import find

    try:
        return find(text).name
    except CannotCheckError as error:
        raise ValueError(str(error)) from error


KEYS: dict[str, Callable[[Any], Any]] = {
    "select": _words,
    "extend-select": _words,
    "ignore": _words,
    "per-file-ignores": _words_by_pattern,
    "exclude": _words,
    "fail-on": _severity,
    "input": _size,
    "jobs": _count,
    "like": _variant,
}
"""The keys of the table, and the function that turns what is written there into the value of the setting."""

RULE_KEYS = ("select", "extend-select", "ignore")


def find_settings(folder: str) -> Settings:
    """Return the settings of the nearest file upward from a folder."""
    return _find_settings(os.path.abspath(folder))


@cache
def _find_settings(folder: str) -> Settings:
    for name, table in FILES:
        settings = _settings_in(os.path.join(folder, name), table)
        if settings is not None:
            return settings
    parent = os.path.dirname(folder)
    return Settings() if parent == folder else _find_settings(parent)


def load_settings(path: str) -> Settings:
    """Return the settings of a file that the command line names."""
    if not os.path.isfile(path):
        message = f"no such configuration file: {path}"
        raise CannotCheckError(message)
    table = TABLE if os.path.basename(path) == "pyproject.toml" else ""
    return _settings_in(path, table) or Settings()


def _settings_in(path: str, table: str) -> Settings | None:
    """Return the settings of a file, or None when it is not there or holds none."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        if not table:
            message = f"cannot read {path}: {error.strerror}"
            raise CannotCheckError(message) from error
        return None
    if table and b"resnet-check" not in data:
        return None
    return _parse(path, data, table)


def _parse(path: str, data: bytes, table: str) -> Settings | None:
    import tomllib

    try:
        text = data.decode()
        values: Any = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        message = f"{path}: not valid TOML: {error}"
        raise CannotCheckError(message) from error
    for part in table.split(".") if table else ():
        values = values.get(part, {}) if isinstance(values, dict) else {}
    if table and not values:
        return None
    if not isinstance(values, dict):
        message = f"{path}: `{table}` must be a table"
        raise CannotCheckError(message)
    return _settings(path, text, table, values)


def _settings(path: str, text: str, table: str, values: Mapping[str, Any]) -> Settings:
    found: dict[str, Any] = {}
    for key, value in values.items():
        where = f"{path}:{_line_of(key, text, table)}"
        if key not in KEYS:
            message = f"{where}: unknown key `{key}`{nearest(key, KEYS)}"
            raise CannotCheckError(message)
        try:
            found[key.replace("-", "_")] = KEYS[key](value)
        except ValueError as error:
            message = f"{where}: `{key}`: {error}"
            raise CannotCheckError(message) from error
    settings = Settings(**found, root=os.path.dirname(os.path.abspath(path)), origin=path)
    _require_known_rules(settings, text, table)
    return settings


def _require_known_rules(settings: Settings, text: str, table: str) -> None:
    from resnet_check.rules.selection import require_known

    for key in RULE_KEYS:
        words = getattr(settings, key.replace("-", "_")) or ()
        require_known(words, f"{settings.origin}:{_line_of(key, text, table)}")
    line = _line_of("per-file-ignores", text, table)
    require_known((word for _, words in settings.per_file_ignores for word in words), f"{settings.origin}:{line}")


def _line_of(key: str, text: str, table: str) -> int:
    """Return the line on which a key of the table is set."""
    inside, quoted = not table, rf"[\"']?{re.escape(key)}[\"']?"
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            name = header[1].replace('"', "").replace(" ", "")
            inside = name == table
            if re.fullmatch(rf"({re.escape(table)}\.)?{re.escape(key)}(\..*)?", name) and name.startswith(table):
                return number
        elif inside and re.match(rf"\s*{quoted}\s*[.=]", line):
            return number
    return 1


def override(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Return the settings with what the command line gives in their place; None gives nothing."""
    return replace(settings, **{key: value for key, value in changes.items() if value is not None})
