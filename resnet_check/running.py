"""Checking many files: one after the other, or spread over processes, with the results in the order of the files."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from resnet_check.checking import FileReport, Report, check_source
from resnet_check.errors import CannotCheckError
from resnet_check.source import parse_source, read_bytes

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

    from resnet_check.config import Settings
    from resnet_check.finding import Finding
    from resnet_check.gate.snapshot import Gate

FEW = 8
"""Up to so many files are checked faster in one process than processes start."""


class Work(NamedTuple):
    """One file to check; ``data`` holds its content when that does not come from the file.

    With a ``gate`` the report has a Snapshot of each model.
    """

    path: str
    settings: Settings
    data: bytes | None = None
    gate: Gate | None = None


Advance = Callable[[FileReport], None]
"""Is told of each file that is done."""


def run(
    work: Sequence[Work],
    *,
    jobs: int | None = None,
    use_cache: bool = True,
    fail_on: str = "warning",
    advance: Advance = lambda _report: None,
) -> Report:
    """Return the report on all files; ``jobs`` is the number of processes, by default one for each processor."""
    start = time.perf_counter()
    check = partial(check_work if len(work) == 1 else _check_and_tidy, use_cache=use_cache)
    jobs = min(jobs or (os.cpu_count() or 1), len(work))
    results = map(check, work) if jobs == 1 or len(work) <= FEW else _spread(check, work, jobs)
    files = []
    for report in results:
        advance(report)
        files.append(report)
    return Report(tuple(each_once(files)), time.perf_counter() - start, fail_on=fail_on)


def check_work(work: Work, *, use_cache: bool) -> FileReport:
    """Return the report on one file; a file that cannot be read is a failure in it."""
    try:
        data = read_bytes(work.path) if work.data is None else work.data
    except CannotCheckError as error:
        return FileReport(work.path, failures=(str(error),))

    def check() -> FileReport:
        return check_source(parse_source(work.path, data), work.settings, work.gate)

    if not use_cache:
        return check()
    from resnet_check.cache import cached

    return cached(work.path, data, work.settings, check, work.gate)


def _check_and_tidy(work: Work, *, use_cache: bool) -> FileReport:
    """Return the report on one of several files, and give back its memory: values of an interpreted program form cycles."""
    report = check_work(work, use_cache=use_cache)
    tidy()
    return report


def tidy() -> None:
    """Give back the memory of the file that was checked.

    A process that does nothing else leaves out what is still there when it does so again, the tool itself above all: going
    through that after each file takes a fifth of the time.
    """
    gc.collect()
    if _worker:
        gc.freeze()


_worker = False
"""Whether this process was started to check files."""


def _spread(check: Callable[[Work], FileReport], work: Sequence[Work], jobs: int) -> Iterator[FileReport]:
    """Yield the reports in the order of the work; a file that takes its process down is a failure of its own."""
    from concurrent.futures.process import BrokenProcessPool

    done = 0
    with _processes(jobs) as pool:
        try:
            for report in pool.map(check, work, chunksize=max(1, min(8, len(work) // (4 * jobs)))):
                done += 1
                yield report
        except BrokenProcessPool:
            pass
    for item in work[done:]:
        yield _alone(check, item)


def _alone(check: Callable[[Work], FileReport], item: Work) -> FileReport:
    from concurrent.futures.process import BrokenProcessPool

    with _processes(1) as pool:
        try:
            return pool.submit(check, item).result()
        except BrokenProcessPool:
            return FileReport(item.path, failures=(f"internal error in {item.path}: the process that checked it died",))


def ready() -> None:
    """Prepare a process that checks files: an interrupt ends it, and garbage is collected as rarely as in the main one."""
    global _worker  # noqa: PLW0603 - a fact about the process
    import signal

    from resnet_check.__main__ import collect_rarely

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    collect_rarely()
    _worker = True


@contextmanager
def _processes(number: int) -> Iterator[ProcessPoolExecutor]:
    """Run processes that end with the block, at once when it is left early."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import active_children

    pool = ProcessPoolExecutor(number, initializer=ready)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in active_children():
            process.terminate()
        raise
    pool.shutdown()


def each_once(files: Sequence[FileReport]) -> Iterator[FileReport]:
    """Leave out of each file what was found in another one that was checked itself, or that an earlier one read too."""
    known = {_identity(finding) for file in files for finding in file.findings if finding.path == file.path}
    for file in files:
        elsewhere = {_identity(finding) for finding in file.findings if finding.path != file.path}
        if elsewhere & known:
            kept = (f for f in file.findings if f.path == file.path or _identity(f) not in known)
            yield file._replace(findings=tuple(kept))
        else:
            yield file
        known |= elsewhere


def _identity(finding: Finding) -> tuple[str, str, int, int]:
    return os.path.realpath(finding.path), finding.rule, finding.line, finding.column
