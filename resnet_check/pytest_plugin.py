"""The pytest plugin: with ``--resnet-check`` or ``resnet_check_paths``, model files are collected as tests.

A file gives one item, ``static-check``, that fails as ``resnet-check FILE`` does, and one for each of its models, that
fails for what is found in that model. A model that was not understood to its end is skipped, and the reason says why.
With ``resnet_check_baseline``, each finding that the baseline knows fails neither, and is an item of its own that is
expected to fail. The files are read, never imported, and torch never is.

Every pytest run in the same environment imports this module, so it imports nothing but pytest.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from resnet_check.baseline import Entry
    from resnet_check.checking import FileReport, ModelReport
    from resnet_check.config import Settings
    from resnet_check.finding import Finding
    from resnet_check.running import Work

WHOLE = "static-check"
"""The name of a file's own item; no model can be called so."""


class Chosen(NamedTuple):
    """The files to check with the settings of each, by their real paths, and the baseline's entries by fingerprint.

    ``named`` are the files that were given one by one.
    """

    settings: dict[str, Settings]
    named: frozenset[str]
    known: dict[str, Entry]


CHOSEN = pytest.StashKey[Chosen]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option, and the settings that go with it."""
    parser.getgroup("resnet-check").addoption(
        "--resnet-check",
        action="store_true",
        help="check the model files among the given files and folders, without importing them",
    )
    parser.addini("resnet_check_paths", "model files, folders and patterns that are always checked", "args", [])
    parser.addini("resnet_check_select", "the rules that model files are checked for (default: all)", "args", [])
    parser.addini("resnet_check_ignore", "rules that model files are not checked for", "args", [])
    parser.addini("resnet_check_baseline", "a file of known findings, each of which is expected to fail", "string", "")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and look up the files to check if any are wanted; wrong settings end the run here."""
    config.addinivalue_line("markers", "resnet_check: a test that checks a model with resnet-check")
    paths = config.getini("resnet_check_paths")
    if not (paths or config.getoption("resnet_check")):
        return
    from resnet_check.errors import CannotCheckError

    try:
        config.stash[CHOSEN] = _chosen(config, _matching(paths, _home(config)))
    except CannotCheckError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say that model files are checked."""
    if CHOSEN not in config.stash:
        return None
    from resnet_check import __version__

    number = len(config.stash[CHOSEN].settings)
    return f"resnet-check: {__version__}, {number} file{'' if number == 1 else 's'}"


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect a model file; pytest would import it as a test module where it is named on the command line."""
    collected = yield
    chosen = parent.config.stash.get(CHOSEN, None)
    path = os.path.realpath(file_path)
    if chosen is None or path not in chosen.settings:
        return collected
    others = collected if _is_test(file_path, parent.config) else [c for c in collected if type(c) is not pytest.Module]
    return [*others, ModelFile.from_parent(parent, path=file_path)]


def _home(config: pytest.Config) -> str:
    """Return the folder that the settings of pytest are relative to."""
    return str(config.inipath.parent if config.inipath else config.rootpath)


def _matching(patterns: Iterable[str], home: str) -> list[str]:
    """Return the files and folders that the patterns of the settings stand for."""
    import glob

    from resnet_check.errors import CannotCheckError

    found: list[str] = []
    for pattern in patterns:
        whole = os.path.join(home, pattern)
        paths = [whole] if os.path.exists(whole) else sorted(glob.glob(whole, recursive=True))
        if not paths:
            message = f"resnet_check_paths: nothing matches `{pattern}` in {home}"
            raise CannotCheckError(message)
        found += paths
    return found


def _chosen(config: pytest.Config, paths: list[str]) -> Chosen:
    """Return the files to check: those of the settings, and with the option those that the command line gives.

    Without a path on the command line, those of the settings are collected in addition to what pytest collects.
    """
    from resnet_check.api import excluded
    from resnet_check.config import find_settings, override
    from resnet_check.discovery import find_files
    from resnet_check.rules.selection import require_known

    changes = {key: tuple(config.getini(f"resnet_check_{key}")) or None for key in ("select", "ignore")}
    for key, words in changes.items():
        require_known(words or (), f"resnet_check_{key}")
    given = config.args_source is pytest.Config.ArgsSource.ARGS
    more = _arguments(config) if config.getoption("resnet_check") and (given or not paths) else []
    if not given:
        config.args += [path for path in paths if path not in config.args]
    files = find_files(paths, excluded)
    files += [path for path in find_files(more, excluded) if not _is_test(Path(path), config)]
    return Chosen(
        {os.path.realpath(path): override(find_settings(os.path.dirname(path)), changes) for path in files},
        frozenset(os.path.realpath(path) for path in (*paths, *more) if os.path.isfile(path)),
        _known(config),
    )


def _known(config: pytest.Config) -> dict[str, Entry]:
    """Return the entries of the baseline that the settings name."""
    from resnet_check.baseline import read_baseline
    from resnet_check.errors import CannotCheckError

    name = config.getini("resnet_check_baseline")
    try:
        entries = read_baseline(os.path.join(_home(config), name)) if name else []
    except CannotCheckError as error:
        message = f"resnet_check_baseline: {error}"
        raise CannotCheckError(message) from error
    return {entry.fingerprint: entry for entry in entries}


def _arguments(config: pytest.Config) -> list[str]:
    """Return the files and folders that pytest goes through; it complains about those that are not there itself."""
    paths = (os.path.join(config.invocation_params.dir, each.partition("::")[0]) for each in config.args)
    return [path for path in paths if os.path.exists(path)]


def _is_test(path: Path, config: pytest.Config) -> bool:
    """Return whether a file is one of pytest's own: it holds tests, and is imported for that."""
    return path.name == "conftest.py" or any(path.match(pattern) for pattern in config.getini("python_files"))


