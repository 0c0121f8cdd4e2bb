"""`diff`: what changed in the architecture between two files, two folders, or two revisions."""

import json
import os
from pathlib import Path

import pytest

from tests.gate.conftest import NET, git, put

OTHER = NET.replace("Net(3)", "Net(2)")


@pytest.fixture(autouse=True)
def _in_a_project(project):
    pass


def test_two_files(run_cli, golden):
    put("new.py", OTHER)
    outcome = run_cli("diff", "models/net.py", "new.py")
    assert (outcome.status, outcome.err) == (1, "")
    golden("diff.txt", outcome.out)
    assert run_cli("diff", "models/net.py", "new.py", "--exit-zero").status == 0
    golden("diff.markdown.txt", run_cli("diff", "models/net.py", "new.py", "--output-format", "markdown").out)
    assert run_cli("diff", "new.py", "new.py") == (0, "No architecture has changed (2 models compared).\n", "")


def test_json(run_cli):
    put("new.py", OTHER)
    content = json.loads(run_cli("diff", "models/net.py", "new.py", "--output-format", "json").out)
    (change,) = content["changes"]
    assert (content["models"], change["kind"], change["old"], change["new"]) == (2, "changed", "large", "large")
    params = next(each for each in change["changes"] if each["what"] == "params")
    assert params["old"] > params["new"]
    assert change["checkpoints_load"] is False
    assert (
        len(change["state"]["unexpected"]) == 3 * 2 * 6 + 2 * 6
    )  # of each stage a block, whose shortcut is a projection in two of them


def test_a_report_in_a_file(run_cli):
    put("new.py", OTHER)
    outcome = run_cli("diff", "models/net.py", "new.py", "--output-file", "diff.txt")
    assert outcome == (1, "", "")
    assert Path("diff.txt").read_text(encoding="utf-8").startswith("large: changed\n")


def test_one_network_each_under_two_names(run_cli):
    only = NET.partition("def large")[0]
    put("a.py", only)
    put("b.py", only.replace("def small", "def net"))
    assert run_cli("diff", "a.py", "b.py").status == 0


def test_two_folders(run_cli):
    put("before/a/net.py", NET)
    put("before/gone.py", NET)
    put("after/a/net.py", OTHER)
    put("after/gone.py", NET)
    put("after/came.py", OTHER.replace("Net(2)", "Net(4)"))
    outcome = run_cli("diff", "before", "after")
    heads = [line for line in outcome.out.splitlines() if line[:1].strip()]
    assert heads == [
        "a/net.py::large: changed",
        "came.py::small: added",
        "came.py::large: added",
        "1 model changed, 2 added; old checkpoints of 1 model do not load (6 models compared).",
    ]


def test_since_a_revision(run_cli):
    assert run_cli("diff", "--rev", "HEAD") == (0, "No architecture has changed (2 models compared).\n", "")
    put("models/net.py", OTHER)
    put("models/new.py", OTHER.replace("Net(2)", "Net(6)"))
    outcome = run_cli("diff", "--rev", "HEAD", "models")
    heads = [line for line in outcome.out.splitlines() if line[:1].strip()]
    assert outcome.status == 1
    assert heads[:3] == [
        "models/net.py::large: changed",
        "models/new.py::small: added",
        "models/new.py::large: added",
    ]
    assert run_cli("diff", "--rev", "main", "models/net.py").out.startswith("models/net.py::large: changed\n")
    git("add", "-A")
    git("commit", "-q", "-m", "second")
    assert run_cli("diff", "--rev", "HEAD").status == 0
    assert run_cli("diff", "--rev", "HEAD~1").out == outcome.out


def test_moved_and_deleted_files(run_cli):
    put("models/far.py", OTHER.replace("Net(2)", "Net(6)").replace("Net(1)", "Net(7)"))
    git("add", "-A")
    git("commit", "-q", "-m", "second")
    Path("models/net.py").rename("models/moved.py")
    Path("models/far.py").unlink()
    outcome = run_cli("diff", "--rev", "HEAD")
    heads = [line for line in outcome.out.splitlines() if line[:1].strip()]
    assert heads[:-1] == [
        "models/moved.py::small: renamed, was models/net.py::small",
        "models/moved.py::large: renamed, was models/net.py::large",
        "models/far.py::small: removed",
        "models/far.py::large: removed",
    ]
    assert run_cli("diff", "--rev", "HEAD", "models/far.py").out.startswith("models/far.py::small: removed\n")
    assert run_cli("diff", "--rev", "HEAD", "nowhere.py") == (
        2,
        "",
        "resnet-check: no such file or folder, now or in `HEAD`: nowhere.py\n",
    )


