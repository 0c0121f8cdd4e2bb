"""Einops' patterns are read as torch's own operations: each case against the same said in torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from resnet_check.read.static.einops_text import parse, plan
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

X = torch.arange(2 * 6 * 4 * 8, dtype=torch.float32).reshape(2, 6, 4, 8)

CASES: dict[str, tuple[str, dict[str, int], str, Tensor]] = {
    "order": ("b c h w -> b h w c", {}, "", X.permute(0, 2, 3, 1)),
    "flatten": ("b c h w -> b (h w) c", {}, "", X.flatten(2).transpose(1, 2)),
    "heads": ("b (h d) ... -> b h d ...", {"h": 3}, "", X.reshape(2, 3, 2, 4, 8)),
    "patches": (
        "b c (h p) (w q) -> b (h w) (p q c)",
        {"p": 2, "q": 4},
        "",
        X.reshape(2, 6, 2, 2, 2, 4).permute(0, 2, 4, 3, 5, 1).reshape(2, 4, 48),
    ),
    "squeeze": ("b c h w -> b 1 c (h w 1)", {}, "", X.reshape(2, 1, 6, 32)),
    "the rest together": ("b ... -> b (...)", {}, "", X.reshape(2, -1)),
    "mean": ("b c h w -> b c", {}, "mean", X.mean((2, 3))),
    "max pool": (
        "b c (h 2) (w q) -> b c h w",
        {"q": 2},
        "max",
        torch.nn.functional.max_pool2d(X, 2),
    ),
    "repeat": ("b c h w -> b n c h w", {"n": 3}, "", X.unsqueeze(1).expand(2, 3, 6, 4, 8)),
    "enlarge": ("b c h w -> b c (h 2) (w 2)", {}, "", X.repeat_interleave(2, 2).repeat_interleave(2, 3)),
}


@pytest.mark.parametrize(("pattern", "lengths", "reduction", "expected"), CASES.values(), ids=CASES)
def test_a_pattern_is_these_steps(pattern: str, lengths: dict[str, int], reduction: str, expected: Tensor) -> None:
    found = X
    for name, arguments in plan(parse(pattern, X.dim()), lengths, reduction):
        found = getattr(found, name)(*arguments)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("pattern", ["b c -> c b", "b c h w", "b (c h w -> b", "b c) h w -> b", "b c h w -> b n"])
def test_a_pattern_that_does_not_fit(pattern: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        plan(parse(pattern, 4), {}, "mean")


NET = """
import torch
from einops import einsum, rearrange, reduce, repeat
from einops.layers.torch import Rearrange, Reduce
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Sequential(nn.Conv2d(3, 8, 4, 4), Rearrange("b c h w -> b (h w) c"))
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.norm = nn.LayerNorm(8)
        self.head = nn.Sequential(Reduce("b n c -> b c", "mean"), nn.Linear(8, 5))

    def forward(self, x):
        tokens = self.embed(x)
        tokens = torch.cat((repeat(self.token, "() n d -> b n d", b=len(x)), tokens), 1)
        q, k = map(lambda t: rearrange(t, "b n (h d) -> b h n d", h=2), (tokens, self.norm(tokens)))
        scores = einsum(q, k, "b h i d, b h j d -> b h i j").softmax(-1)
        tokens = tokens + rearrange(scores @ k, "b h n d -> b n (h d)")
        return self.head(tokens), reduce(x, "b c ... -> b c", "max")
"""


def test_a_network_of_patterns() -> None:
    (model,) = read(parse_source("net.py", NET.encode())).models
    assert (model.status, model.params, str(model.output)) == ("complete", 461, "[(N, 5), (N, 3)]")
    assert model.accepted == [(4, 1024)]
