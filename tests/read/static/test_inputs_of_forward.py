"""What a model gets when nothing in its file calls it: an image, and nothing made up besides."""

from __future__ import annotations

from typing import Any

import pytest

from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
"""


def models_of(text: str) -> dict[str, Any]:
    return {m.name: m for m in read(parse_source("net.py", (HEAD + text).encode())).models}


CASES = {
    "a forward that adds the dimension of the channels": (
        """
class Signal(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3)
    def forward(self, x):
        return self.conv(x.unsqueeze(1)).mean(2)
""",
        ("complete", 16, "(N, 4)"),
    ),
    "the same, with a tensor for it in the file": (
        """
class Volume(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(1, 4, 3)
    def forward(self, x):
        return self.conv(x[:, None])
def shape():
    return torch.randn(2, 8, 16, 16).shape
""",
        ("complete", 112, "(N, 4, D - 2, H - 2, W - 2)"),
    ),
    "a forward that is a static method": (
        """
class Swish(nn.Module):
    @staticmethod
    def forward(x):
        return x * torch.sigmoid(x)
""",
        ("complete", 0, "(N, 3, H, W)"),
    ),
    "no input": (
        """
class Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5))
    def forward(self):
        return self.weight * 2
""",
        ("complete", 5, "(5,)"),
    ),
    "modules found by name through __getattr__": (
        """
class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.centre = nn.Conv2d(3, 1, 1)
    def forward(self, x):
        return [self.__getattr__(name)(x) for name in ["centre"]]
""",
        ("complete", 4, "[(N, 1, H, W)]"),
    ),
    "weights that are changed in place": (
        """
class Clamped(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)
    def forward(self, x):
        self.conv.weight.data.clamp_(-1, 1)
        return self.conv(x)
""",
        ("complete", 4, "(N, 1, H, W)"),
    ),
    "a division that fails at one size": (
        """
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3, padding=1)
    def forward(self, x):
        size = x.size(2)
        return self.conv(x) * (0.1 * size / (size - 4) ** 2)
""",
        ("complete", 28, "(N, 1, H, W)"),
    ),
    "a metaclass that replaces the constructor": (
        """
class Early(type):
    def __new__(cls, name, bases, members):
        made = super().__new__(cls, name, bases, members)
        constructor = made.__init__
        def init(self, *args):
            nn.Module.__init__(self)
            constructor(self, *args)
        made.__init__ = init
        return made
class Net(nn.Module, metaclass=Early):
    def __init__(self):
        self.conv = nn.Conv2d(3, 1, 1)
    def forward(self, x):
        return self.conv(x)
""",
        ("complete", 4, "(N, 1, H, W)"),
    ),
    "a part that keeps the size of the image": (
        """
class Patches(nn.Module):
    def __init__(self, img_size):
        super().__init__()
        self.img_size = img_size
        self.conv = nn.Conv2d(3, 2, 16, 16)
    def forward(self, x):
        return self.conv(x).flatten(2)
class Net(nn.Module):
    def __init__(self, img_size=(64, 32)):
        super().__init__()
        self.patches = Patches(img_size)
        self.position = nn.Parameter(torch.zeros(1, 2, 8))
    def forward(self, x):
        return self.patches(x) + self.position
""",
        ("complete", 3 * 2 * 256 + 2 + 16, "(N, 2, 8)"),
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_what_forward_gets(text: str, expected: tuple[Any, ...]) -> None:
    (model,) = models_of(text).values()
    assert (model.status, model.params, str(model.output)) == expected
    assert model.problems == []


def test_sizes_at_which_the_program_divides_by_zero() -> None:
    (model,) = models_of(CASES["a division that fails at one size"][0]).values()
    assert model.accepted == [(1, 3), (5, 1024)]


CALLED = """
class Signal(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3)
    def forward(self, x):
        return self.conv(x.unsqueeze(1))
net = Signal()
net(torch.randn(2, 1, 30))
"""


def test_a_tensor_of_too_many_dimensions_that_the_file_itself_gives() -> None:
    models = models_of(CALLED)
    assert models["net"].status == "failed"
    (problem,) = models["net"].problems
    assert (problem.kind, problem.facts["got"], problem.facts["expected"]) == ("wrong-rank", 4, "2 or 3")


OTHERS = {
    "a forward that wants a wave": (
        """
class Wave(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 1, 2))
    def forward(self, x):
        assert len(x.size()) == 2
        return F.conv1d(F.pad(x.unsqueeze(1), (1, 0), "reflect"), self.weight).squeeze(1)
