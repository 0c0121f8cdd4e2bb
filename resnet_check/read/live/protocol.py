"""What the processes of a live check say to each other: one JSON object on a line, checked where it is read.

The tool asks the worker with a `Request`; the worker forks a child, which `says` things line by line; when the child has
ended, the worker answers with an `Ended` that holds those lines. What comes from a child was written by a process that
ran a stranger's code: it is parsed as JSON into the records below and nothing else, never unpickled.
"""

# No `from __future__ import annotations` here: the annotations are what a line is checked against.
import json
import types
import typing
from typing import Any, NamedTuple

LONGEST = 400
"""The most characters of one text of a child that are kept: enough for a message of torch."""


class Limits(NamedTuple):
    """What one model may use: seconds and bytes.

    ``cpu`` is twice what ResNet-152 takes with all properties; ``wall`` allows for a machine that others use too.
    ``memory`` is address space above that of Python and torch: room for ResNet-152 and copies of it in double precision.
    ``file`` bounds each file that is written, ``printed`` and ``said`` what goes to standard output and to the tool.
    """

    wall: float = 90.0
    cpu: int = 60
    memory: int = 4 << 30
    file: int = 64 << 20
    open_files: int = 256
    printed: int = 64 << 20
    said: int = 4 << 20


class Request(NamedTuple):
    """One model to build and run.

    ``path`` and ``project`` are absolute. ``name``, ``kind`` and ``line`` are those of the static reader, and ``input`` the
    shape of the input without the batch as that knows it. ``size`` is the one that the user asked for. ``known`` says that
    the static reader understands the model: then it is asked again for the Graph. ``properties`` are the names of those to
    try. With ``strict`` nothing is run where a layer of the isolation is missing.
    """

    path: str
    project: str
    name: str
    kind: str
    line: int
    input: list[int] | None = None
    size: list[int] | None = None
    known: bool = False
    like: str | None = None
    properties: list[str] = []  # noqa: RUF012 - a default that nobody changes
    seed: int = 0
    strict: bool = False
    limits: list[float] = list(Limits())  # noqa: RUF012 - likewise

    @property
    def bounds(self) -> Limits:
        """The limits as a record."""
        wall, *numbers = self.limits
        return Limits(wall, *map(int, numbers))


class Ready(NamedTuple):
    """The worker stands; ``layers`` are the parts of the isolation that this system has."""

    layers: list[str]


class Stage(NamedTuple):
    """What the child does from now on: ``import``, ``build``, ``run``, or the name of a property."""

    name: str


class Raised(NamedTuple):
    """The model's own code raised; ``line`` is the innermost one of its file. ``here`` says that another machine might do."""

    stage: str
    type: str
    message: str
    line: int | None
    here: bool


class Effect(NamedTuple):
    """The model's file did something besides building a model."""

    what: str
    line: int | None


class Figures(NamedTuple):
    """What was counted and seen while the model ran once, None where it is not known."""

    params: int | None
    macs: int | None
    output: Any


class Tried(NamedTuple):
    """What came of one property (see `resnet_check.properties.Outcome`)."""

    name: str
    code: str
    verdict: str
    message: str
    example: str
    line: int | None


class Done(NamedTuple):
    """The child came to its end by itself."""


class Ended(NamedTuple):
    """How the child ended, and what it said before.

    ``how`` is ``exit`` or ``signal`` (with ``code``), ``wall``, ``printed`` or ``said`` where the worker ended it for that
    limit, or ``torch`` where no child was made because torch cannot be imported. ``cpu`` and ``seconds`` are what it took.
    """

    how: str
    code: int = 0
    cpu: float = 0.0
    seconds: float = 0.0
    printed: int = 0
    lines: list[str] = []  # noqa: RUF012 - a default that nobody changes


Record = Request | Ready | Stage | Raised | Effect | Figures | Tried | Done | Ended
RECORDS: dict[str, type[Any]] = {each.__name__.lower(): each for each in typing.get_args(Record)}

SAID = (Stage, Raised, Effect, Figures, Tried, Done)
"""What a child may say."""


def encode(record: Record) -> bytes:
    """Return a record as a line."""
    content = {"record": type(record).__name__.lower(), **record._asdict()}
    return json.dumps(content).encode() + b"\n"


def decode(line: bytes | str) -> Record | None:
    """Return the record of a line, None where the line holds none."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    kind = RECORDS.get(str(content.pop("record", ""))) if isinstance(content, dict) else None
    if kind is None or set(content) != set(kind._fields):
        return None
    if not all(_fits(value, kind.__annotations__[name]) for name, value in content.items()):
        return None
    record: Record = kind(**content)
    return record


def said(lines: list[str]) -> tuple[Record, ...]:
    """Return what a child said, without what is nonsense, with texts of a reasonable length."""
    records = (decode(line) for line in lines)
    return tuple(_short(record) for record in records if isinstance(record, SAID))


def _short(record: Any) -> Any:
    cut = {name: value[:LONGEST] for name, value in record._asdict().items() if isinstance(value, str)}
    return record._replace(**cut)


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a value of JSON is what an annotation says."""
    if hint is Any:
        return True
    if isinstance(hint, types.UnionType):
        return any(_fits(value, part) for part in typing.get_args(hint))
    if typing.get_origin(hint) is list:
        (part,) = typing.get_args(hint)
        return isinstance(value, list) and all(_fits(each, part) for each in value)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
