"""Expressions that share their parts, as where each layer computes its padding from the size before."""

from __future__ import annotations

import subprocess
import sys

from resnet_check.graph.dim import Number, apply, symbol

LAYERS = 150


def padded(size: Number, layers: int) -> Number:
    """Return the size behind layers that pad as TensorFlow does: each reads the size before it three times."""
    for _ in range(layers):
        missing = apply("max", ((size + 1) // 2 - 1) * 2 + 3 - size, 0)
        size = (size + missing - 3) // 2 + size
    return size


def test_the_text_of_an_expression_stays_short_and_tells_it_apart() -> None:
    """Written out, the text would have more than 2 ** 150 letters."""
    long, longer = padded(symbol("H", 224), LAYERS), padded(symbol("H", 224), LAYERS + 1)
    assert long == padded(symbol("H", 224), LAYERS)
    assert len(str(long)) < 10_000
    assert "f(H)" in str(long)
    assert str(long) != str(longer)
    assert "f(" not in str(padded(symbol("H", 224), 2))


def test_the_text_is_the_same_in_every_process() -> None:
    """Neither the order of the terms nor the number that stands for a long one hangs on how Python hashes strings."""
    program = (
        "from resnet_check.graph.dim import symbol\nfrom tests.graph.test_dim import padded\n"
        "h, w = symbol('H', 224), symbol('W', 200)\nprint(padded(h, 9) * padded(w, 9) + padded(w, 8) * padded(h, 7))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1
    assert b"f(" in texts.pop()