""",
        ("complete", "(N, L)", "(N, L)"),
    ),
    "one that names three sizes": (
        """
class Spectrum(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
    def forward(self, x):
        batch, bins, time = x.shape
        return x.reshape(batch, bins * time) * self.scale
""",
        ("complete", "(N, H, W)", "(N, H * W)"),
    ),
    "frames of features instead of images": (
        """
class Frames(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 1)
    def forward(self, x):
        return self.conv(x.permute(0, 2, 1).unsqueeze(1))
""",
        ("complete", "(N, H, W)", "(N, 4, W, H)"),
    ),
    "one that asks a tensor for the name of its class": (
        """
class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, x):
        x = [x] if x.__class__.__name__ is "Tensor" else x
        return self.conv(x[-1])
""",
        ("complete", "(N, 3, H, W)", "(N, 4, H, W)"),
    ),
    "one that takes numpy's arrays along": (
        """
import numpy as np
class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.mean = torch.Tensor(np.array([0.5, 0.4, 0.4])[:, np.newaxis, np.newaxis]).expand(3, 32, 32).cuda()
    def forward(self, x):
        return self.conv(x - self.mean)
net = Mean()
net(torch.randn(1, 3, 32, 32))
""",
        ("complete", "(N, 3, H, W)", "(N, 4, 32, 32)"),
    ),
    "one whose first layer sees the means of an image": (
        """
class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(3, 3)
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, x):
        return self.conv(x * self.gate(x.mean((2, 3)))[:, :, None, None])
""",
        ("complete", "(N, 3, H, W)", "(N, 4, H, W)"),
    ),
    "one that is left out at random": (
        """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.kept = torch.distributions.bernoulli.Bernoulli(torch.Tensor([0.8]))
        self.conv = nn.Conv2d(3, 3, 1)
    def forward(self, x):
        if self.training and not torch.equal(self.kept.sample(), torch.ones(1)):
            return x
        return x + self.conv(x)
""",
        ("complete", "(N, 3, H, W)", "(N, 3, H, W)"),
    ),
    "one for a board": (
        """
class Board(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.move = nn.Linear(4 * 8 * 8, 65)
    def forward(self, x):
        return self.move(F.relu(self.conv(x)).flatten(1))
""",
        ("complete", "(N, 3, H, W)", "(N, 65)"),
    ),
    "one for a board with sides of two lengths": (
        """
class Board(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.move = nn.Linear(4 * 6 * 7, 7)
    def forward(self, x):
        return self.move(F.relu(self.conv(x)).flatten(1))
""",
        ("complete", "(N, 2, H, W)", "(N, 7)"),
    ),
    "one for images with sides of two lengths": (
        """
class Spectrum(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1))
        self.fc = nn.Linear(16 * 16 * 11, 10)
    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
""",
        ("complete", "(N, 1, H, W)", "(N, 10)"),
    ),
    "one that counts its channels wrongly": (
        """
class Wrong(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1))
        self.fc = nn.Linear(32 * 7 * 7, 10)
    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
""",
        ("failed", "(N, 1, H, W)", "None"),
    ),
    "one that gets answers as well while it is trained": (
        """
class Finder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    def forward(self, inputs):
        if self.training:
            images, answers = inputs
        else:
            images = inputs
        found = self.conv(images)
        if self.training:
            return (found - answers).abs().mean()
        return found
""",
        ("complete", "(N, 3, H, W)", "(N, 4, H - 2, W - 2)"),
    ),
    "one that says itself how large its images are": (
        """
class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
    def forward(self, x):
        return self.conv(x.view(-1, 1, 28, 28)).mean((2, 3))
""",
        ("complete", "(N, 1, H, W)", "(H * N * W // 784, 4)"),
    ),
    "channels that come last": (
        """
