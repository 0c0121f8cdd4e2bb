"""Fingerprints: what stays when a file changes elsewhere, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_check.finding import Finding
from resnet_check.report import RenderOptions
from resnet_check.report.fingerprint import around, fingerprints

FINDING = Finding("bias-before-norm", "RC309", "note", "net.py", 2, 5, 2, 9, "this bias is cancelled", help="drop it")
NET = """class Net:
    def __init__(self):
        self.a = conv(bias=True)

    def forward(self, x):
        return self.a(x)
"""


def fingerprint(text, line, **changes):
    options = RenderOptions(lines=lambda _path: text.split("\n"))
    (name,) = fingerprints([FINDING._replace(line=line, **changes)], options)
    return name


@given(st.integers(0, 20), st.integers(1, 6))
def test_a_fingerprint_stays_when_its_line_moves(blank, line):
    moved = "import torch\n" * blank + "\n" + NET
    assert fingerprint(moved, line + blank + 1) == fingerprint(NET, line)


def test_a_fingerprint_stays_when_another_model_shows_the_mistake():
    assert fingerprint(NET, 3, model="a", module="layer1.0") == fingerprint(NET, 3, model="b")


@pytest.mark.parametrize(
    ("text", "line", "changes"),
    [
        (NET, 2, {}),
        (NET, 3, {"rule": "missing-norm"}),
        (NET, 3, {"path": "other.py"}),
        (NET.replace("Net", "Block"), 3, {}),
        (NET.replace("__init__", "build"), 3, {}),
        (NET.replace("True", "1"), 3, {}),
    ],
)
def test_a_fingerprint_changes_with_what_it_is_made_of(text, line, changes):
    assert fingerprint(text, line, **changes) != fingerprint(NET, 3)


def test_equal_findings_are_numbered():
    first, *others = fingerprints([FINDING] * 3, RenderOptions())
    assert others == [f"{first}:2", f"{first}:3"]


@pytest.mark.parametrize(("line", "name"), [(1, ""), (2, "Net"), (3, "Net.__init__"), (6, "Net.forward"), (8, "")])
def test_the_definitions_around_a_line(line, name):
    assert around((NET + "\nx = 1").split("\n"), line) == name
