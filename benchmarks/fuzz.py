"""Fuzz the static check: mutated real files, Python from a grammar, and a search for lines of the reader not yet reached.

usage: python benchmarks/fuzz.py [--inputs N] [--seed S] [--kind KIND] [--strict] [FOLDER ...]

Each input is parsed, read and given to all rules in a worker process, thousands of inputs in each, at most 1 GiB large. It
fails by an exception, a failure in the report, a finding outside of the file, by taking long, or by ending the process; a
worker fails by memory that grows. The first failure of each sort is made smaller and printed. FOLDERs hold Python files to
mutate, besides the references, the tests' models and the rules' examples. A seed gives the same inputs again.
"""

from __future__ import annotations

import argparse
import ast
import gc
import json
import mmap
import multiprocessing
import os
import platform
import resource
import signal
import statistics
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from types import CodeType, FrameType
from typing import Any, NamedTuple

from fuzz_inputs import Bank, bank_of, cut, generated, mutated

import resnet_check
from resnet_check import checking
from resnet_check.config import Settings
from resnet_check.read.reading import ReadOptions
from resnet_check.read.static import interpreter, reader
from resnet_check.rules.base import all_rules
from resnet_check.source import parse_source

ROOT = Path(__file__).resolve().parent.parent
READER = os.path.join(os.path.dirname(resnet_check.__file__), "read")
STEPS = 30_000
"""Steps of the interpreter for one input: an endless loop is nothing new, so it shall end soon."""

LIMIT, KILL = 4.0, 10.0
"""Seconds of processor time that an input may take with so few steps, and after which the process is ended."""

SLOW = f"more than {LIMIT:.0f} seconds"
MEMORY = 1 << 30
GROWTH = 64
"""MB by which a worker may grow between its first thousand inputs and its last."""

PER_WORKER = 10_000
MAX_TEXT = 1 << 20
PATIENCE = 10.0
"""Seconds of processor time that are spent to make one failing input smaller."""


class Failure(NamedTuple):
    """One input that failed: its number, in what way, and the text."""

    kind: str
    number: int
    what: str
    text: str


class Task(NamedTuple):
    """The inputs of one worker."""

    kind: str
    seed: int
    first: int
    end: int


def check(text: str) -> str:
    """Check one input and return in what way that failed, or nothing."""
    failures: list[str] = []

    def keep(_path: str, what: str, error: Exception) -> str:
        failures.append(f"{what}: {place_of(error)}")
        return what

    checking._failure = keep  # noqa: SLF001 - where an error was raised is what tells failures apart
    begin, limit = time.process_time(), sys.getrecursionlimit()
    try:
        data = text.encode("utf-8", "surrogatepass")
        report = checking.check_source(parse_source("fuzz.py", data), Settings())
        if failures or report.failures:
            return "; ".join(failures or report.failures)
        lines = text.count("\n") + text.count("\r") + 1
        outside = [finding for finding in report.findings if not 1 <= finding.line <= lines]
        if outside:
            return f"{outside[0].rule}: a finding outside of the file"
        json.dumps(report)
    except Exception as error:  # noqa: BLE001 - any exception is a failure
        return place_of(error)
    seconds = time.process_time() - begin
    if sys.getrecursionlimit() != limit:
        return "the recursion limit was changed"
    return SLOW if seconds > LIMIT else ""


def place_of(error: BaseException) -> str:
    """Return an exception with the line of the package that raised it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "resnet_check" in frame.filename]
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


class Lines:
    """Notes which lines of the reader run, at little cost: a function all of whose lines have run is left alone."""

    def __init__(self) -> None:
        self.left: dict[CodeType, set[int | None]] = {}
        self.reached = 0

    def run(self, function: Callable[[str], str], text: str) -> tuple[str, bool]:
        """Return the function's result and whether it came to a new line."""
        before = self.reached
        sys.settrace(self._enter)
        try:
            return function(text), self.reached > before
        finally:
            sys.settrace(None)

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> Any:
        code = frame.f_code
        left = self.left.get(code)
        if left is None:
            ours = code.co_filename.startswith(READER)
            left = self.left[code] = {line for _, _, line in code.co_lines() if line} if ours else set()
        return self._line if left else None

    def _line(self, frame: FrameType, event: str, _argument: object) -> Any:
        left = self.left[frame.f_code]
        if event == "line" and frame.f_lineno in left:
            left.discard(frame.f_lineno)
            self.reached += 1
        return self._line


MAX_FILES, MAX_CORPUS_TEXT = 300, 40_000
"""Files of the given folders, and their characters: more cost time and bring little."""


class Corpus(NamedTuple):
    """Real files, and their parts."""

    texts: Sequence[str]
    bank: Bank


def corpus_of(folders: Sequence[Path]) -> Corpus:
    """Return the files of folders, the references, the tests' models and the rules' examples."""
    own = (ROOT / "resnet_check" / "reference", ROOT / "tests" / "models")
    paths = [path for folder in own for path in sorted(folder.rglob("*.py"))]
    given = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    paths += Random(0).sample(given, min(len(given), MAX_FILES))  # noqa: S311 - nothing is kept secret
    texts = [path.read_text("utf-8", errors="replace") for path in paths]
    texts += [text for rule in all_rules() for text in (*rule.bad, *rule.good)]
    kept = [
        text
        for text in texts
        if len(text) < MAX_CORPUS_TEXT and parse_source("corpus.py", text.encode()).tree is not None
    ]
    return Corpus(kept, bank_of(kept))


