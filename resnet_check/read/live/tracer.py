"""The tracer: one forward pass of a live module as a Graph, the same that the static reader draws from its source.

The pass runs on torch's meta device, where tensors have shapes and no values, so that nothing is computed; where a model
asks for values, on the CPU. A function mode sees each function that the program calls, and the operator table says what
Ops it is; layers of torch are one call. What torch gives is held against what the table says.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from resnet_check.graph.dim import symbol, symbols, value
from resnet_check.graph.records import Model, Op, Problem, Site
from resnet_check.graph.sizes import multiply_adds
from resnet_check.read.live.census import Census, has_hooks, runs_as_torch
from resnet_check.read.live.places import Places
from resnet_check.read.live.recorder import Recorder

if TYPE_CHECKING:
    import torch
    from torch import nn

BATCH = 2
"""How many images go through the model; the batch is N in the Graph."""


def trace(
    module: nn.Module,
    *,
    name: str = "",
    path: str = "",
    line: int = 1,
    kind: str = "instance",
    input_shape: tuple[int, ...] | None = None,
    inputs: Sequence[torch.Tensor] | None = None,
    on_values: bool | None = False,
) -> Model:
    """Return the Model of one forward pass in eval mode.

    ``input_shape`` is the shape of one image, without the batch; ``inputs`` are given instead where forward takes
    several: tensors with the same number of images, whose values count only for a model that looks at them. ``name``,
    ``kind``, ``path`` and ``line`` say what the module is called and where it is defined. With ``on_values`` the pass
    computes on the CPU from the start, with None where that is cheaper (`is_cheaper_on_values`).

    The module is left as it was. What forward raises makes the status ``failed``, with a problem ``raised``; what is not
    understood makes it ``partial``. Only what is no `Exception` (``exit()``, an interrupt) goes on to the caller.
    """
    import torch

    model = Model(name or type(module).__name__, kind, path, line)
    if inputs is None:
        inputs = [torch.zeros(BATCH, *(input_shape or ()))]
    shapes = [_with_batch(tuple(tensor.shape)) for tensor in inputs]
    model.input = shapes[0] if shapes else None
    devices = (None,) if on_values or (on_values is None and is_cheaper_on_values(module, inputs)) else ("meta", None)
    with _as_it_was(module), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _settle(module, inputs)
        for device in devices:
            recorder, output, error = _passed(module, model, inputs, shapes, device)
            if error is None:
                break
        census = recorder.census
        model.modules = census.records(recorder.reached, recorder.left, recorder.places.fallback)
        model.params = sum(parameter.numel() for parameter in module.parameters())
    model.ops, model.guards, model.output = recorder.ops, list(recorder.checks.guards), output
    model.unknown = list(dict.fromkeys(recorder.unknown))
    if error is not None:
        model.status, model.unknown = "failed", []
        model.problems.append(error)
        return model
    model.status = "partial" if model.unknown else "complete"
    model.macs = None if model.unknown else _multiply_adds(model.ops)
    return model


SMALL_IMAGES = BATCH * 3 * 256 * 256
"""Up to so many numbers in its input a ResNet computes in less time than the meta device takes to be imported."""

USES_META = "torch._prims"
"""A module of torch that the meta device imports, with 800 others, when it is first used."""


def is_cheaper_on_values(module: nn.Module, inputs: Sequence[torch.Tensor]) -> bool:
    """Return whether one pass on the CPU costs less than the first use of the meta device in this process would."""
    empty = any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))
    return USES_META not in sys.modules and not empty and sum(tensor.numel() for tensor in inputs) <= SMALL_IMAGES


def _with_batch(shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Return the shape of an input with N for its first size."""
    return (symbol("N", shape[0]), *shape[1:]) if shape else shape


