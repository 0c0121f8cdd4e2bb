"""The command `summary`: the table that a person sees, and what a program gets."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from resnet_check.checking import ModelReport
from resnet_check.graph.records import Unknown
from resnet_check.report.drawing import View
from resnet_check.report.frame import width
from resnet_check.report.summary.rows import Row
from resnet_check.report.summary.table import Summary, render, shape

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "tests" / "models"
TINY = """
from torch import nn
class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Linear(8, 2)
    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))
"""


@pytest.fixture
def tiny():
    Path("tiny.py").write_text(TINY, encoding="utf-8")


def copied(path):
    """Put a file of the project into the test's folder."""
    shutil.copy(ROOT / path, Path(path).name)
    return Path(path).name


@pytest.mark.parametrize(
    ("name", "path", "options"),
    [
        ("blog_module", "tests/models/blog_module.py", ""),
        ("blog_sequential", "tests/models/blog_sequential.py", ""),
        ("blog_sequential.1", "tests/models/blog_sequential.py", "--depth 1 --input 1x96x96"),
        ("unusual", "tests/models/unusual.py", ""),
        ("resnet50", "resnet_check/reference/resnet.py", "--model resnet50"),
        ("resnet50.3", "resnet_check/reference/resnet.py", "--model resnet50 --depth 3"),
        ("preresnet110", "resnet_check/reference/preact.py", "--model preresnet110"),
        ("resnet20", "resnet_check/reference/cifar.py", "--model resnet20"),
    ],
)
def test_the_whole_summary(golden, run_cli, name, path, options):
    outcome = run_cli("summary", copied(path), *options.split())
    assert outcome.err == ""
    golden(f"summary.{name}.txt", outcome.out)


def test_the_whole_summary_as_json(golden, run_cli):
    golden("summary.unusual.json", run_cli("summary", copied("tests/models/unusual.py"), "--output-format", "json").out)


@pytest.mark.usefixtures("tiny")
def test_json_has_the_keys_of_the_check_and_the_modules(run_cli):
    (file,) = json.loads(run_cli("summary", "tiny.py", "--output-format", "json").out)["files"]
    (model,) = file["models"]
    checked = json.loads(run_cli("tiny.py", "--output-format", "json").out)["files"][0]["models"][0]
    assert {key: model[key] for key in checked} == checked
    assert [(row["path"], row["kind"], row["params"]) for row in model["modules"]] == [
        ("conv", "Conv2d", 224), ("mean", "forward", 0), ("fc", "Linear", 18),
    ]  # fmt: skip
    assert model["modules"][0]["outputs"] == [[None, 8, 224, 224]]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("tiny.py", 0),
        ("tiny.py --model Tiny", 0),
        (".", 0),
        ("tiny.py broken.py", 1),
        ("broken.py", 1),
        ("odd.py", 2),
        ("tiny.py odd.py", 2),
        ("empty.py", 2),
        ("empty.py tiny.py", 0),
        ("nothing.py", 2),
        ("tiny.py --model Tinny", 2),
        ("tiny.py --depth 0", 2),
        ("tiny.py --input 3x", 2),
        ("", 2),
    ],
)
def test_exit_status(run_cli, arguments, status):
    if "broken" in arguments:
        Path("broken.py").write_text(TINY.replace("Linear(8", "Linear(9"), encoding="utf-8")
    if "odd" in arguments:
        Path("odd.py").write_text("def f(:\n", encoding="utf-8")
    Path("empty.py").write_text("x = 1\n", encoding="utf-8")
    outcome = run_cli("summary", *arguments.split())
    assert outcome.status == status
    assert bool(outcome.err) == (status == 2)
    assert ("Tiny  class" in outcome.out) == (status < 2 or arguments == "tiny.py odd.py")


@pytest.mark.parametrize(
    ("text", "arguments", "line"),
    [
        (None, "net.py", "no such file or folder: net.py"),
        ("x = 1\n", "net.py", "no model found in net.py"),
        ("def f(:\n", "net.py", "net.py:1: not Python: invalid syntax"),
        (TINY, "net.py --model Tinny", "no model `Tinny` in net.py (did you mean `Tiny`?)"),
        (
            TINY.replace("(self):", "(self, width):"),
            "net.py",
            "no model found in net.py: `Tiny` needs arguments that the file does not give",
        ),
    ],
)
def test_what_goes_wrong_is_one_plain_line(run_cli, text, arguments, line):
    if text is not None:
        Path("net.py").write_text(text, encoding="utf-8")
    assert run_cli("summary", *arguments.split()) == (2, "", f"resnet-check: {line}\n")


def test_modules_that_nest_too_deeply_are_refused(run_cli):
    text = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = self.deep = nn.Conv2d(3, 3, 1)
        for _ in range(900):
            self.deep = nn.Sequential(self.deep)

    def forward(self, x):
        return self.conv(x)
