"""Lightning's module as text for the reader (see `prelude`): what it does to the tree of modules and to attributes."""

from __future__ import annotations

from typing import Any

from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import Instance, Native, Opaque

TEXT = """
from torch import nn


class Arguments(dict):
    def __getattr__(self, name):
        return self[name]

    def __setattr__(self, name, value):
        self[name] = value


class HyperparametersMixin:
    def save_hyperparameters(self, *names, ignore=(), frame=None, logger=True):
        given = caller_arguments()
        ignored = [ignore] if isinstance(ignore, str) else list(ignore or ())
        texts = [n for n in names if isinstance(n, str)]
        kept = {k: v for k, v in given.items() if k not in ignored and (not texts or k in texts)}
        for n in names:
            if isinstance(n, dict):
                kept = n
        self.hparams = Arguments(kept)


class LightningModule(HyperparametersMixin, nn.Module):
    automatic_optimization = True
    current_epoch = 0
    global_step = 0
    device = "cpu"

    def __init__(self, *args, **kwargs):
        super().__init__()

    def log(self, *args, **kwargs):
        return None

    def log_dict(self, *args, **kwargs):
        return None

    def print(self, *args, **kwargs):
        return None

    def freeze(self):
        for p in self.parameters():
            p.requires_grad = False

    def unfreeze(self):
        for p in self.parameters():
            p.requires_grad = True
"""

PACKAGES = ("pytorch_lightning", "lightning", "lightning.pytorch")
MIXINS = ("core.mixins", "core.mixins.hparams_mixin")
PLACES = {f"{package}.LightningModule": "LightningModule" for package in PACKAGES} | {
    f"{package}.{module}.HyperparametersMixin": "HyperparametersMixin" for package in PACKAGES for module in MIXINS
}
"""Lightning's names to those of the text."""

NAMESPACES = frozenset(
    {"lightning.pytorch", *(f"{package}.{part}" for package in PACKAGES for part in ("core", *MIXINS))}
)


def caller_arguments(interpreter: Interpreter, site: Any) -> Any:
    """Return the local variables of the constructor that called ``save_hyperparameters``, its ``**kwargs`` among them."""
    frame = interpreter.current_frame
    scope = None if frame is None else frame.caller
    if scope is None:
        return Opaque("the arguments of a constructor", site)
    found: dict[str, Any] = {}
    for name, value in scope.names.items():
        if isinstance(value, Instance) and value is scope.instance:
            continue
        if isinstance(value, dict) and name == "kwargs":
            found.update(value)
        else:
            found[name] = value
    return found


NATIVES = {"caller_arguments": Native("caller_arguments", caller_arguments)}
"""Names that the text uses and the reader implements."""