class Last(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
    def forward(self, x):
        return self.conv(x.permute(0, 3, 1, 2))
""",
        ("complete", "(N, H, W, 3)", "(N, 4, H, W)"),
    ),
    "features that a norm meets first": (
        """
class Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(10)
        self.first = nn.Linear(10, 4)
    def forward(self, x):
        return self.first(self.norm(x))
""",
        ("complete", "(N, 10)", "(N, 4)"),
    ),
    "arrays whose elements are numbers": (
        """
import numpy as np
class Widths(nn.Module):
    def __init__(self):
        super().__init__()
        widths = np.array([4, 8, 16])
        last = widths[0]
        last += widths[2]
        kept = np.zeros(2, dtype=int)
        kept[:] = [5, 6]
        self.body = nn.Sequential(nn.Conv2d(3, widths[0], 1), nn.Conv2d(widths[0], last, 1), nn.Conv2d(20, kept[1], 1))
    def forward(self, x):
        return self.body(x)
""",
        ("complete", "(N, 3, H, W)", "(N, 6, H, W)"),
    ),
    "images of several times": (
        """
class Frames(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.rnn = nn.LSTM(4, 2, batch_first=True)
    def forward(self, x):
        batch, time, channels, height, width = x.shape
        x = self.conv(x.view(batch * time, channels, height, width)).mean((2, 3))
        return self.rnn(x.view(batch, time, -1))[0]
""",
        ("complete", "(N, 8, 3, H, W)", "(N, 8, 2)"),
    ),
    "one that wants what nobody knows": (
        """
class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
    def forward(self, x):
        assert isinstance(x, dict)
        return self.scale * x["image"]
""",
        ("partial", "(N, 3, H, W)", "None"),
    ),
    "one that is not written": (
        """
class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
    def forward(self, x):
        raise NotImplementedError
""",
        ("failed", "(N, 3, H, W)", "None"),
    ),
}


@pytest.mark.parametrize(("text", "expected"), OTHERS.values(), ids=OTHERS)
def test_an_input_of_another_kind(text: str, expected: tuple[str, str, str]) -> None:
    model = list(models_of(text).values())[-1]
    given = f"({', '.join(map(str, model.input))})"
    assert (model.status, given, str(model.output)) == expected


NEEDED = {
    "taken from the keywords": """
def net(**kwargs):
    return nn.Conv2d(3, kwargs["width"], kwargs["kernel"])
""",
    "passed on and taken from the keywords there": """
class Net(nn.Module):
    def __init__(self, depth, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(3, kwargs["width"], 1)
    def forward(self, x):
        return self.conv(x)

def net(**kwargs):
    return Net(18, **kwargs)
""",
    "passed on to a layer": """
class Padded(nn.Conv2d):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.padding = (1, 1)
""",
}


@pytest.mark.parametrize("text", NEEDED.values(), ids=NEEDED)
def test_what_needs_arguments_is_no_model(text: str) -> None:
    assert not [m for m in models_of(text).values() if not m.trial]


TWO = """
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)
        self.fc = nn.Linear(4, 2)
    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))

class Large(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 16, 16)
        self.place = nn.Parameter(torch.zeros(1, 4, 14, 14))
        self.fc = nn.Linear(4, 2)
    def forward(self, x):
        return self.fc((self.conv(x) + self.place).mean((2, 3)))

if __name__ == "__main__":
    print({name}()(torch.randn(1, 3, 32, 32)).shape)
"""


def test_a_tensor_for_one_model_says_nothing_of_another() -> None:
    models = models_of(TWO.replace("{name}", "Small"))
    assert [(m.name, m.status) for m in models.values()] == [("Small", "complete"), ("Large", "complete")]
    assert models["Small"].input[2].value == 32
    assert (models["Large"].input[2].value, models["Large"].accepted) == (224, [(16, 31), (224, 239)])


def test_a_tensor_for_the_only_model_counts_though_it_fails() -> None:
    text = TWO.replace("{name}", "Large")
    models = models_of(text[: text.index("class Small")] + text[text.index("class Large") :])
    assert models["Large"].status == "failed"


def test_a_base_class_that_refuses_to_be_built_is_no_model() -> None:
    text = """
class Base(nn.Module):
    LAYERS = None
    def __init__(self):
        super().__init__()
        assert self.LAYERS is not None
        self.body = nn.Sequential(*[nn.Conv2d(3, 3, 1) for _ in range(self.LAYERS)])
    def forward(self, x):
        return self.body(x)

class Two(Base):
    LAYERS = 2
"""
    assert {name: model.status for name, model in models_of(text).items()} == {"Two": "complete"}


def test_a_mistake_of_the_code_does_not_make_the_right_input_wrong() -> None:
    (model,) = models_of("""
class Spectrum(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
    def forward(self, x):
        x = nn.ReLU(self.conv(x.unsqueeze(1)))
        return x.reshape(x.shape[0], 4 * x.shape[2], x.shape[3])
""").values()
    assert (model.status, [problem.kind for problem in model.problems]) == ("failed", ["module-not-built"])
    assert str(model.input) == "(N, H, W)"
