"""What a reader hands over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from resnet_check.graph.records import Model, Problem


class ReadOptions(NamedTuple):
    """How to read: the input's shape without the batch (None: as the file says), and the budgets.

    ``only`` names the models that are wanted (None: all). Without ``figures`` no accepted sizes and no training pass are
    worked out, and of the input's shape only the sizes count, the channels are those of the stem. Reading ends at the
    first problem of which ``stop`` says so.
    """

    input_size: tuple[int, ...] | None = None
    max_steps: int = 6_000_000
    max_seconds: float = 7.5
    only: frozenset[str] | None = None
    figures: bool = True
    stop: Callable[[Problem], bool] | None = None

    def wants(self, name: str) -> bool:
        """Return whether the model of that name is to be read."""
        return self.only is None or name in self.only


@dataclass(slots=True)
class Reading:
    """The Models of one file (with those of kind ``trial``), and the problems that belong to no single one of them.

    ``dependencies`` are the other files that the result rests on: those that were read for an import, and those that
    were looked for in vain.
    """

    models: list[Model] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)
