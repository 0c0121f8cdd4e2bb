"""`check --live`: what running the models adds to the report."""

import json
import os
import signal
from pathlib import Path

import pytest

from resnet_check.checking import FileReport, ModelReport
from resnet_check.config import Settings
from resnet_check.finding import Finding
from resnet_check.live import check_file
from resnet_check.read.live.protocol import Done, Effect, Ended, Figures, Raised, Stage, Tried
from resnet_check.read.live.session import Result, Session

GIB = 1 << 30

MODEL = ModelReport("Net", "class", 3, "partial", input=(None, 3, 32, 32), params=5)
LINES = ["from torch import nn", "", "class Net(nn.Module):", "    def __init__(self):", "        raise ValueError", ""]


def checked(*said, ended=None, findings=(), settings=None, model=MODEL, requests=None):
    """Return the report of a file whose model's process said something and ended somehow."""
    ended = ended or Ended("exit")

    def run(request):
        if requests is not None:
            requests.append(request)
        return Result(request, said, ended, lost=ended.how == "lost")

    file = FileReport("model.py", models=(model,), findings=tuple(findings))
    return check_file(file, settings or Settings(), run, lambda _path: LINES)


def told(report):
    return [(f.rule, f.severity, f.line, f.message) for f in report.findings]


IMPORT, BUILD, RUN, TRY = Stage("import"), Stage("build"), Stage("run"), Stage("batch-independence")


@pytest.mark.parametrize(
    ("said", "ended", "expected"),
    [
        ([IMPORT, BUILD, RUN, Done()], Ended("exit"), []),
        (
            [BUILD, Raised("build", "ValueError", "no", 5, here=False), Done()],
            Ended("exit"),
            [("cannot-build", "error", 5, "building it ends with ValueError: no")],
        ),
        (
            [IMPORT, Raised("import", "ImportError", "No module named 'x'", 1, here=True), Done()],
            Ended("exit"),
            [("cannot-build", "note", 1, "importing its file cannot be done here: ImportError: No module named 'x'")],
        ),
        (
            [IMPORT, Raised("import", "ImportError", "No module named 'x'", None, here=True), Done()],
            Ended("exit"),
            [("cannot-build", "note", 1, "importing its file cannot be done here: ImportError: No module named 'x'")],
        ),
        (
            [RUN, Raised("run", "RuntimeError", "", None, here=False), Done()],
            Ended("exit"),
            [("cannot-run", "error", 3, "running it ends with RuntimeError")],
        ),
        (
            [BUILD, Raised("build", "", "`Net` gives no module but `int`", 3, here=False), Done()],
            Ended("exit"),
            [("cannot-build", "error", 3, "building it ends with `Net` gives no module but `int`")],
        ),
        (
            [RUN, Raised("run", "UsedUp", "", 5, here=False), Done()],
            Ended("exit"),
            [("cannot-run", "error", 5, "running it takes more than 60 s of processor time or 90 s")],
        ),
        (
            [BUILD, Raised("build", "MemoryError", "", 5, here=False), Done()],
            Ended("exit"),
            [("cannot-build", "error", 5, "building it needs more than 4 GiB")],
        ),
        (
            [TRY, Raised("batch-independence", "UsedUp", "", 5, here=False), Done()],
            Ended("exit"),
            [
                (
                    "cannot-run", "note", 5,
                    "trying batch-independence takes more than 60 s of processor time or 90 s, it was not checked to its end",
                )
            ],
        ),
        ([BUILD], Ended("exit", 7), [("cannot-build", "error", 3, "building it ends its process with status 7")]),
        ([BUILD], Ended("signal", signal.SIGSEGV), [("cannot-build", "error", 3, "building it ends with SIGSEGV")]),
        ([BUILD], Ended("signal", 63), [("cannot-build", "error", 3, "building it ends with signal 63")]),
        (
            [RUN],
            Ended("signal", signal.SIGKILL, cpu=63.0),
            [("cannot-run", "error", 3, "running it takes more than 60 s of processor time")],
        ),
        (
            [RUN],
            Ended("signal", signal.SIGKILL, cpu=1.0),
            [("cannot-run", "error", 3, "running it is killed by the system, as for want of memory")],
        ),
        ([], Ended("wall"), [("cannot-build", "error", 3, "importing its file takes more than 90 s")]),
        ([BUILD], Ended("printed"), [("cannot-build", "error", 3, "building it prints more than 64 MiB")]),
        ([BUILD], Ended("said"), [("cannot-build", "error", 3, "building it writes into what is not its own")]),
        ([BUILD], Ended("lost"), [("cannot-build", "error", 3, "building it ends the process that watches over it")]),
        (
            [Effect("forks", 5), Effect("forks", None), Done()],
            Ended("exit"),
            [
                ("side-effects", "warning", 3, "`Net` forks when it is built or run"),
                ("side-effects", "warning", 5, "`Net` forks when it is built or run"),
            ],
        ),
        ([Done()], Ended("exit", printed=1 << 20), []),
        (
            [Done()],
            Ended("exit", printed=3_000_000),
            [("side-effects", "warning", 3, "`Net` prints 3 MB when it is built and run")],
        ),
        (
            [Tried("batch-independence", "RC601", "failed", "it mixes", "an input of 2x3x8x8 with seed 1", 5), Done()],
            Ended("exit"),
            [("batch-independence", "error", 5, "it mixes, for an input of 2x3x8x8 with seed 1")],
        ),
        ([Tried("batch-independence", "RC601", "does-not-apply", "it is random", "", None), Done()], Ended("exit"), []),
        ([Tried("batch-independence", "RC601", "passed", "", "", None), Done()], Ended("exit"), []),
        ([Tried("no-such-rule", "RC699", "failed", "a lie", "", None), Done()], Ended("exit"), []),
        (
            [Raised("build", "ValueError", "", 4711, here=False), Done()],
            Ended("exit"),
            [("cannot-build", "error", 4711, "building it ends with ValueError")],
        ),
    ],
)  # fmt: skip
def test_what_happens_to_a_model_is_told(said, ended, expected):
    assert told(checked(*said, ended=ended)) == expected


