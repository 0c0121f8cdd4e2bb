"""Mutation testing of the checks: plant mistakes in correct files, and see which are found, and at which line.

usage: python benchmarks/mutants.py [--cases FOLDER] [--corpus FOLDER] [--each N] [--seed N] [--jobs N] [--cache FILE]
                                    [--only OPERATOR] [--misses] [--table FILE]

Mistakes are planted in the references, in the correct cases of a folder (its parts clean/ and traps/) and in the files of a
corpus that have nothing to find. Of each kind at most N (45) are taken, by a seed. Mutants that torch shows to be
equivalent are left out; its verdicts are kept in the cache, so that only the first run needs long. Needs torch.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import multiprocessing
import platform
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from mutation import arguments, bases, claims, heads, modules, sizes, training, wiring
from mutation.judging import Judgement, Mutant, judge, rows
from mutation.operators import OPERATORS
from mutation.subject import planted
from mutation.table import page
from mutation.verdict import Entry, equivalent

from resnet_check.finding import Finding

GROUPS = (modules, arguments, sizes, heads, wiring, claims, training)
BATCH = 50
UNKNOWN = "unknown"


def plant_all(files: list[bases.Base], each: int, seed: int, only: str | None = None) -> list[Mutant]:
    """Return at most ``each`` mutants of each operator, from as many files as there are."""
    chosen: list[Mutant] = []
    for name, operator in OPERATORS.items():
        if only and only not in name:
            continue
        draw = random.Random(f"{seed} {name}")  # noqa: S311 - a sample
        by_file: list[list[Mutant]] = []
        for base in files:
            found, texts = [], {base.subject.text}
            if operator.needs_claim and not base.claims:
                continue
            for number, mistake in enumerate(operator.planter(base.subject)):
                try:
                    text, lines = planted(base.subject, mistake)
                except (SyntaxError, ValueError):
                    continue
                if text not in texts:
                    texts.add(text)
                    found.append(Mutant(name, number, base.subject.path, text, lines))
            draw.shuffle(found)
            by_file.append(found)
        draw.shuffle(by_file)
        turns = [
            mutants[turn]
            for turn in range(max(map(len, by_file), default=0))
            for mutants in by_file
            if turn < len(mutants)
        ]
        chosen += turns[:each]
    return chosen


class Work(NamedTuple):
    """Mutants of one file for a process of its own, with the verdicts that are known."""

    path: str
    text: str
    entries: tuple[Entry, ...]
    before: tuple[Finding, ...]
    mutants: list[Mutant]
    known: list[bool | str | None]


def examine(work: Work) -> list[tuple[bool | None, Judgement | None]]:
    """Return torch's verdict on each mutant, and what is found of those that behave in another way."""
    waiting = [mutant.text for mutant, same in zip(work.mutants, work.known, strict=True) if same == UNKNOWN]
    new = iter(equivalent(work.path, work.text, work.entries, waiting) if waiting else ())
    verdicts = [next(new) if same == UNKNOWN else same for same in work.known]
    return [
        (same, judge(work.text, work.before, mutant) if same is False else None)  # type: ignore[misc]
        for mutant, same in zip(work.mutants, verdicts, strict=True)
    ]


def examine_all(
    files: list[bases.Base], mutants: list[Mutant], jobs: int, cache: Path
) -> Iterator[tuple[Mutant, bool | None, Judgement | None]]:
    """Yield each mutant with torch's verdict, which the cache keeps, and what is found of it."""
    known: dict[str, bool | None] = json.loads(cache.read_text()) if cache.exists() else {}
    waiting = []
    for base in files:
        mine = [mutant for mutant in mutants if mutant.path == base.subject.path]
        for at in range(0, len(mine), BATCH):
            batch = mine[at : at + BATCH]
            verdicts = [known.get(key(base, mutant), UNKNOWN) for mutant in batch]
            waiting.append((base, batch, verdicts))
    context = multiprocessing.get_context("spawn")
    while waiting:
        with ProcessPoolExecutor(jobs, mp_context=context) as pool:
            running = {
                pool.submit(
                    examine, Work(base.subject.path, base.subject.text, base.entries, base.report.findings, *rest)
                ): (base, *rest)
                for base, *rest in waiting
            }
            waiting = []
            for future in as_completed(running):
                base, batch, verdicts = running[future]
                try:
                    found = future.result()
                except BrokenProcessPool:
                    # A mutant that ends its process behaves in another way; which of a batch it is shows one by one.
                    alone = False if len(batch) == 1 else None
                    waiting += [
                        (base, [mutant], [alone if alone is not None else verdict])
                        for mutant, verdict in zip(batch, verdicts, strict=True)
                    ]
                    continue
                known |= {key(base, mutant): same for mutant, (same, _) in zip(batch, found, strict=True)}
                cache.write_text(json.dumps(known))
                yield from ((mutant, *each) for mutant, each in zip(batch, found, strict=True))


def key(base: bases.Base, mutant: Mutant) -> str:
    """Return what a verdict is kept under."""
    words = "\0".join((base.subject.text, mutant.text, repr(base.entries)))
    return hashlib.sha256(words.encode()).hexdigest()[:24]


def report(judgement: Judgement) -> str:
    """Return one line about a mutant that was not found where it is."""
    mutant = judgement.mutant
    lines = mutant.text.splitlines()
    found = "; ".join(f"{each.code} {each.line} {each.message[:90]}" for each in judgement.findings)
    word = "line" if judgement.found else "MISS"
    at = sorted(mutant.lines)
    return f"{word} [{mutant.operator}/{mutant.number}] {mutant.path}:{at[:6]}: {lines[at[0] - 1].strip()[:90]}\n       {found}"


def main() -> None:
    """Plant, ask torch, check, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--each", type=int, default=45)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path(".mutants.json"))
    parser.add_argument("--only")
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    start = time.monotonic()
    files = bases.references()
    files += bases.cases(options.cases) if options.cases else []
    files += bases.corpus(options.corpus) if options.corpus else []
    mutants = plant_all(files, options.each, options.seed, options.only)
    print(f"{len(mutants)} mutants of {len(files)} files in {time.monotonic() - start:.0f} s", file=sys.stderr)
    planted_, judgements = Counter[str](), []
    used = set()
    for mutant, same, judgement in examine_all(files, mutants, options.jobs, options.cache):
        if same is not None:
            planted_[mutant.operator] += 1
            used.add(mutant.path)
        if judgement is not None:
            judgements.append(judgement)
            if options.misses and not judgement.at_line:
                print(report(judgement), flush=True)
    figures = rows(judgements, planted_)
    text = page(figures, len(used), options.seed, dt.datetime.now(dt.UTC).date(), platform.python_version())
    print(text)
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
    if options.table:
        options.table.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
