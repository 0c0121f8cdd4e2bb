"""The correct files that mistakes are planted in."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mutation.shapes import blocks
from mutation.subject import Subject
from mutation.verdict import SIZES, Entry
from resnet_check.checking import FileReport, ModelReport, check_source
from resnet_check.config import Settings
from resnet_check.errors import CannotCheckError
from resnet_check.read.static.reader import read
from resnet_check.rules._claims import claims
from resnet_check.rules.base import FileContext
from resnet_check.source import parse_source

REFERENCES = Path(__file__).parents[2] / "resnet_check" / "reference"
MAX_PARAMETERS = 30_000_000
"""Larger models are only built, not run: the smaller ones of their file have the same blocks."""

MAX_DEPTH = 60
"""Likewise for deeper ones."""

MAX_LENGTH = 25_000
"""Longer files of a corpus are left out, and those that import others of their package: they cannot be run alone."""


class Base(NamedTuple):
    """A correct file, what is said about it, its models, and whether it says of one which published network it is."""

    subject: Subject
    report: FileReport
    entries: tuple[Entry, ...]
    claims: bool


def checked(path: str, text: str) -> FileReport:
    """Return the report on a text as if it stood in a file."""
    return check_source(parse_source(path, text.encode()), Settings())


def references() -> list[Base]:
    """Return the references that have models."""
    return [base for path in sorted(REFERENCES.glob("*.py")) if (base := _base(path))]


def cases(folder: Path) -> list[Base]:
    """Return the correct cases of a folder."""
    paths = [path for part in ("clean", "traps") for path in sorted((folder / part).glob("*.py"))]
    return [base for path in paths if (base := _base(path))]


def corpus(folder: Path) -> list[Base]:
    """Return the files of a folder that have residual networks, all understood, and nothing to find in them."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if len(text) > MAX_LENGTH or "forward" not in text or "Conv" not in text or "from ." in text:
            continue
        base = _base(path)
        if base and not any(each.severity != "note" for each in base.report.findings) and any(blocks(base.subject)):
            found.append(base)
    return found


def _base(path: Path) -> Base | None:
    """Return a file whose models are all understood; None for any other."""
    try:
        text = path.read_text(encoding="utf-8")
        subject = Subject(str(path), text)
        report = checked(str(path), text)
    except (SyntaxError, UnicodeDecodeError, CannotCheckError):
        return None
    if not report.models or any(model.status != "complete" for model in report.models):
        return None
    different = {(model.params, model.macs, model.depth): model for model in reversed(report.models)}
    entries = tuple(entry for model in reversed(different.values()) if (entry := _entry(model)))
    return Base(subject, report, entries, claims_something(str(path), text)) if entries else None


def claims_something(path: str, text: str) -> bool:
    """Return whether a name or a sentence of a file says that a model is a published network."""
    source = parse_source(path, text.encode())
    return bool(claims(FileContext(source, tuple(read(source).models))))


def _entry(model: ModelReport) -> Entry | None:
    """Return how to run a model, with the first of the sizes that it accepts."""
    if model.input is None:
        return None
    if (model.params or 0) > MAX_PARAMETERS or (model.depth or 0) > MAX_DEPTH:
        return Entry(model.name, model.kind, ())
    channels, *sizes = (each or 1 for each in model.input[1:])
    images = []
    for choice in SIZES:
        least = 64 if sizes[-1] > 64 else 0
        size = next((each for each in (*choice, *sizes) if each >= least and _accepts(model, each)), None)
        images.append((channels, *sizes) if size is None else (channels, *([size] * len(sizes))))
    if len(sizes) == 3:
        images = [(channels, *sizes)]
    return Entry(model.name, model.kind, tuple(dict.fromkeys(images)))


def _accepts(model: ModelReport, size: int) -> bool:
    return any(low <= size <= high for low, high in model.accepted_sizes or ())
