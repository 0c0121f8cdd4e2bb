"""Fixtures for all tests: the command line in this process, rules for the occasion, and golden files."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from resnet_check import config
from resnet_check.cli.main import main
from resnet_check.rules import base, selection

settings.register_profile("resnet-check", deadline=None)
settings.load_profile("resnet-check")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite golden files that differ, and fail this run")


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch) -> Iterator[None]:
    """Work in an empty folder, with a cache of its own and no settings from outside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESNET_CHECK_CACHE_DIR", str(tmp_path / ".cache"))
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "RESNET_CHECK_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    config._find_settings.cache_clear()
    yield
    config._find_settings.cache_clear()


class Outcome(NamedTuple):
    """What a run of the command line left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def run_cli(capsys, monkeypatch) -> Callable[..., Outcome]:
    """Run the command line in this process."""

    def run(*arguments: object, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = main([str(argument) for argument in arguments])
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture
def use_rules(monkeypatch) -> Iterator[Callable[..., None]]:
    """Put other rules in the place of all rules."""

    def use(*rules: base.Rule) -> None:
        monkeypatch.setattr(selection, "all_rules", lambda: tuple(rules))
        forget()

    def forget() -> None:
        selection.matches.cache_clear()
        selection.selected.cache_clear()

    yield use
    forget()


@pytest.fixture
def golden(request) -> Callable[[str, str], None]:
    """Compare a text with a golden file; `pytest --accept` rewrites the file, to be reviewed."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        known = path.read_text(encoding="utf-8") if path.exists() else ""
        if text == known:
            return
        if request.config.getoption("--accept"):
            path.write_text(text, encoding="utf-8")
            pytest.fail(f"accepted {path}: review it and run again")
        assert text == known, f"differs from {path}; `pytest --accept` accepts it"

    return compare