def test_a_file_that_was_moved_and_changed(run_cli):
    git("mv", "models/net.py", "models/moved.py")
    put("models/moved.py", OTHER)
    outcome = run_cli("diff", "--rev", "HEAD", "models/moved.py")
    heads = [line for line in outcome.out.splitlines() if line[:1].strip()]
    assert heads[:-1] == [
        "models/moved.py::small: renamed, was models/net.py::small",
        "models/moved.py::large: changed, was models/net.py::large",
    ]


def test_a_change_of_an_imported_file(run_cli):
    head, _, tail = NET.partition("class Net")
    top = "import torch.nn as nn\nimport torch.nn.functional as F\nfrom block import Block\n\n\nclass Net"
    put("models/block.py", head)
    put("models/net.py", top + tail)
    git("add", "-A")
    git("commit", "-q", "-m", "second")
    put("models/block.py", head.replace("F.relu(y +", "F.elu(y +"))
    outcome = run_cli("diff", "--rev", "HEAD", "models/net.py")
    assert outcome.out.count("old checkpoints load, and give other outputs") == 2


def test_nothing_is_checked_out_and_no_filter_runs(run_cli, tmp_path):
    put(".gitattributes", "*.py filter=spy\n")
    canary = tmp_path / "canary"
    git("config", "filter.spy.smudge", f"touch {canary}; cat")
    put("models/net.py", OTHER)
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and ".cache" not in path.parts}
    assert run_cli("diff", "--rev", "HEAD").status == 1
    assert not canary.exists()
    after = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and ".cache" not in path.parts}
    assert after == before


def test_odd_names(run_cli):
    names = ["a b.py", "é: ü.py", "tab\t.py", "quote'\".py", "line\nbreak.py"]
    for name in names:
        put(name, NET)
    os.symlink("a b.py", "link.py")
    git("add", "-A")
    git("commit", "-q", "-m", "odd")
    for name in names:
        put(name, OTHER)
    outcome = run_cli("diff", "--rev", "HEAD", *names, "--output-format", "json")
    assert outcome.status == 1
    assert [change["new"] for change in json.loads(outcome.out)["changes"]] == [f"{name}::large" for name in names]
    assert "\n\n\n" not in run_cli("diff", "--rev", "HEAD", names[-1]).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["models/net.py"], "`diff` compares two files or folders: OLD NEW"),
        (["--rev", "nothing"], "no revision `nothing` in "),
        (["--rev", "--help"], "no revision `--help` in "),
        (["models/net.py", "nowhere.py"], "no such file or folder: nowhere.py"),
    ],
)
def test_what_cannot_be_compared(run_cli, words, message):
    outcome = run_cli("diff", *words)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"resnet-check: {message}")
    assert len(outcome.err.splitlines()) == 1


def test_outside_of_a_repository_and_without_git(run_cli, tmp_path_factory, monkeypatch):
    put("new.py", NET)
    monkeypatch.setenv("PATH", "")
    outcome = run_cli("diff", "--rev", "HEAD")
    assert (outcome.status, outcome.err) == (
        2,
        "resnet-check: git is needed to read other revisions, and not installed\n",
    )
    monkeypatch.undo()
    folder = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(folder)
    put("new.py", NET)
    assert run_cli("diff", "--rev", "HEAD").err == "resnet-check: . is not in a git repository\n"


def test_a_file_that_cannot_be_read_is_not_called_unchanged(run_cli):
    put("models/net.py", "def broken(:\n")
    outcome = run_cli("diff", "--rev", "HEAD")
    assert outcome.status == 2
    assert outcome.err.startswith(
        "resnet-check: ./models/net.py:1: " if "./" in outcome.err else "resnet-check: models/net.py:1: "
    )
