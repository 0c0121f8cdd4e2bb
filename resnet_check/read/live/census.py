"""The modules and tensors of a live model: their numbers, names and records, and stand-ins for the weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from resnet_check.graph import operators
from resnet_check.graph.operators.base import Layer
from resnet_check.graph.records import ModuleRecord, Site
from resnet_check.read.live.handles import Handle, parts

if TYPE_CHECKING:
    import torch
    from torch import nn

    from resnet_check.graph.records import Shape

SIMPLE = (int, float, str, bool, type(None), tuple)
"""Types of the attributes of modules that a record keeps."""


class Census:
    """The modules of a model, numbered: those below the root in the order of registration, then others that forward reaches.

    For the pass itself the weights are replaced by stand-ins (`stand_ins`): tensors without values, or the same values
    without gradients.
    """

    def __init__(self, root: nn.Module) -> None:
        self.modules: list[nn.Module] = []
        self.paths: list[str] = []
        self._indexes: dict[int, int] = {}
        self._places: dict[int, tuple[int, str, bool]] = {}
        self._made: dict[int, torch.Tensor] = {}
        self._originals: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._saved: list[tuple[dict[str, Any], str, Any]] = []
        self._device: str | None = None
        self._kept: dict[int, torch.Tensor] = {}
        for path, module in root.named_modules():
            self._number(module, path)
        self.registered = len(self.modules)
        kinds = {type(module) for module in self.modules}
        for names in (*map(vars, self.modules), *(scope for kind in kinds for scope in scopes(kind))):
            self._kept.update((id(tensor), tensor) for tensor in constants(names))

    def _number(self, module: nn.Module, path: str) -> int:
        self._indexes[id(module)] = len(self.modules)
        self.modules.append(module)
        self.paths.append(path)
        return len(self.modules) - 1

    def _adopt(self, module: nn.Module) -> int:
        """Number a module that is registered nowhere below the root."""
        index = self._number(module, type(module).__name__)
        self._replace(index)
        return index

    def index(self, module: nn.Module) -> int:
        """Return the number of a module; one that is registered nowhere below the root gets one now."""
        known = self._indexes.get(id(module))
        return self._adopt(module) if known is None else known

    def path(self, module: nn.Module) -> str:
        """Return the path of a module below the root."""
        return self.paths[self.index(module)]

    @staticmethod
    def is_layer(module: nn.Module) -> bool:
        """Return whether a module is a layer of torch, or of a class that derives from one."""
        kind: Any = type(module)
        return layer_of(kind) is not None

    # Tensors

    @contextlib.contextmanager
    def stand_ins(self, *, device: str | None) -> Iterator[None]:
        """Replace all parameters, buffers and other tensors in attributes of modules while a pass runs.

        On a ``device`` (``meta``) the stand-ins have no values; with None they share the values, zeros where there are none.
        """
        self._device = device
        try:
            for index in range(len(self.modules)):
                self._replace(index)
            yield
        finally:
            for registry, name, tensor in self._saved:
                registry[name] = tensor

    def _replace(self, index: int) -> None:
        module = self.modules[index]
        parameters = module._parameters  # noqa: SLF001 - where torch itself swaps weights
        registries: tuple[dict[str, Any], ...] = (parameters, module._buffers, vars(module))  # noqa: SLF001
        for registry in registries:
            for name, tensor in list(registry.items()):
                if is_tensor(tensor):
                    self._saved.append((registry, name, tensor))
                    registry[name] = made = self._stand_in(tensor)
                    if registry is not vars(module):
                        self._places.setdefault(id(made), (index, name, registry is parameters))

    def _stand_in(self, tensor: torch.Tensor) -> torch.Tensor:
        import torch

        if id(tensor) not in self._made:
            made = tensor.detach()
            if self._device is not None:  # not `empty_like`, which costs the import of a computer algebra system
                made = torch.empty_strided(made.size(), made.stride(), dtype=made.dtype, device=self._device)
            elif made.is_meta:
                made = torch.zeros(made.size(), dtype=made.dtype, device="cpu")
            self._made[id(tensor)] = made
            self._originals[id(made)] = made, tensor
        return self._made[id(tensor)]

    def owns(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor is a stand-in."""
        return id(tensor) in self._originals

    def knows(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor was there before the pass, or is the parameter of a module that forward builds."""
        from torch import nn

        return self.owns(tensor) or id(tensor) in self._kept or isinstance(tensor, nn.Parameter)

    def original(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the tensor that a stand-in stands for; any other tensor itself."""
        return self._originals[id(tensor)][1] if self.owns(tensor) else tensor

    def name(self, tensor: torch.Tensor, handle: Handle) -> Handle:
        """Give the handle of a parameter or buffer its name and owner."""
        if id(tensor) in self._places:
            handle.owner, handle.name, handle.parameter = self._places[id(tensor)]
        return handle

    # Records

    def records(
        self, reached: dict[int, list[Site]], outputs: dict[int, list[Any]], fallback: Site
    ) -> list[ModuleRecord]:
        """Return the records of the modules, with the places of their calls and what those gave."""
        known: dict[int, tuple[int, str]] = {}
        below = {id(module) for module in self.modules[0].modules()}
        parents, also = self._names()
        keepers = self._keepers(below)
        found: list[ModuleRecord] = []
        for index, module in enumerate(self.modules):
            kind: Any = type(module)
            parameters = {name: one for name, one in module._parameters.items() if one is not None}  # noqa: SLF001
            firsts = {name: known.setdefault(id(one), (index, name)) for name, one in parameters.items()}
            holder, held_as = keepers.get(id(module), (None, ""))
            found.append(
                ModuleRecord(
                    index=index,
                    path=self.paths[index],
                    type=class_name(kind),
                    built=fallback,
                    parent=parents.get(index),
                    parameters=shapes(parameters),
                    buffers=shapes(module._buffers),  # noqa: SLF001
                    attributes={k: v for k, v in vars(module).items() if isinstance(v, SIMPLE) and k[:1] != "_"},
                    also=also.get(index, ()),
                    calls=list(reached.get(index, ())),
                    registered=id(module) in below,
                    bases=tuple(class_name(base) for base in kind.__mro__[1:]),
                    reached=index in reached,
                    created=index >= self.registered and holder is None and index not in parents,
                    holder=holder,
                    held_as=held_as,
                    frozen=tuple(name for name, one in parameters.items() if not one.requires_grad),
                    tied={name: first for name, first in firsts.items() if first != (index, name)},
                    transient=tuple(sorted(module._non_persistent_buffers_set)),  # noqa: SLF001
                    outputs=outputs.get(index, []),
                )
            )
        return found

    def _keepers(self, below: set[int]) -> dict[int, tuple[int, str]]:
        """Return for each module that is not registered which module keeps it, and in which attribute."""
        wanted = {id(module) for module in self.modules} - below
        found: dict[int, tuple[int, str]] = {}
        for index, module in enumerate(self.modules if wanted else ()):
            for name, value in vars(module).items():
                for part in parts(value) if name != "_modules" else ():
                    if id(part) in wanted:
                        found.setdefault(id(part), (index, name))
        return found

    def _names(self) -> tuple[dict[int, int], dict[int, tuple[str, ...]]]:
        """Return for each module the one that registers it first, and the further paths under which it is registered."""
        parents: dict[int, int] = {}
        also: dict[int, tuple[str, ...]] = {}
        for index, module in enumerate(self.modules):
            for name, child in module._modules.items():  # noqa: SLF001 - with those registered a second time
                number = self._indexes.get(id(child))
                if child is None or number is None or number == index:
                    continue
                parents.setdefault(number, index)
                path = f"{self.paths[index]}.{name}" if self.paths[index] else name
                if path != self.paths[number] and index < self.registered:
                    also[number] = (*also.get(number, ()), path)
        return parents, also


def scopes(kind: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the names of a class and its bases, and those of the file of its ``forward``."""
    yield from map(vars, kind.__mro__)
    yield getattr(kind.forward, "__globals__", {})


def constants(names: Mapping[str, Any]) -> Iterator[torch.Tensor]:
    """Yield the tensors among named values, and in lists and dicts of them."""
    for value in names.values():
        if not isinstance(value, (list, tuple, dict)) or len(value) <= MOST_CONSTANTS:
            yield from filter(is_tensor, parts(value))


MOST_CONSTANTS = 64
"""Lists that are longer are no collections of constants."""


def is_tensor(value: Any) -> bool:
    """Return whether a value is a tensor whose sizes are known, which those of a lazy layer are not yet."""
    import torch
    from torch.nn.parameter import is_lazy

    return isinstance(value, torch.Tensor) and not is_lazy(value)


def shapes(tensors: dict[str, Any]) -> dict[str, Shape]:
    """Return the shapes of named tensors."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items() if is_tensor(tensor)}


@cache
def class_name(cls: type) -> str:
    """Return torch's qualified name for a class of its own (``torch.nn.Conv2d``), else the class's plain name."""
    from torch import nn

    home = cls.__module__
    if home != "torch.nn" and not home.startswith(("torch.nn.", "torch.ao.", "torch.nn.modules.")):
        return cls.__name__
    return f"torch.nn.{cls.__name__}" if vars(nn).get(cls.__name__) is cls else f"{home}.{cls.__name__}"


@cache
def layer_of(cls: Any) -> tuple[str, Layer] | None:
    """Return the layer of the operator table that a class is or derives from, with its name, or None."""
    torchs = (class_name(each) for each in cls.__mro__ if class_name(each).startswith("torch."))
    return next(((name, operators.LAYER_TABLE[name]) for name in torchs if name in operators.LAYER_TABLE), None)


def runs_as_torch(module: nn.Module) -> str:
    """Return the name of the layer of torch as which a module runs; empty where its program has another ``forward``."""
    kind: Any = type(module)
    found = layer_of(kind)
    if found is None or "forward" in vars(module):
        return ""
    own: Any = next(cls for cls in kind.__mro__ if class_name(cls) == found[0])
    return found[0] if kind.forward is own.forward else ""


def has_hooks(module: nn.Module) -> bool:
    """Return whether the program put hooks on a module; those of torch, as for a normalised weight, are none of these."""
    hooks = (*module._forward_pre_hooks.values(), *module._forward_hooks.values())  # noqa: SLF001 - not told otherwise
    return any(not str(getattr(hook, "__module__", "")).startswith("torch.") for hook in hooks)
