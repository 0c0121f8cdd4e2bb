"""The model whose properties are tried: made anew as often as it takes, and run on generated inputs."""

from __future__ import annotations

import copy
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from resnet_check.graph.dim import symbols, value
from resnet_check.graph.records import Model, ModuleRecord, Site
from resnet_check.graph.sizes import accepts
from resnet_check.properties.base import DoesNotApply, Raised

if TYPE_CHECKING:
    import torch
    from torch import nn

    from resnet_check.graph.records import Shape

TOLERANCE = 1e-4
"""How far two results may be apart, relative to the largest value, to be called the same.

Faults move values by much more; rounding in single precision, also in the inside of a model that is run in double, by less.
"""

SIZES = (1, 2, 3, 5, 8, 9, 16, 17, 24, 31, 32, 33, 48, 64, 65, 96, 112, 128, 129, 192, 224, 225, 256)
"""Sizes to try, odd and even: small ones cost little."""

SECONDS = 25.0
"""How much CPU time all properties of one model may take; those that come later do not apply. ResNet-152 takes 20 s."""

ENOUGH = 4
"""How many sizes a property is tried at."""

USUAL = 16
"""From this size on maps stay larger than one value in many networks, which shows more than a map of one value."""


class Case(NamedTuple):
    """One input: how many images, of which size (without channels), and the seed of their values."""

    batch: int
    size: tuple[int, ...]
    seed: int = 0