def inputs(task: Task, corpus: Corpus, pool: list[str]) -> Iterator[str]:
    """Yield the inputs of a task; those of the search come from a pool that the caller fills."""
    for number in range(task.first, task.end):
        random = Random(f"{task.seed}/{task.kind}/{number}")  # noqa: S311 - nothing is kept secret
        if task.kind == "grammar":
            yield generated(random, random.choice((4, 5, 6)))
        elif task.kind == "tokens" or len(pool) < 20:
            yield mutated(random, cut(random, random.choice(corpus.texts)), corpus.bank)
        else:
            parent = random.choice(pool[-100:] if random.random() < 0.5 else pool)
            yield mutated(random, parent, corpus.bank)


def work(task: Task, corpus: Corpus, current: mmap.mmap, results: Any) -> None:
    """Try the inputs of a task; ``current`` holds the number and the text of the one that is being tried."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    check("")
    gc.collect()
    gc.freeze()
    lines, pool, seconds, sizes = Lines(), [], [], []
    early = 0.0
    for number, text in enumerate(inputs(task, corpus, pool), task.first):
        data = text.encode("utf-8", "surrogatepass")[:MAX_TEXT]
        current.seek(0)
        current.write(number.to_bytes(8, "big") + len(data).to_bytes(8, "big") + data)
        signal.setitimer(signal.ITIMER_PROF, KILL)
        begin = time.process_time()
        if task.kind == "search":
            what, is_new = lines.run(check, text)
            if is_new and not what and len(text) < 8000:
                pool.append(text)
        else:
            what = check(text)
        seconds.append(time.process_time() - begin)
        sizes.append(text.count("\n"))
        signal.setitimer(signal.ITIMER_PROF, 0)
        if what:
            results.put(Failure(task.kind, number, what, text))
        if not number % 20:
            gc.collect()
        if number - task.first == 1000:
            early = resident()
    gc.collect()
    growth = resident() - early if early else 0.0
    if growth > GROWTH:
        results.put(Failure(task.kind, task.first, f"the process grew by {growth:.0f} MB", ""))
    print(
        f"{task.kind} {task.first}-{task.end}: median {statistics.median(sizes):.0f} lines, {sum(seconds):.0f} s,"
        f" slowest {max(seconds):.1f} s, {resident():.0f} MB, grown by {growth:.0f} MB"
        + (f", {lines.reached} lines of the reader, {len(pool)} inputs kept" if task.kind == "search" else ""),
        flush=True,
    )


def resident() -> float:
    """Return the memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / (1 << 20)


def run(task: Task, corpus: Corpus) -> Iterator[Failure]:
    """Yield the failures of a task; an input that ends its process is one, and the rest is tried in another process."""
    context = multiprocessing.get_context("fork")
    current = mmap.mmap(-1, MAX_TEXT + 16)
    while task.first < task.end:
        results = context.SimpleQueue()
        process = context.Process(target=work, args=(task, corpus, current, results))
        process.start()
        while process.is_alive() or not results.empty():
            if results.empty():
                process.join(0.2)
            else:
                yield results.get()
        if process.exitcode == 0:
            return
        number = int.from_bytes(current[:8], "big")
        text = current[16 : 16 + int.from_bytes(current[8:16], "big")].decode("utf-8", "surrogatepass")
        yield Failure(task.kind, number, f"the process ended with {process.exitcode}", text)
        task = task._replace(first=number + 1)


def smaller(failure: Failure) -> str:
    """Return a smaller input that fails in the same way: without lines, then without parts of lines."""
    text, end = failure.text, time.process_time() + PATIENCE
    if not failure.what or "process" in failure.what or failure.what == SLOW:
        return text
    for split, join in ((str.splitlines, "\n".join), (words_of, "".join)):
        parts = split(text)
        size = len(parts) // 2
        while size:
            before = len(parts)
            for start in range(len(parts) - size, -1, -size):
                shorter = [*parts[:start], *parts[start + size :]]
                if time.process_time() < end and check(join(shorter)) == failure.what:
                    parts = shorter
            size = size if size == 1 and len(parts) < before else size // 2
        text = join(parts)
    with suppress(SyntaxError, ValueError):
        shown = ast.unparse(ast.parse(text))
        return shown if check(shown) == failure.what else text
    return text


def words_of(text: str) -> list[str]:
    """Return the pieces of a text that may be left out one by one."""
    import re

    return re.findall(r"\w+|\s+|.", text)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--inputs", type=int, default=1000, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--strict", action="store_true", help="count also what the reader stumbles over and survives")
    parser.add_argument("--kind", action="append", choices=["tokens", "grammar", "search"])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.strict:
        for module in (interpreter, reader):
            module.STUMBLES = ()
    budget = ReadOptions(max_steps=STEPS)
    ReadOptions.__new__.__defaults__ = tuple(budget)
    corpus = corpus_of(arguments.folders)
    print(
        f"resnet-check {resnet_check.__version__}, Python {platform.python_version()}, seed {arguments.seed},"
        f" {len(corpus.texts)} files, {len(corpus.bank['expression'])} expressions of them",
        flush=True,
    )
    known: dict[str, int] = {}
    last = arguments.first + arguments.inputs
    for kind in arguments.kind or ("tokens", "grammar", "search"):
        for first in range(arguments.first, last, PER_WORKER):
            for failure in run(Task(kind, arguments.seed, first, min(first + PER_WORKER, last)), corpus):
                known[failure.what] = known.get(failure.what, 0) + 1
                if known[failure.what] == 1:
                    print(f"--- {failure.kind} {failure.number}: {failure.what}\n{smaller(failure)}\n---", flush=True)
    print(f"{arguments.inputs} inputs of each kind, {sum(known.values())} failures of {len(known)} sorts")
    for what, count in sorted(known.items(), key=lambda each: -each[1]):
        print(f"{count:6d} {what}")


if __name__ == "__main__":
    main()
