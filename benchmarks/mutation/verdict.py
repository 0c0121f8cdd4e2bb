"""Torch's verdict on a mutant: does any model of the file behave in another way than before?

The original and the mutant are run in processes of their own, many after each other, with a time limit for each. Both get
the same weights, the same images (at two sizes and batches) and the same random numbers. What is compared: whether it can
be built and run, the names and shapes of the state, which initial values are constant, the output in eval mode, the
output, the gradients and the running statistics in training, and the mode that the model is left in.
"""

from __future__ import annotations

import contextlib
import io
import math
import signal
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

SIZES = ((32, 64, 96, 128, 224, 48, 299, 28, 512), (33, 65, 97, 80, 112, 160, 256, 36, 40))
"""Sizes of images to try, the first that the model accepts: one for batches of two, one for batches of three."""

SECONDS = 60


class Entry(NamedTuple):
    """A model of a file, as the static check lists it: how to get it, and images that it accepts.

    One without images is only built.
    """

    name: str
    kind: str
    images: tuple[tuple[int, ...], ...]


class Structure(NamedTuple):
    """The names and shapes of a model's state, and the classes of its modules."""

    shapes: dict[str, tuple[int, ...]]
    classes: frozenset[str]


class Behaviour(NamedTuple):
    """What a model is and does; tensors by name."""

    state: dict[str, tuple[int, ...]]
    constants: dict[str, float]
    results: dict[str, Any]


def equivalent(path: str, original: str, entries: tuple[Entry, ...], mutants: list[str]) -> list[bool | None]:
    """Return for each mutant whether all models behave as in the original; None where the original itself cannot be run.

    Meant for a process of its own: it runs the code.
    """
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _late)
    built = {entry: found for entry in entries if (found := _shapes(path, original, entry)) is not None}
    before = [(entry, *found) for entry in _varied(built) if (found := _original(path, original, entry))]
    if not before:
        return [None] * len(mutants)
    return [
        all(_same(path, text, *each) for each in before)
        and all(_shapes(path, text, entry) == found for entry, found in built.items())
        for text in mutants
    ]


def _varied(built: dict[Entry, Structure]) -> Iterator[Entry]:
    """Yield the models to run, the small ones first: those with a class of module that no smaller one has."""
    seen: set[str] = set()
    for entry, found in sorted(built.items(), key=lambda each: sum(map(math.prod, each[1].shapes.values()))):
        if entry.images and not found.classes <= seen:
            seen |= found.classes
            yield entry


def _shapes(path: str, text: str, entry: Entry) -> Structure | None:
    """Return what a model consists of, built without numbers; None if it cannot be built that way."""
    import torch

    try:
        with _limited(), torch.device("meta"):
            model = _build(path, text, entry)
            shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
            return Structure(shapes, frozenset(type(each).__qualname__ for each in model.modules()))
    except BaseException as error:  # mutants fail in any way
        if isinstance(error, KeyboardInterrupt):
            raise
        return None


def _late(_number: int, _frame: object) -> None:
    message = "too slow"
    raise TimeoutError(message)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Give the code a limited time, and nowhere to print."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _build(path: str, text: str, entry: Entry) -> Any:
    """Return a model of a file."""
    import torch

    module = types.ModuleType("mutant")
    module.__file__ = path
    sys.modules["mutant"] = module
    torch.manual_seed(0)
    exec(compile(text, path, "exec"), module.__dict__)  # noqa: S102 - what this module is for
    found = getattr(module, entry.name)
    return found if entry.kind == "instance" else found()


def _original(path: str, text: str, entry: Entry) -> tuple[dict[str, Any], Behaviour] | None:
    """Return random weights for a model and how it behaves with them; None if it cannot be run."""
    import torch

    try:
        with _limited():
            model = _build(path, text, entry)
            constants = _constants(model)
            torch.manual_seed(1)
            for name, value in model.state_dict().items():
                if value.is_floating_point() and value.dim() < 2 and "running_var" not in name:
                    value.copy_(value + 0.1 * torch.randn_like(value))
            weights = {name: value.clone() for name, value in model.state_dict().items()}
            state = {name: tuple(value.shape) for name, value in weights.items()}
            return weights, Behaviour(state, constants, dict(_results(model, entry)))
    except BaseException as error:  # files of others
        if isinstance(error, KeyboardInterrupt):
            raise
        return None


def _same(path: str, text: str, entry: Entry, weights: dict[str, Any], before: Behaviour) -> bool:
    try:
        with _limited():
            model = _build(path, text, entry)
            if {name: tuple(value.shape) for name, value in model.state_dict().items()} != before.state:
                return False
            if _constants(model) != before.constants:
                return False
            model.load_state_dict({name: value.clone() for name, value in weights.items()})
            left = dict(before.results)
            return (
                all(key in left and _close(value, left.pop(key)) for key, value in _results(model, entry)) and not left
            )
    except BaseException as error:  # mutants fail in any way
        if isinstance(error, KeyboardInterrupt):
            raise
        return False


def _constants(model: Any) -> dict[str, float]:
    """Return the initial value of each parameter that is constant, and which parameters are trained."""
    found = {}
    for name, value in model.named_parameters():
        first = float(value.detach().flatten()[0]) if value.numel() else 0.0
        if value.numel() and bool((value == first).all()):
            found[name] = round(first, 5)
        found[f"{name} is trained"] = float(value.requires_grad)
    return found


def _results(model: Any, entry: Entry) -> Iterator[tuple[str, Any]]:
    """Yield what a model computes, in eval mode and in training, what is known first before the rest is computed."""
    import torch

    model.eval()
    for number, shape in enumerate(entry.images):
        torch.manual_seed(2)
        images = torch.randn(number + 2, *shape)
        with torch.no_grad():
            outputs = dict(_tensors(model(images)))
        yield from ((f"eval {number} {key}", value) for key, value in outputs.items())
    model.train()
    torch.manual_seed(3)
    images = torch.randn(2, *entry.images[0])
    outputs = dict(_tensors(model(images)))
    loss = sum((value * torch.randn_like(value)).sum() for value in outputs.values() if value.is_floating_point())
    loss.backward()
    yield from ((f"train {key}", value.detach()) for key, value in outputs.items())
    yield from ((f"gradient {name}", value.grad) for name, value in model.named_parameters())
    yield from ((f"buffer {name}", value) for name, value in model.named_buffers())
    yield from ((f"mode {name}", each.training) for name, each in model.named_modules())


def _tensors(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the tensors of what forward returns."""
    import torch

    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _tensors(each, f"{name}.{key}")
    elif isinstance(value, tuple | list):
        for number, each in enumerate(value):
            yield from _tensors(each, f"{name}.{number}")


def _close(one: Any, other: Any) -> bool:
    """Return whether two results are equal but for rounding."""
    import torch

    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        return bool(one is other or one == other)
    if one.shape != other.shape:
        return False
    one, other = one.double(), other.double()
    scale = float(other.abs().nan_to_num(posinf=0, neginf=0).max()) if other.numel() else 0.0
    return bool(torch.allclose(one, other, rtol=1e-3, atol=1e-4 * scale + 1e-12, equal_nan=True))