@contextlib.contextmanager
def _as_it_was(module: nn.Module) -> Iterator[None]:
    """Put a module into eval mode for a while."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for each, mode in modes:
            each.training = mode


def _settle(module: nn.Module, inputs: Sequence[torch.Tensor]) -> None:
    """Let lazy layers get their weights from a first input, as they would anyway; an error comes again in the pass."""
    import torch
    from torch.nn.parameter import is_lazy

    if any(is_lazy(parameter) for parameter in module.parameters()):
        with contextlib.suppress(Exception), torch.no_grad():
            module(*inputs)


def _passed(
    module: nn.Module, model: Model, inputs: Sequence[torch.Tensor], shapes: Sequence[Any], device: str | None
) -> tuple[Recorder, Any, Problem | None]:
    """Run forward once and return what was recorded, what forward returned, and what it raised."""
    import torch

    places = Places(model.path, Site(model.path, model.line, 1, model.line, 1))
    places.root = sys._getframe()  # noqa: SLF001 - beyond it are frames of our own
    recorder = Recorder(Census(module), places)
    output, problem = None, None
    with contextlib.ExitStack() as stack:
        stack.enter_context(recorder.census.stand_ins(device=device))
        stack.enter_context(torch.enable_grad())
        if device is not None:
            stack.enter_context(torch.device(device))
        given = [tensor.detach().to(device or tensor.device) for tensor in inputs]
        for tensor, shape in zip(given, shapes, strict=True):
            recorder.input(tensor, shape)
        try:
            with _mode(recorder), _watched_modules(recorder):
                output = module(*given)
            output = recorder.returned(output)
        except Exception as error:  # noqa: BLE001 - a model may raise anything
            problem = _problem(error, recorder)
    return recorder, output, problem


def _mode(recorder: Recorder) -> Any:
    """Return the function mode that hands every function that the program calls to the recorder."""
    from torch.overrides import TorchFunctionMode

    class Recording(TorchFunctionMode):
        def __torch_function__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
            return recorder.called(function, args, kwargs or {})

    return Recording()


@contextlib.contextmanager
def _watched_modules(recorder: Recorder) -> Iterator[None]:
    """Note the calls of modules; a layer of torch is recorded as a whole."""
    from torch import nn
    from torch._C import DisableTorchFunction

    original = nn.Module.__call__
    inside = False

    def as_a_whole(module: nn.Module, run: Callable[..., Any], layer: str, args: Any, kwargs: Any) -> Any:
        nonlocal inside
        inside = True
        try:
            with DisableTorchFunction():
                return recorder.layer(module, layer, args, kwargs, run(*args, **kwargs))
        finally:
            inside = False

    def run(module: nn.Module, args: Any, kwargs: Any) -> Any:
        layer = runs_as_torch(module)
        if not layer:
            return original(module, *args, **kwargs)
        if not has_hooks(module):
            return as_a_whole(module, partial(original, module), layer, args, kwargs)
        # What the program's hooks do to the input and the output is a part of the pass.
        forward = module.forward
        module.forward = lambda *a, **k: as_a_whole(module, forward, layer, a, k)
        try:
            return original(module, *args, **kwargs)
        finally:
            del module.forward

    def call(module: nn.Module, /, *args: Any, **kwargs: Any) -> Any:
        if inside:
            return original(module, *args, **kwargs)
        with DisableTorchFunction():
            recorder.enter(module)
        try:
            output = run(module, args, kwargs)
            with DisableTorchFunction():
                recorder.leave(module, output)
        finally:
            recorder.stack.pop()
        return output

    nn.Module.__call__ = call  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.__call__ = original  # type: ignore[method-assign]


def _problem(error: Exception, recorder: Recorder) -> Problem:
    """Return the problem that forward raised something, with its innermost place in the program."""
    trace = error.__traceback__
    site = recorder.places.fallback
    while trace is not None:
        found = recorder.places.inside(trace)
        site = found or site
        trace = trace.tb_next
    message = str(error).strip()
    said = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return Problem("raised", site, "", {"message": said})


def _multiply_adds(ops: Sequence[Op]) -> int | None:
    """Return the multiply-adds of one image; None where the program lost sight of the batch on the way."""
    fed: set[int] = set()
    for op in ops:
        if op.kind == "input" or fed.intersection(op.inputs):
            fed.add(op.index)
            if value(op.macs) and "N" not in symbols(op.macs):
                return None
    return multiply_adds(ops)
