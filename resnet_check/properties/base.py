"""What a property is: a function over one running model, its documentation, and its examples.

A property lives in a file of its own, named like the property, with a page and examples as a rule has
(`resnet_check.rules.base`). In ``BAD`` each whole model file has a fault that this property shows; the models of ``GOOD``
have every property. Each file's model is what its ``build`` returns.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from resnet_check.properties.subject import Subject

PASSED, FAILED, DOES_NOT_APPLY = "passed", "failed", "does-not-apply"
"""What can come of trying a property."""


class Outcome(NamedTuple):
    """What came of trying one property of one model.

    ``message`` says what is wrong, or why the property does not apply. ``example`` is the smallest input that shows it, in
    words. ``line`` is the place in the model's file, None where no single line is known.
    """

    name: str
    code: str
    verdict: str
    message: str = ""
    example: str = ""
    line: int | None = None


class Property(NamedTuple):
    """One thing that must hold, with its page and its examples. ``check`` returns where it holds, and else raises.

    ``runs`` says that it is about a model that runs. The others are about whether it does: in a process of its own, the
    live reader sees that by itself, and reports it under their names.
    """

    code: str
    name: str
    severity: str
    check: Callable[[Subject], None]
    page: str = ""
    bad: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    runs: bool = True

    @property
    def title(self) -> str:
        """The first line of the page."""
        return self.page.strip().partition("\n")[0]


class Failed(Exception):
    """A property does not hold: what is wrong, the input that shows it, and the line at fault."""

    def __init__(self, message: str, *, example: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.example = example
        self.line = line


class Raised(Failed):
    """The model's own code raises, which matters to a few properties only."""


class DoesNotApply(Exception):
    """A property says nothing about this model; the argument is the reason."""


Check = Callable[["Subject"], None]


def prop(code: str, name: str, severity: str, *, runs: bool = True) -> Callable[[Check], Check]:
    """Mark the function of a property's file as its check (see `Property.runs`)."""

    def mark(check: Check) -> Check:
        check.prop = (code, name, severity, runs)  # type: ignore[attr-defined]
        return check

    return mark


def load(module: Any) -> Property:
    """Return the Property that a property's file defines."""
    code, name, severity, runs = module.check.prop
    examples = {"bad": tuple(module.BAD), "good": tuple(module.GOOD)}
    return Property(code, name, severity, module.check, page=module.__doc__ or "", runs=runs, **examples)


@cache
def all_properties() -> tuple[Property, ...]:
    """Return every property of the package, by code."""
    folder = os.path.dirname(__file__)
    names = sorted(entry[:-3] for entry in os.listdir(folder) if entry.endswith(".py"))
    modules = (importlib.import_module(f"resnet_check.properties.{name}") for name in names)
    return tuple(sorted((load(m) for m in modules if hasattr(getattr(m, "check", None), "prop")), key=lambda p: p.code))


def run(subject: Subject, names: Iterable[str] | None = None, seed: int | None = None) -> list[Outcome]:
    """Return what comes of trying the properties of the given names (None: all), in the order of their codes.

    With a ``seed``, everything that is drawn is drawn from that one instead of the Subject's.
    """
    subject = subject if seed is None else replace(subject, seed=seed)
    wanted = None if names is None else frozenset(names)
    return [outcome(each, subject) for each in all_properties() if wanted is None or each.name in wanted]


def outcome(tried: Property, subject: Subject) -> Outcome:
    """Return what comes of trying one property.

    Whatever the model does is caught here: it may raise anything, also what is no `Exception`.
    """
    name, code = tried.name, tried.code
    try:
        if tried.runs:
            subject.require_runs()
        tried.check(subject)
    except Failed as failed:
        return Outcome(name, code, FAILED, failed.message, failed.example, failed.line)
    except DoesNotApply as reason:
        return Outcome(name, code, DOES_NOT_APPLY, str(reason))
    except Exception as error:  # noqa: BLE001 - a model may raise anything anywhere, as when it is built again
        from resnet_check.properties.subject import in_words

        return Outcome(name, code, DOES_NOT_APPLY, f"it could not be tried: {in_words(error)}")
    return Outcome(name, code, PASSED)