def test_a_finding_spans_the_text_of_its_line():
    (finding,) = checked(Raised("build", "ValueError", "", 5, here=False), Done()).findings
    assert (finding.column, finding.end_line, finding.end_column) == (9, 5, 25)
    assert (finding.model, finding.code, finding.path) == ("Net", "RC651", "model.py")


def test_figures_fill_what_the_static_check_left_open():
    report = checked(Figures(7, 11, [None, 10]), Done())
    assert report.models[0][:2] == ("Net", "class")
    assert (report.models[0].params, report.models[0].macs, report.models[0].output) == (5, 11, [None, 10])


def static(severity, line=5, rule="bad-call", model="Net"):
    return Finding(rule, "RC113", severity, "model.py", line, 9, line, 12, "it raises", model=model)


@pytest.mark.parametrize(
    ("finding", "rules"),
    [
        (static("error"), ["bad-call"]),
        (static("error", line=1), ["bad-call"]),
        (static("note"), ["cannot-build"]),
        (static("note", line=1), ["bad-call", "cannot-build"]),
        (static("error", line=1, model="Other"), ["bad-call", "cannot-build"]),
    ],
)
def test_what_is_wrong_is_told_once(finding, rules):
    raised = Raised("build", "ValueError", "", 5, here=False)
    assert [each.rule for each in checked(raised, Done(), findings=[finding]).findings] == rules