@dataclass(frozen=True)
class Subject:
    """One model of a file.

    ``factory`` makes it (a fresh one at each call), ``model`` is its traced Graph, ``static`` what the static reader made
    of it; either may be missing. ``seed`` makes everything that is drawn here the same again. ``like`` is the reference
    that the user says it is. ``path`` is the file as the Graphs name it, ``file`` as tracebacks do, where that is another.
    """

    factory: Callable[[], Any]
    name: str
    path: str = ""
    model: Model | None = None
    static: Model | None = None
    seed: int = 0
    like: str | None = None
    file: str = ""

    def build(self, *, seed: int | None = None) -> nn.Module:
        """Return a fresh module in eval mode, the same each time unless the seed differs."""
        self._sow(self.seed if seed is None else seed)
        module: nn.Module = self.factory()
        return module.eval()

    def _sow(self, seed: int) -> None:
        """Set the generators from which models draw their first weights and their noise."""
        import torch

        torch.manual_seed(seed)
        random.seed(seed)

    @cached_property
    def module(self) -> nn.Module:
        """A module in eval mode with random values in its norms and in what starts out as one number.

        It is shared: to change it, `build` another one. A branch that starts at zero would otherwise hide what it does.
        """
        return shaken(self.build(), self.seed)

    @cached_property
    def graph(self) -> Model | None:
        """The Graph that is understood completely, the traced one first; None where neither is."""
        return next((m for m in (self.model, self.static) if m is not None and m.status == "complete"), None)

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the inputs with the batch, of the static Graph if there is one: it knows which sizes are free."""
        for model in (self.static, self.model):
            if model is not None and model.input is not None:
                own = tuple(op.shape for op in model.ops if op.kind == "input")
                return own or (model.input,)
        message = "the shape of its input is not known"
        raise DoesNotApply(message)

    @cached_property
    def free(self) -> tuple[str, ...]:
        """The names of the sizes that may differ, in their order, without the batch; none for several inputs."""
        if len(self.shapes) != 1 or self.static is None or self.static.accepted is None:
            return ()
        return tuple(str(size) for size in self.shapes[0][1:] if symbols(size))

    @property
    def stated(self) -> tuple[int, ...]:
        """The size at which the model was looked at."""
        return tuple(value(size) for size in self.shapes[0][2:])

    @cached_property
    def sizes(self) -> tuple[tuple[int, ...], ...]:
        """Sizes at which it runs, the smallest first: the least accepted one, an odd one, one that is not square.

        Only the one at which the model was looked at where no accepted sizes are known.
        """
        if not self.free or len(self.free) != len(self.shapes[0]) - 2:
            return (self.stated,)
        usual = [n for low, high in self.accepted for n in SIZES if low <= n <= high and n >= min(USUAL, high)]
        least = self.accepted[0][0]
        chosen = sorted({least, *usual[: ENOUGH - 1]})
        square = [(n,) * len(self.free) for n in chosen]
        oblong = [(*size[:-1], size[-1] + 1) for size in square[1:]]
        return tuple(size for size in (*square, *oblong[:1]) if self.accepts(size)) or (self.stated,)

    @property
    def accepted(self) -> tuple[tuple[int, int], ...]:
        """The ranges of square sizes that the static reader says the model accepts."""
        return tuple((self.static.accepted if self.static is not None else None) or ())

    def accepts(self, size: tuple[int, ...], batch: int = 2) -> bool | None:
        """Return whether forward finishes at a size as the static reader says; None where it does not know."""
        if self.static is None:
            return None
        return accepts(self.static, N=batch, **dict(zip(self.free, size, strict=True)))

    def inputs(self, case: Case, dtype: torch.dtype | None = None) -> tuple[torch.Tensor, ...]:
        """Return the inputs of a case: normal numbers, of double precision unless another type is asked for."""
        import torch

        generator = torch.Generator().manual_seed(case.seed)
        found = []
        for shape in self.shapes:
            rest = tuple(value(size) for size in shape[1:])
            if self.free:
                rest = (*rest[: -len(case.size)], *case.size)
            # Drawn image by image: the first ones do not change with the size of the batch.
            images = [torch.randn(rest, generator=generator, dtype=torch.float64) for _ in range(case.batch)]
            found.append(torch.stack(images).to(dtype or torch.float64))
        return tuple(found)

    @cached_property
    def runs(self) -> BaseException | None:
        """What a first pass at the stated size raises, None where it finishes."""
        import torch

        try:
            with torch.no_grad():
                self.module(*self.inputs(Case(2, self.stated), torch.float32))
        except Exception as error:  # noqa: BLE001 - a model may raise anything
            return error
        return None

    @cached_property
    def started(self) -> float:
        """When the first property was tried, in CPU seconds of this process."""
        return time.process_time()

    def require_runs(self) -> None:
        """Raise `DoesNotApply` where the model does not run at all: that is no matter of its properties.

        Likewise where the time for them is used up.
        """
        if time.process_time() - self.started > SECONDS:
            message = f"the {SECONDS:.0f} s for the properties of a model are used up"
            raise DoesNotApply(message)
        if self.runs is not None:
            message = f"it does not run: {in_words(self.runs)}"
            raise DoesNotApply(message)

    @cached_property
    def double(self) -> nn.Module:
        """The shared module in double precision, or as it is where it cannot run in that."""
        import torch

        module = copied(self).double()
        try:
            with torch.no_grad():
                module(*self.inputs(Case(2, self.stated)))
        except Exception:  # noqa: BLE001 - float64-and-bfloat16 says so
            return self.module
        return module

    @cached_property
    def is_random(self) -> bool:
        """Whether forward draws random numbers in eval mode, from torch's generator or Python's."""
        import torch

        before, python = torch.get_rng_state(), random.getstate()
        with torch.no_grad():
            self.module(*self.inputs(Case(2, self.stated), torch.float32))
        return not torch.equal(before, torch.get_rng_state()) or python != random.getstate()

    @cached_property
    def is_changing(self) -> bool:
        """Whether two passes over the same input in eval mode give different outputs."""
        case = Case(2, self.stated)
        return all_apart(self.output(self.module, case), self.output(self.module, case)) > TOLERANCE

    def require_same_each_time(self) -> None:
        """Raise `DoesNotApply` for a model that gives something else each time in eval mode."""
        if self.is_random:
            message = "it draws random numbers in eval mode"
            raise DoesNotApply(message)
        if self.is_changing:
            message = "two passes over the same input give different outputs in eval mode"
            raise DoesNotApply(message)

    def output(self, module: nn.Module, case: Case, inputs: tuple[torch.Tensor, ...] | None = None) -> Any:
        """Return what a module makes of a case, or of copies of other inputs, without gradients.

        What it raises becomes `Raised`.
        """
        import torch

        given = self.inputs(case, precision(module)) if inputs is None else tuple(x.clone() for x in inputs)
        mode = module.training
        try:
            with torch.no_grad():
                return self.attempt(lambda: module(*given))
        finally:
            if any(part.training != mode for part in module.modules()):  # forward has set it
                module.train(mode)

    def attempt(self, action: Callable[[], Any], what: str = "forward") -> Any:
        """Return what an action of the model's returns; what it raises becomes `Raised`, with the line of its file."""
        try:
            return action()
        except Exception as error:
            message = f"{what} raises {in_words(error)}"
            raise Raised(message, line=self.line_of(error)) from error

    def holds(self, filename: str) -> bool:
        """Return whether code of that file name is code of the model's file."""
        return os.path.abspath(filename) == os.path.abspath(self.file or self.path)

    def line_of(self, error: BaseException) -> int | None:
        """Return the innermost line of the model's file that an exception passed."""
        found, trace = None, error.__traceback__
        while trace is not None:
            if self.holds(trace.tb_frame.f_code.co_filename):
                found = trace.tb_lineno
            trace = trace.tb_next
        return found

    def line_of_module(self, path: str) -> int | None:
        """Return the line of the model's file that built the module of a path."""
        return next((line for record in self._records(path) if (line := self.line_at(record.built))), None)

    def _records(self, path: str) -> Iterator[ModuleRecord]:
        for model in (self.static, self.model):
            yield from (r for r in (model.modules if model is not None else ()) if path in (r.path, *r.also))

    def line_at(self, site: Site) -> int | None:
        """Return the line of the model's file that a place is at, or from which it was reached."""
        return next((each.line for each in (site, *site.calls) if each.path == self.path), None)


