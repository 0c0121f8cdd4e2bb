"""One forward pass being recorded: Ops in order, and the calls of the modules that it reached."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from resnet_check.graph import operators
from resnet_check.graph.dim import Dim, value
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result
from resnet_check.graph.records import Op, Unknown
from resnet_check.read.live.handles import Handle, Handles, LayerView, dtype_name, outside, parts, translator
from resnet_check.read.live.names import name_of, operator_of, under_our_names
from resnet_check.read.live.sizes import size

if TYPE_CHECKING:
    import torch
    from torch import nn

    from resnet_check.graph.records import Site
    from resnet_check.read.live.census import Census
    from resnet_check.read.live.places import Places

SIZED = frozenset({"size", "shape", "numel", "nelement", "__len__"})
"""What a tensor says of its own sizes."""

SWITCH = "torch._set_grad_enabled"
"""How ``torch.no_grad`` and its like turn gradients off and on; torch does so itself inside of an autograd function."""

INITIALISERS = "torch.nn.init."
"""The values that a module built in forward starts with are no part of the pass."""

ERRORS = (NotModelled, Refused, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, KeyError)
"""What a rule of the operator table raises for arguments that it does not cover."""


class Recorder:
    """The Ops of one forward pass, and everything that is needed to add the next one.

    ``reached`` and ``left`` hold the places of the calls of each module, by its index, and what they gave. ``unknown`` says
    what was seen but not understood. ``gradients`` is False while the program has turned them off.
    """

    def __init__(self, census: Census, places: Places) -> None:
        self.census = census
        self.places = places
        self.handles = Handles()
        self.checks = Checks()
        self.translated = translator(self.handle)
        self.ops: list[Op] = []
        self.stack: list[nn.Module] = []
        self.reached: dict[int, list[Site]] = {}
        self.left: dict[int, list[Any]] = {}
        self.unknown: list[Unknown] = []
        self.gradients = True
        self._sources: dict[int, tuple[Handle, int]] = {}

    def input(self, tensor: torch.Tensor, shape: tuple[Any, ...]) -> None:
        """Add an input of the model."""
        handle = self.handles.put(tensor, Handle(shape, dtype_name(tensor)))
        handle.op = len(self.ops)
        self.ops.append(Op(handle.op, "input", (), shape, {}, "", self.places.fallback, dtype=handle.dtype))

    def handle(self, tensor: torch.Tensor) -> Handle:
        """Return the handle of a tensor; one that is not known yet was there before, or was computed unseen."""
        known = self.handles.get(tensor)
        if known is not None:
            return known
        if not self.census.knows(tensor):
            self.lost("a tensor that was computed where the tracer does not see it")
        return self.handles.put(tensor, self.census.name(tensor, outside(self.census.original(tensor))))

    def own(self, owner: int, name: str, tensor: torch.Tensor) -> Handle:
        """Return the handle of a weight of a layer; one that torch computes at each call, as a normalised one, is new."""
        if self.handles.get(tensor) is None and not self.census.owns(tensor):
            handle = self.handles.put(tensor, Handle(tuple(tensor.shape), dtype_name(tensor)))
            handle.owner, handle.name, handle.parameter = owner, name, True
        return self.handle(tensor)

    def lost(self, reason: str) -> None:
        """Note that something was not understood here."""
        site = self.places.site(sys._getframe(1))  # noqa: SLF001 - the only way to the running program's line
        self.unknown.append(Unknown(reason, site.line, site.path))

    # What the program does

    def called(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of torch for the program and add its Op."""
        import torch

        name = name_of(function)
        output = function(*args, **kwargs)
        if name == SWITCH:
            self.gradients = bool(args[0])
        if name.startswith(INITIALISERS):
            return output
        last = name.rpartition(".")[2]
        if name == "torch.Tensor.requires_grad":
            return self.handle(args[0]).learns
        if last in SIZED and isinstance(output, (int, tuple)):
            return self.sizes(last, self.handle(args[0]).shape, output, args[1:])
        if not any(isinstance(part, torch.Tensor) for part in parts(output)) and last != "__setitem__":
            return output
        if last == "unbind" and sys._getframe(2).f_code.co_name == "__iter__":  # noqa: SLF001 - who asked
            return self.elements(args[0], output)
        operator, swapped = operator_of(name)
        if operator is None:
            return self.without_rule(name, (args, kwargs), output)
        given = tuple(map(self.translated, reversed(args) if swapped else args))
        named = under_our_names(operator, {key: self.translated(one) for key, one in kwargs.items()})
        return self.ruled(name, lambda: operator.rule(self.checks, *given, **named), (args, kwargs), output)

    def elements(self, tensor: torch.Tensor, output: Any) -> Any:
        """Going through a tensor in a loop or an assignment takes its elements one by one, by their index."""
        rule = operators.FUNCTION_TABLE["operator.getitem"].rule
        handle = self.handle(tensor)
        return tuple(self.output(rule(self.checks, handle, i), one, (tensor,)) for i, one in enumerate(output))

    @staticmethod
    def sizes(name: str, shape: tuple[Any, ...], output: Any, args: tuple[Any, ...]) -> Any:
        """Return what a tensor says of its sizes, as numbers that remember the batch."""
        import torch

        if isinstance(output, tuple):
            return torch.Size([size(one) for one in shape])
        if name == "size":
            return size(shape[args[0]]) if args else output
        return size(shape[0]) if name == "__len__" else output

    def layer(self, module: nn.Module, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        """Add the Ops of a layer of torch that was called."""
        rule = operators.LAYER_TABLE[name].forward
        view = LayerView(module, self.translated, partial(self.own, self.census.index(module)))
        given = tuple(map(self.translated, args))
        named = {key: self.translated(one) for key, one in kwargs.items()}
        return self.ruled(name, lambda: rule(self.checks, view, *given, **named), (args, kwargs), output)

    def ruled(self, name: str, rule: Callable[[], Any], given: Any, output: Any) -> Any:
        """Add the Ops that a rule of the operator table gives for a call, and return the call's output."""
        self.checks.failures.clear()
        try:
            result = rule()
        except ERRORS as error:
            return self.without_rule(name, given, output, str(error))
        if self.checks.failures:
            self.lost(f"the operator table refuses `{short(name)}`, torch does not")
        return self.outputs(name, result, output, parts(given))

    def outputs(self, name: str, result: Any, output: Any, given: tuple[Any, ...]) -> Any:
        """Add the Ops of the results of a rule; the output goes on to the program."""
        if isinstance(result, Result):
            return self.output(result, output, given, name)
        if isinstance(output, (tuple, list)) and isinstance(result, (tuple, list)) and len(output) == len(result):
            made = [self.outputs(name, one, other, given) for one, other in zip(result, output, strict=True)]
            return same_type(output, made)
        return output if result is None or output is None else self.without_rule(name, given, output, "its outputs")

    def without_rule(self, name: str, given: Any, output: Any, why: str = "") -> Any:
        """Add the Op of a function that the operator table does not cover: all that is known are tensors and shapes."""
        import torch

        self.lost(f"`{short(name)}` with these arguments ({why})" if why else f"`{short(name)}`")
        tensors = [part for part in parts(given) if isinstance(part, torch.Tensor)]
        inputs = tuple(map(self.handle, tensors))
        kind = short(name).strip("_")
        made = [
            self.output(Result(kind, tuple(one.shape), inputs, {}, dtype_name(one)), one, tensors)
            if isinstance(one, torch.Tensor)
            else one
            for one in (output if isinstance(output, (tuple, list)) else (output,))
        ]
        return same_type(output, made) if isinstance(output, (tuple, list)) else made[0]

    # Ops

    def output(self, result: Result, output: Any, given: Any, name: str = "") -> Any:
        """Add the Op of one result, and return the tensor that the program gets.

        Where torch gives back the very tensor that went in, the program gets another one in the same memory, to tell the
        two apart.
        """
        import torch

        if isinstance(output, torch.Tensor):
            self.verified(name, result, output)
        first = result.inputs[0] if result.inputs else None
        if result.inplace and isinstance(first, Handle):
            self.overwritten(first, result)
            return output
        if not isinstance(output, torch.Tensor):
            return output
        if any(output is one for one in given):
            output = output.view_as(output)
        handle = self.handles.put(output, Handle(result.shape, result.dtype, result.data))
        handle.learns = self.learns(result)
        if result.inputs:
            handle.op = self.add(result)
        else:
            handle.uniform = result.attributes.get("value")
        if result.view and isinstance(first, Handle):
            if result.kind == "identity" and self.stack and type(self.stack[-1]) is torch.nn.Identity:
                handle.base = first.base
                first.joined(handle)
            else:
                handle.base = first.base or first
        return output

    def verified(self, name: str, result: Result, output: torch.Tensor) -> None:
        """Hold the operator table to what torch really gives."""
        shape, dtype = tuple(output.shape), dtype_name(output)
        if tuple(map(value, result.shape)) != shape:
            self.lost(f"the operator table gives `{short(name)}` the shape {list(result.shape)}, torch {list(shape)}")
            result.shape = shape
        if result.dtype != dtype:
            self.lost(f"the operator table gives `{short(name)}` the type {result.dtype}, torch {dtype}")
            result.dtype = dtype

    def learns(self, result: Result) -> bool:
        """Return whether gradients go to a result: to what is computed from parameters, and not detached."""
        given = (one.learns for one in result.inputs if isinstance(one, Handle))
        return self.follows_gradients() and result.kind != "detach" and any(given)

    def follows_gradients(self) -> bool:
        """Return whether the program has gradients turned on."""
        import torch

        return self.gradients and not torch.is_inference_mode_enabled()

    def add(self, result: Result) -> int:
        """Add the Op of a result and return its index."""
        site = self.places.site(sys._getframe(1))  # noqa: SLF001 - the only way to the running program's line
        module = self.stack[-1] if self.stack else None
        path = "" if module is None else self.census.path(module)
        layer = None if module is None or not self.census.is_layer(module) else self.census.index(module)
        own: frozenset[int] = frozenset() if layer is None else self.own_handles(self.stack[-1])
        inputs = tuple(
            self.index_of(handle, path, site)
            for handle in result.inputs
            if isinstance(handle, Handle) and id(handle) not in own and (layer is None or handle.owner != layer)
        )
        attributes = result.attributes if self.follows_gradients() else {**result.attributes, "no_grad": True}
        op = Op(
            len(self.ops), result.kind, inputs, result.shape, attributes, path, site, layer, result.dtype, result.macs
        )
        op.inplace = result.inplace
        self.ops.append(op)
        return op.index

    def own_handles(self, module: nn.Module) -> frozenset[int]:
        """Return the handles of a module's own parameters and buffers, which other modules may share, by identity."""
        tensors = (*module._parameters.values(), *module._buffers.values())  # noqa: SLF001 - of this module alone
        return frozenset(id(self.handles.get(tensor)) for tensor in tensors if tensor is not None)

    def index_of(self, handle: Handle, path: str, site: Site) -> int:
        """Return the Op that computed a tensor; one from outside of the pass becomes a parameter, buffer or constant."""
        if handle.op is not None:
            return handle.op
        if id(handle) not in self._sources:
            kind = "parameter" if handle.parameter else "buffer" if handle.name else "constant"
            known: dict[str, Any] = {"data": handle.data, "value": handle.uniform}
            attributes = {"name": handle.name, "owner": handle.owner} if handle.name else known
            index = len(self.ops)
            self.ops.append(Op(index, kind, (), handle.shape, attributes, path, site, dtype=handle.dtype))
            self._sources[id(handle)] = handle, index
            if handle.owner is not None:
                self.reached.setdefault(handle.owner, [])
        return self._sources[id(handle)][1]

    def overwritten(self, handle: Handle, result: Result) -> None:
        """Add an operator that overwrites its first input: all names of that memory mean the result from now on."""
        before = handle.op
        handle.learns = handle.learns or self.learns(result)
        op = self.add(result)
        for name in handle.same or (handle,):
            name.shape, name.data, name.uniform, name.op = result.shape, result.data, None, op
        base = handle.base
        if base is None:
            return
        base.data = base.uniform = None
        if base.op is not None and before is not None:
            site = self.ops[op].site
            index = len(self.ops)
            self.ops.append(Op(index, "write", (base.op, op), base.shape, {}, "", site, dtype=base.dtype, inplace=True))
            for name in base.same or (base,):
                name.op = index

    # Modules

    def enter(self, module: nn.Module) -> None:
        """Note the call of a module."""
        site = self.places.site(sys._getframe(1))  # noqa: SLF001 - the only way to the running program's line
        self.reached.setdefault(self.census.index(module), []).append(site)
        self.stack.append(module)

    def leave(self, module: nn.Module, output: Any) -> None:
        """Note the end of a module's call, and what it gave."""
        self.left.setdefault(self.census.index(module), []).append(self.shapes(output))

    def shapes(self, output: Any, depth: int = 3) -> Any:
        """Return the shapes in what a module gives: lists and dicts of them as they are nested, None for anything else."""
        import torch

        if isinstance(output, torch.Tensor):
            return self.handle(output).shape
        if depth and isinstance(output, (list, tuple)):
            return [self.shapes(part, depth - 1) for part in output]
        if depth and isinstance(output, dict):
            return {str(name): self.shapes(part, depth - 1) for name, part in output.items()}
        return None

    def returned(self, output: Any) -> Any:
        """Mark the Ops whose outputs are in what forward returns, and return that with Shapes for tensors."""
        import torch

        if isinstance(output, torch.Tensor):
            handle = self.handle(output)
            if handle.op is not None:
                self.ops[handle.op].returned = True
            return handle.shape
        if isinstance(output, (list, tuple)):
            return [self.returned(part) for part in output]
        if isinstance(output, dict):
            return {str(name): self.returned(part) for name, part in output.items()}
        if hasattr(output, "__dict__"):
            return {name: self.returned(part) for name, part in vars(output).items()}
        return output if isinstance(output, (int, float, str, bool, type(None), Dim)) else None


def same_type(output: Any, made: list[Any]) -> Any:
    """Return values in a sequence of the type of another one, which may be a named tuple of torch's."""
    if isinstance(output, list):
        return made
    return type(output)(*made) if hasattr(output, "_fields") else type(output)(made)


def short(name: str) -> str:
    """Return the last part of torch's name for an operator."""
    return name.rpartition(".")[2]