@pytest.mark.parametrize(
    ("settings", "rules", "wanted"),
    [
        (Settings(), ["cannot-build"], True),
        (Settings(ignore=("cannot-build",)), [], True),
        (Settings(select=("RC6",)), ["cannot-build"], True),
        (Settings(select=("RC3",)), [], False),
        (Settings(select=("RC65",)), ["cannot-build"], False),
        (Settings(select=("RC6",), ignore=("RC601",)), ["cannot-build"], False),
        (Settings(per_file_ignores=(("*.py", ("RC65",)),), root="."), [], True),
    ],
)
def test_rules_are_selected_as_always(settings, rules, wanted):
    requests = []
    report = checked(Raised("build", "ValueError", "", 5, here=False), Done(), settings=settings, requests=requests)
    assert [finding.rule for finding in report.findings] == rules
    assert ("batch-independence" in requests[0].properties) == wanted
    assert "cannot-build" not in requests[0].properties


def test_a_comment_suppresses():
    Path("model.py").write_text(
        "\n".join(LINES[:4]) + "\n        raise ValueError  # resnet-check: ignore[RC651]\n", encoding="utf-8"
    )
    assert checked(Raised("build", "ValueError", "", 5, here=False), Done()).findings == ()
    assert len(checked(Raised("build", "ValueError", "", 4, here=False), Done()).findings) == 1


@pytest.mark.parametrize(
    ("settings", "model", "shape", "size"),
    [
        (Settings(), MODEL, [3, 32, 32], None),
        (Settings(input=(1, 8, 8)), MODEL, [1, 8, 8], [1, 8, 8]),
        (Settings(), MODEL._replace(input=None), None, None),
        (Settings(), MODEL._replace(input=(None, 3, None)), None, None),
    ],
)
def test_the_request_says_what_is_known(settings, model, shape, size):
    requests = []
    checked(Done(), settings=settings, model=model, requests=requests)
    (request,) = requests
    assert (request.input, request.size, request.known) == (shape, size, False)
    assert request.path == os.path.abspath("model.py")


# The command line.

FILE = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return torch.relu(self.conv(x)) + x


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        x = self.conv(x)
        return x - x.max()


def broken():
    torch.load("weights-that-are-not-there.pt")
    return Block()


def wrong():
    return nn.Sequential(Block(), nn.Unflatten(1, (2, -1)))
"""


def write(text=FILE):
    Path("model.py").write_text(text, encoding="utf-8")


def test_models_are_built_and_run(run_cli):
    pytest.importorskip("torch")
    write()
    outcome = run_cli(
        "--live", "--no-cache", "--output-format", "json", "--select", "RC65,batch-independence", "model.py"
    )
    assert (outcome.status, outcome.err) == (1, "")
    report = json.loads(outcome.out)
    found = {(f["model"], f["rule"], f["severity"], f["line"]) for f in report["files"][0]["findings"]}
    names = {model["name"] for model in report["files"][0]["models"]}
    assert {name: [each[1:3] for each in found if each[0] == name] for name in names} == {
        "Mixed": [("batch-independence", "error")],
        "broken": [("cannot-build", "note")],
        "wrong": [("cannot-run", "error")],
    }
    lines = FILE.split("\n")
    shown = {each[0]: lines[each[3] - 1].strip() for each in found}
    assert shown["broken"].startswith("torch.load")
    assert shown["wrong"] == "def wrong():", "it is torch's own code that raises"
    assert report["isolation"].endswith("rlimits")


def test_the_text_ends_with_the_isolation(run_cli):
    pytest.importorskip("torch")
    write("from torch import nn\n\nnet = nn.Sequential(nn.Conv2d(3, 4, 3))\nraise SystemExit\n")
    outcome = run_cli("--live", "--select", "RC65", "model.py")
    assert outcome.status == 0
    assert outcome.out.split("\n")[-2].startswith("isolation: ")
    assert "isolation" not in run_cli("model.py").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--live", "-"], "standard input"),
        (["--require-isolation", "model.py"], "give both"),
        (["--live", "--require-isolation", "model.py"], "landlock and seccomp cannot be had here; nothing was run"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments, words, run_cli, monkeypatch):
    def start(session):
        session.layers = ("rlimits",)

    monkeypatch.setattr(Session, "start", start)
    write()
    outcome = run_cli(*arguments)
    assert outcome.status == 2
    assert outcome.out == ""
    assert words in outcome.err
    assert outcome.err.count("\n") == 1