class ModelFile(pytest.File):
    """A file with models, which is read once for all its items."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the items; none for a file that was only met on the way and has neither models nor findings."""
        from resnet_check.running import Work, check_work

        path = os.path.realpath(self.path)
        chosen = self.config.stash[CHOSEN]
        work = Work(os.path.relpath(self.path, self.config.invocation_params.dir), chosen.settings[path])
        whole = check_work(work, use_cache=True)
        entries = list(_entries(work, whole, chosen.known))
        if not (path in chosen.named or whole.models or whole.findings or whole.failures or entries):
            return
        known = {finding for _, finding in entries}
        report = whole._replace(findings=tuple(each for each in whole.findings if each not in known))
        yield Check.from_parent(self, name=WHOLE, report=report, failing=_failing(report, work.settings.fail_on))
        times = Counter(model.name for model in report.models)
        for model in report.models:
            name = model.name if times[model.name] == 1 else f"{model.name}:{model.line}"
            failing = _failing(report, work.settings.fail_on, model)
            yield Check.from_parent(self, name=name, report=report, failing=failing, model=model)
        times = Counter(entry.rule for entry, _ in entries)
        for entry, finding in entries:
            name = entry.rule if times[entry.rule] == 1 else f"{entry.rule}:{entry.fingerprint}"
            failing = [] if finding is None else [finding]
            yield Known.from_parent(self, name=f"known[{name}]", report=report, failing=failing, entry=entry)


class Found(Exception):
    """Something was found that counts as a failure; the argument is what is shown of it."""


class Check(pytest.Item):
    """What the static check says of a file, or of one of its models: ``failing`` are the findings that count."""

    def __init__(
        self, *, report: FileReport, failing: list[Finding], model: ModelReport | None = None, **more: Any
    ) -> None:
        super().__init__(**more)
        self.add_marker("resnet_check")
        self.report = report
        self.model = model
        self.failing = failing
        self.user_properties += _properties(failing, model)

    def runtest(self) -> None:
        """Fail with what was found, and skip a model of which nothing was found but not everything understood."""
        failures = () if self.model else self.report.failures
        if self.failing or failures:
            raise Found("\n\n".join((*failures, *self._frames())))
        if self.model is not None and self.model.status != "complete":
            reason = str(self.model.unknown[0]) if self.model.unknown else "it cannot run as written"
            pytest.skip(f"{self.nodeid} is not checked to its end: {reason}")

    def _frames(self) -> list[str]:
        from resnet_check.report import RenderOptions
        from resnet_check.report.text import frames

        folder = self.config.invocation_params.dir
        return frames(self.failing, RenderOptions(lines=lambda path: _lines(os.path.join(folder, path))))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the code frames, without a traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, Found) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the file, the line of the model, and the name."""
        return self.path, self.model.line - 1 if self.model else 0, self.name


class Known(Check):
    """An entry of the baseline, which is expected to fail; when what it stands for is mended, that is a failure."""

    def __init__(self, *, entry: Entry, **more: Any) -> None:
        super().__init__(**more)
        reason = entry.reason or "known in the baseline" if self.failing else "mended: take it out of the baseline"
        self.add_marker(pytest.mark.xfail(reason=reason, strict=True, raises=Found))

    def runtest(self) -> None:
        """Fail with the finding that is known."""
        if self.failing:
            raise Found("\n\n".join(self._frames()))


def _entries(work: Work, report: FileReport, known: dict[str, Entry]) -> Iterator[tuple[Entry, Finding | None]]:
    """Yield the entries of the baseline that a file is about: with its finding, or None where it is looked for in vain."""
    if not known:
        return
    from resnet_check import baseline
    from resnet_check.cli.known import looked_for
    from resnet_check.cli.output import repository_path
    from resnet_check.report import RenderOptions

    found = baseline.entries(report.findings, RenderOptions(lines=_lines, path=repository_path))
    for entry, finding in zip(found, report.findings, strict=True):
        if entry.fingerprint in known:
            yield known[entry.fingerprint], finding
    names = {entry.fingerprint for entry in found}
    path, rules = repository_path(work.path), looked_for(report, work, live=False)
    for name, entry in known.items():
        if entry.path == path and entry.rule in rules and name not in names:
            yield entry, None


def _failing(report: FileReport, fail_on: str, model: ModelReport | None = None) -> list[Finding]:
    """Return the findings that count as failures: all of a file, or those of a model.

    What keeps several models from running is named at one of them; the others fail for the errors of the file.
    """
    from resnet_check.finding import SEVERITIES

    grave = [each for each in report.findings if SEVERITIES.index(each.severity) >= SEVERITIES.index(fail_on)]
    if model is None:
        return grave
    own = [each for each in grave if each.model == model.name]
    return own or [each for each in grave if model.status == "failed" and each.severity == SEVERITIES[-1]]


def _properties(findings: Iterable[Finding], model: ModelReport | None) -> list[tuple[str, object]]:
    """Return what a JUnit report says of an item beside its outcome."""
    figures = {} if model is None else {name: getattr(model, name) for name in ("status", "variant", "params", "macs")}
    found = [("finding", f"{each.code} {each.path}:{each.line}:{each.column} {each.message}") for each in findings]
    return [*((name, figure) for name, figure in figures.items() if figure is not None), *found]


def _lines(path: str) -> list[str]:
    """Return the lines of a file; none of one that cannot be read any more."""
    from resnet_check.errors import CannotCheckError
    from resnet_check.source import read_bytes, readable, split_lines

    try:
        return split_lines(readable(read_bytes(path)))
    except CannotCheckError:
        return []