"""
    outcome = run_cli("summary", "-", stdin=text.encode())
    assert outcome == (2, "", "resnet-check: cannot show -: modules nest too deeply\n")


def test_standard_input_is_read(run_cli):
    outcome = run_cli("summary", "-", stdin=TINY.encode())
    assert outcome.status == 0
    assert outcome.out.startswith("Tiny  class, <stdin>:3\n")


@pytest.mark.usefixtures("tiny")
def test_the_size_comes_from_the_option_and_else_from_the_settings(run_cli):
    Path("resnet-check.toml").write_text('input = "3x32x32"\n', encoding="utf-8")
    assert "Conv2d 3x3  8x32x32" in run_cli("summary", "tiny.py").out
    assert "Conv2d 3x3  8x48x96" in run_cli("summary", "tiny.py", "--input", "3x48x96").out


@pytest.mark.usefixtures("tiny")
def test_a_model_that_only_has_another_name_is_not_shown_again(run_cli):
    Path("tiny.py").write_text(TINY + "net = Tiny()\nother = Tiny()\n", encoding="utf-8")
    outcome = run_cli("summary", "tiny.py")
    assert outcome.out.count("conv  ") == 1
    assert "net  instance, tiny.py:10: the same as Tiny\n" in outcome.out


def test_why_a_model_cannot_run_is_said_in_the_words_of_the_check(run_cli):
    Path("net.py").write_text(TINY.replace("Linear(8", "Linear(9"), encoding="utf-8")
    message = re.search(r"error\[RC204\]: (.+)", run_cli("net.py").out)[1]
    outcome = run_cli("summary", "net.py")
    assert f"cannot run  line 7: {message}\n" in outcome.out


def test_an_exception_of_the_file_itself_is_named(run_cli):
    text = TINY.replace(
        "        return", "        if x.shape[-1] > 8:\n            raise ValueError('too large')\n        return"
    )
    outcome = run_cli("summary", "-", stdin=text.encode())
    assert outcome.status == 1
    assert "cannot run  line 10: ValueError: too large\n" in outcome.out


# Drawing.

CONV = Row("conv", "Conv2d", "3x3", outputs=((None, 8, 32, 32),), params=216, macs=221_184, place="conv1")
BLOCK = Row("0-2", "Block", count=3, outputs=((None, 8, 32, 32),), params=100, macs=1000, children=(CONV,))
OPEN = Row("head", "Head", outputs=(None,), params=None, macs=None, remarks=("never called",))
NET = Row("", "Net", params=516, macs=224_184, children=(CONV, BLOCK, OPEN))
MODEL = ModelReport("Net", "class", 3, "complete", (), (None, 3, 32, 32), [None, 2], 516, 224_184, ((1, 7), (9, 1024)))
SUMMARY = Summary(MODEL, "net.py", NET)


def lines(summary=SUMMARY, **options):
    return render([summary], View(**options)).splitlines()


def test_alike_neighbours_are_one_row_with_the_figures_of_each():
    assert lines()[2:7] == [
        "module               output   parameters     %     MACs     %  stage",
        "conv     Conv2d 3x3  8x32x32         216  41.9    221 k  98.7  conv1",
        "0-2      3 x Block   8x32x32     3 x 100  58.1  3 x 1 k   1.3",
        "└─ conv  Conv2d 3x3  8x32x32         216  41.9    221 k  98.7  conv1",
        "head     Head        ?                 ?              ?               never called",
    ]


def test_without_unicode_the_tree_is_drawn_in_ascii():
    assert all(line.isascii() for line in lines(unicode=False))
    assert any(line.startswith("`- conv") for line in lines(unicode=False))


@pytest.mark.parametrize("columns", [30, 40, 50, 60, 70, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_nothing_that_matters_is_cut(columns):
    text = lines(width=columns)
    assert max(map(width, text)) <= columns
    joined = "\n".join(text)
    for word in ("conv", "0-2", "head", "8x32x32", "516", "1-7, 9-1024", *(["never called"] if columns > 40 else [])):
        assert word in joined


def test_the_less_important_columns_go_first():
    titles = [lines(width=columns)[2].split() for columns in (100, 80, 60, 50, 30)]
    assert all(set(after) <= set(before) for before, after in pairwise(titles))
    assert titles[0] == ["module", "output", "parameters", "%", "MACs", "%", "stage"]
    assert titles[-1][:3] == ["module", "output", "parameters"]


def test_colour_changes_nothing_but_colour():
    coloured = lines(color=True)
    plain = [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in coloured]
    assert plain == lines()
    assert coloured != plain


def test_no_control_character_reaches_the_terminal():
    nasty = "\x1b]0;title\x07[red]\x9b31m"
    row = Row(nasty, nasty, outputs=({nasty: (None, 3)},), remarks=(nasty,))
    model = MODEL._replace(name=nasty, status="partial", unknown=(Unknown(nasty, 1, nasty),))
    text = render([Summary(model, nasty, Row("", "", children=(row,)), (nasty,))], View())
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert text.count("[red]") >= 6


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ((None, 64, 56, 56), "64x56x56"),
        ((None, 10), "10"),
        ((4, None, 7), "4xNx7"),
        ((), "scalar"),
        ((None,), "scalar"),
        ([(None, 2), None], "[2, ?]"),
        ({"a": (None, 2), "b": [(None, 3)]}, "{a: 2, b: [3]}"),
        ([None, {"a": None}], "?"),
        (None, "?"),
    ],
)
def test_a_shape_is_written_without_its_batch(output, text):
    assert shape(output) == text


def in_terminal(columns, *arguments, **environment):
    """Return what a run of the command line writes to a terminal of so many columns."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "resnet_check", *arguments], stdout=theirs, stderr=theirs, stdin=theirs,
        env={**given, "TERM": "xterm", "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    os.close(theirs)
    found = b""
    with os.fdopen(ours, "rb", buffering=0) as file:
        while True:
            try:
                chunk = file.read(4096)
            except OSError:
                break
            if not chunk:
                break
            found += chunk
    process.wait(timeout=60)
    return found.decode()


@pytest.mark.usefixtures("tiny")
@pytest.mark.skipif(sys.platform == "win32", reason="it has no pseudo-terminals")
def test_a_terminal_gets_colour_and_its_width_and_no_color_is_heeded():
    assert "\x1b[" in in_terminal(100, "summary", "tiny.py")
    plain = in_terminal(40, "summary", "tiny.py", NO_COLOR="1")
    assert "\x1b[" not in plain
    assert max(map(len, plain.splitlines())) <= 40
    assert "8x224x224" in plain
