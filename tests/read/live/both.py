"""One text read in both ways, for the law that both readers draw the same picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_check.graph.dim import value
from resnet_check.read.live.tracer import trace
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

if TYPE_CHECKING:
    from torch import nn

    from resnet_check.graph.records import Model

PATH = "net.py"
HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"


def run(text: str) -> dict[str, Any]:
    """Run the text of a test's own file and return its names."""
    scope: dict[str, Any] = {"__name__": "net"}
    exec(compile(text, PATH, "exec"), scope)  # noqa: S102 - the text is this test's own
    return scope


def static_model(text: str, name: str = "build") -> Model:
    """Return the Model that the static reader makes of a file's model."""
    return next(model for model in read(parse_source(PATH, text.encode())).models if model.name == name)


def traced_model(text: str, like: Model) -> Model:
    """Return the Model that the tracer makes of the same one, at the same size."""
    net: nn.Module = run(text)[like.name]()
    assert like.input is not None
    shape = tuple(value(size) for size in like.input[1:])
    return trace(net, name=like.name, path=PATH, line=like.line, input_shape=shape)


def both(text: str, name: str = "build") -> tuple[Model, Model]:
    """Return the static Model and the traced one."""
    static = static_model(text, name)
    return static, traced_model(text, static)