def precision(module: nn.Module) -> torch.dtype:
    """Return the type in which a module computes: that of its first parameter or buffer of real numbers."""
    import torch

    tensors = (*module.parameters(), *module.buffers())
    return next((t.dtype for t in tensors if t.is_floating_point()), torch.float32)


def copied(subject: Subject) -> nn.Module:
    """Return another module with the weights of the shared one, by copying or else by building it again."""
    try:
        return copy.deepcopy(subject.module)
    except Exception:  # noqa: BLE001 - copy-and-pickle says so
        return shaken(subject.build(), subject.seed)


def shaken(module: nn.Module, seed: int) -> nn.Module:
    """Put random values into the norms' statistics and into every parameter that starts out as one number."""
    import torch
    from torch.nn.parameter import is_lazy

    generator = torch.Generator().manual_seed(seed)

    def drawn(like: torch.Tensor) -> torch.Tensor:
        return torch.rand(like.shape, generator=generator, dtype=torch.float64).to(like.dtype)

    def is_one_number(parameter: torch.Tensor) -> bool:
        known = not is_lazy(parameter) and parameter.is_floating_point() and parameter.numel() > 0
        return known and bool((parameter == parameter.flatten()[0]).all())

    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad and is_one_number(parameter):
                parameter.add_(drawn(parameter) - 0.5)
        for norm in norms(module):
            if norm.running_mean is not None and norm.running_var is not None:
                norm.running_mean.add_(drawn(norm.running_mean) - 0.5)
                norm.running_var.mul_(drawn(norm.running_var) + 0.5)
    return module


def norms(module: nn.Module) -> Iterator[Any]:
    """Yield the norms that keep statistics, each once."""
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.nn.modules.instancenorm import _InstanceNorm

    for each in module.modules():
        if isinstance(each, (_BatchNorm, _InstanceNorm)) and each.track_running_stats and each.running_mean is not None:
            yield each


def leaves(output: Any) -> list[torch.Tensor]:
    """Return the tensors of an output, however it nests them."""
    import torch

    if isinstance(output, torch.Tensor):
        return [output]
    if isinstance(output, dict):
        output = tuple(output.values())
    return [leaf for part in output for leaf in leaves(part)] if isinstance(output, (tuple, list)) else []


def apart(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return how far two tensors are apart, relative to the largest value; infinite where their shapes differ."""
    if first.shape != second.shape:
        return float("inf")
    if not first.numel():
        return 0.0
    one, other = first.detach().double(), second.detach().double()
    both = one.isfinite() & other.isfinite()
    if bool((both != (one.isfinite() | other.isfinite())).any()):
        return float("inf")
    if not bool(both.any()):
        return 0.0
    scale = max(float(one[both].abs().max()), float(other[both].abs().max()), 1e-30)
    return float((one[both] - other[both]).abs().max()) / scale


def all_apart(first: Any, second: Any) -> float:
    """Return how far two outputs are apart at most."""
    one, other = leaves(first), leaves(second)
    if len(one) != len(other):
        return float("inf")
    return max((apart(a, b) for a, b in zip(one, other, strict=True)), default=0.0)


def in_words(error: BaseException) -> str:
    """Return an exception in one line: its type and the first line of its message."""
    try:
        message = str(error).strip().partition("\n")[0]
    except Exception:  # noqa: BLE001 - the class may be the model's own
        message = ""
    return f"{type(error).__name__}: {message}"[:200] if message else type(error).__name__
