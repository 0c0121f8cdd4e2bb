"""How the tool does on real packages: time, memory, what it understood, and whether its figures are those of torch.

usage: python benchmarks/corpus.py PACKAGES LISTS [--jobs N] [--out FILE]

PACKAGES is a folder with unpacked packages, one folder ``name-version`` for each. LISTS is a folder with what to check and
what torch said of it: ``files.json``, a list of objects with ``package``, ``version`` and ``file``; and ``models.jsonl``,
for each model one such object with ``name``, ``status`` (``built`` where torch could build it), ``params``, ``out224`` and
``out32`` (the output's sizes at these images, a batch of two) and ``tried_sizes`` with ``ok_sizes``, those of them that
forward accepts. Models for which arguments had to be invented (``filled``, ``overridden``) do not count.

All files are checked twice on N (2) processes, cold and from the cache. The tables go to FILE as Markdown, or are printed.
Where other programs run at the same time, the seconds by the clock say nothing; those of the processor grow by half.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from resnet_check import __version__
from resnet_check.cache import FOLDER_VARIABLE
from resnet_check.checking import FileReport, ModelReport
from resnet_check.config import Settings
from resnet_check.read.reading import Reading, ReadOptions
from resnet_check.read.static import reader
from resnet_check.running import Work, check_work, ready, tidy
from resnet_check.source import Source

SLOWEST = 12
"""Files that are listed with what makes them slow."""

REASONS = 25
"""Reasons for which something is not known that are listed."""

SHARED = (
    "The processors were shared: other programs ran at the same time, so that the seconds by the clock say little here, and "
    "those of the processor are more than on a machine that does nothing else."
)

BATCH = 2
Row = dict[str, Any]


class Reads(NamedTuple):
    """What was read of one file: in how many processor seconds, how many modules and Ops, and which limit ended it."""

    seconds: float = 0.0
    modules: int = 0
    ops: int = 0
    limit: str = ""


class Checked(NamedTuple):
    """One checked file: its report, the processor seconds that it took, and the peak memory of its process in MB."""

    report: FileReport
    seconds: float
    memory: float
    reads: Reads


class Run(NamedTuple):
    """All files, and the seconds by the clock."""

    files: list[Checked]
    seconds: float


READ = reader.read
FOUND: list[Reads] = []
"""What the reader was asked for in the running check: the file first, then whatever the rules want to have read again."""


def watched(source: Source, options: ReadOptions | None = None) -> Reading:
    """Read a file and note what that cost."""
    start = time.process_time()
    reading = READ(source, options)
    limit = next((str(p.facts["reason"]) for p in reading.problems if p.kind == "too-complex"), "")
    modules, ops = (sum(len(getattr(m, name)) for m in reading.models) for name in ("modules", "ops"))
    FOUND.append(Reads(time.process_time() - start, modules, ops, limit))
    return reading


def begin() -> None:
    """Prepare a process."""
    ready()
    reader.read = watched


def check(path: str) -> Checked:
    """Check one file as the command line does."""
    FOUND.clear()
    start = time.process_time()
    report = check_work(Work(path, Settings()), use_cache=True)
    tidy()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Checked(report, time.process_time() - start, memory, FOUND[0] if FOUND else Reads())


def run(paths: list[str], jobs: int) -> Run:
    """Check all files in fresh processes."""
    start = time.perf_counter()
    with ProcessPoolExecutor(jobs, initializer=begin) as pool:
        files = list(pool.map(check, paths, chunksize=4))
    return Run(files, time.perf_counter() - start)


def place(row: Row) -> str:
    """Return where the file of a row lies below the packages."""
    return f"{row['package']}-{row['version']}/{row['file']}"


def nested(sizes: Any) -> Any:
    """Return an output's sizes with the batch that torch was given."""
    return [nested(size) for size in sizes] if isinstance(sizes, list) else BATCH if sizes is None else sizes


def expected_output(row: Row, model: ModelReport) -> Any:
    """Return what torch gives at the size that the model was looked at, None where that is not known."""
    size = set(model.input[2:]) if model.input else set()
    return row.get(f"out{size.pop()}") if len(size) == 1 else None


def compared(row: Row, model: ModelReport) -> Iterator[tuple[str, str]]:
    """Yield for each figure that torch gave whether the tool's is ``right``, ``wrong`` or ``unstated``."""
    yield "parameters", verdict(model.params, row["params"])
    output = expected_output(row, model)
    if output is not None:
        yield "output", verdict(None if model.output is None else nested(model.output), output)
    if row.get("tried_sizes"):
        ranges = model.accepted_sizes
        found = None if ranges is None else [s for s in row["tried_sizes"] if any(a <= s <= b for a, b in ranges)]
        yield "accepted sizes", verdict(found, row["ok_sizes"])


def verdict(mine: Any, theirs: Any) -> str:
    """Return how a figure compares with torch's."""
    return "unstated" if mine is None else "right" if mine == theirs else "wrong"


def exactness(run: Run, rows: Iterable[Row], root: Path) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Return the number of figures of each kind with each verdict, and a line for each model that is not complete and right."""
    files = {Path(file.report.path).relative_to(root).as_posix(): file.report for file in run.files}
    tally: Counter[tuple[str, str]] = Counter()
    lines = []
    for row in rows:
        if row["status"] != "built" or row.get("filled") or row.get("overridden"):
            continue
        models = files[place(row)].models if place(row) in files else ()
        model = next((m for m in models if m.name == row["name"]), None)
        tally["model", model.status if model else "not listed"] += 1
        verdicts = list(compared(row, model)) if model else []
        tally.update(verdicts)
        wrong = [f"{figure} wrong" for figure, said in verdicts if said == "wrong"]
        if model is None or model.status != "complete" or wrong:
            why = wrong or [str(u) for u in model.unknown[:1]] if model else ["not listed"]
            lines.append(f"`{row['name']}` of {place(row)}: {'; '.join(why) or (model and model.status)}")
    return tally, lines


def table(heads: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """Return a table of Markdown; all columns but the first hold numbers, the others words if they are texts."""
    listed = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    lines = [list(heads), ["---"] * len(heads), *listed]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def slow(files: list[Checked], root: Path) -> Iterator[tuple[Any, ...]]:
    """Yield what makes the slowest files slow."""
    for file in sorted(files, key=lambda f: -f.seconds)[:SLOWEST]:
        name, reads = Path(file.report.path).relative_to(root).as_posix(), file.reads
        figures = f"{file.seconds:.1f}", f"{reads.seconds:.1f}", len(file.report.models), reads.modules, reads.ops
        yield name, *figures, reads.limit


def times(name: str, run: Run, jobs: int) -> tuple[str, ...]:
    """Return a row with the seconds of a run."""
    processor = sum(file.seconds for file in run.files)
    return name, *(f"{seconds:.1f} s" for seconds in (run.seconds, processor, processor / jobs))


def reasons(files: list[Checked]) -> Counter[str]:
    """Return why models are not complete, with the number of models."""
    return Counter(
        reason
        for file in files
        for model in file.report.models
        for reason in dict.fromkeys(u.reason for u in model.unknown)
    )


def findings(files: list[Checked]) -> Iterator[tuple[Any, ...]]:
    """Yield each rule with the number of its errors, warnings and notes, and of the files that have them."""
    found = [finding for file in files for finding in file.report.findings]
    for rule, _ in Counter(finding.rule for finding in found).most_common():
        mine = [finding for finding in found if finding.rule == rule]
        severities = Counter(finding.severity for finding in mine)
        counts = (severities[s] or "" for s in ("error", "warning", "note"))
        yield f"`{rule}`", *counts, len({finding.path for finding in mine})


GOALS = """The goals are 60 seconds by the clock for the first run and two from the cache. The second is met. The first is not: half
of the time goes into running the programs of the files step by step, a sixth into remembering and copying what repeats, a tenth
into the rules, and no single place takes more than three hundredths of it. Six files with two dozen networks of up to a
thousand layers each take a quarter of the whole and end at the time limit."""


def report(cold: Run, cached: Run, rows: list[Row], root: Path, jobs: int) -> str:
    """Return the page."""
    files = cold.files
    tally, lines = exactness(cold, rows, root)
    status = Counter(model.status for file in files for model in file.report.models)
    failures = [failure for file in files for failure in file.report.failures]
    above = sum(file.seconds > 10 for file in files)
    packages = len({file.report.path.removeprefix(str(root)).split("/")[1] for file in files})
    kinds = [k for k in ("parameters", "output", "accepted sizes") if any(kind == k for kind, _ in tally)]
    where = (
        f"{dt.datetime.now(tz=dt.UTC).date()}:",
        f"resnet-check {__version__}, Python {platform.python_version()}, {platform.machine()}, {jobs} processes;",
    )
    cost = (
        f"The largest process took {max(file.memory for file in files):.0f} MB.",
        f"{above} files took more than ten seconds, {sum(file.seconds < 1 for file in files)} less than one.",
        f"{len(failures)} failures of the tool.",
    )
    parts = [
        "# On real packages",
        " ".join(where) + f" {len(files)} files of {packages} packages. Written by `benchmarks/corpus.py`.",
        "## Time and memory",
        table(
            ("", "by the clock", "processor", "processor for each process"),
            [times("cold", cold, jobs), times("from the cache", cached, jobs)],
        ),
        *([SHARED] if cold.seconds * jobs > 1.5 * sum(file.seconds for file in files) else []),
        " ".join(cost),
        GOALS,
        "The slowest files (processor seconds of the check, and of reading in it):",
        table(("file", "check", "reading", "models", "modules", "Ops", "limit"), slow(files, root)),
        "## What was understood",
        table(
            ("models", "complete", "partial", "failed"),
            [
                ("all", *(status[s] for s in ("complete", "partial", "failed"))),
                ("with torch's figures", *(tally["model", s] for s in ("complete", "partial", "failed"))),
            ],
        ),
        "## Exactness",
        "Figures against those of torch, for the models that are built with nothing filled in:",
        table(
            ("", "right", "wrong", "unstated"),
            [(k, *(tally[k, v] for v in ("right", "wrong", "unstated"))) for k in kinds],
        ),
        "Not complete and right:",
        "\n".join(f"- {line}" for line in lines) or "- none",
        "## What is not known",
        f"The {REASONS} most frequent reasons for which a model is not complete:",
        table(("reason", "models"), reasons(files).most_common(REASONS)),
        "## Findings",
        table(("rule", "errors", "warnings", "notes", "files"), findings(files)),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", type=Path)
    parser.add_argument("lists", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    root = options.packages.resolve()
    paths = [str(root / place(row)) for row in json.loads((options.lists / "files.json").read_text(encoding="utf-8"))]
    rows = [json.loads(line) for line in (options.lists / "models.jsonl").read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FOLDER_VARIABLE] = folder
        cold, cached = run(paths, options.jobs), run(paths, options.jobs)
        page = report(cold, cached, rows, root, options.jobs)
    if options.out:
        options.out.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


if __name__ == "__main__":
    main()
