"""`lock` writes down what the models are; `check --locked` fails where they are something else."""

import json
from pathlib import Path

import pytest

from resnet_check.gate.lockfile import NAME, read_lock, written
from tests.gate.conftest import NET, put, snapshots_of

OTHER = NET.replace("Net(3)", "Net(2)")


@pytest.fixture(autouse=True)
def locked(project, run_cli):  # noqa: ARG001 - what it makes is there
    outcome = run_cli("lock", "models")
    assert outcome == (0, f"2 models written to {NAME}\n", "")


def found(run_cli, *words):
    outcome = run_cli(*words, "--locked", "--output-format", "json")
    files = json.loads(outcome.out)["files"]
    return outcome.status, [(f["path"], f["line"], f["message"]) for file in files for f in file["findings"]]


def test_a_check_after_locking_is_clean(run_cli):
    assert found(run_cli, "models") == (0, [])
    text = Path(NAME).read_text(encoding="utf-8")
    assert run_cli("lock", "models").status == 0
    assert Path(NAME).read_text(encoding="utf-8") == text


def test_the_file_is_read_as_it_was_written():
    lock = read_lock(NAME)
    assert written(lock) == Path(NAME).read_text(encoding="utf-8")
    bare = {name: each._replace(line=1, lines=()) for name, each in snapshots_of(NET).items()}
    assert {each.name: each for each in lock.models("models/net.py")} == bare


def test_the_file_is_for_people(golden):
    golden("lock.txt", Path(NAME).read_text(encoding="utf-8"))


def test_a_changed_architecture_fails_with_what_changed(run_cli):
    put("models/net.py", OTHER)
    status, findings = found(run_cli, "models")
    assert status == 1
    ((path, line, message),) = findings
    assert (path, OTHER.split("\n")[line - 1]) == ("models/net.py", "def large():")
    assert message.startswith(
        "`large` is not what the lock file has: the nearest published network is resnet-14, was resnet-20"
    )
    assert run_cli("lock", "models").status == 0
    assert found(run_cli, "models") == (0, [])


def test_renaming_variables_reordering_and_formatting_pass(run_cli):
    text = NET.replace("y = ", "out = ").replace("(y", "(out").replace("layers, wide = [], 16", "wide, layers = 16, []")
    put("models/net.py", "# A comment.\n" + text.replace("'", '"').replace("    ", "  "))
    assert found(run_cli, "models") == (0, [])


def test_new_gone_and_renamed_models_fail(run_cli):
    put("models/net.py", NET + "\n\ndef huge():\n    return Net(5)\n")
    assert [message for _, _, message in found(run_cli, "models")[1]] == ["`huge` is not in the lock file"]
    put("models/net.py", NET.replace("def small", "def tiny"))
    assert [message for _, _, message in found(run_cli, "models")[1]] == ["`tiny` is called `small` in the lock file"]
    put("models/net.py", NET.partition("def small")[0] + "def large():\n    return Net(3)\n")
    status, findings = found(run_cli, "models")
    assert (status, findings) == (
        1,
        [("models/net.py", 1, "`small` is in the lock file, and not in this file any more")],
    )


def test_a_file_that_is_gone_fails_at_the_lock_file(run_cli):
    put("models/other.py", NET)
    assert run_cli("lock", "models/other.py").status == 0
    Path("models/net.py").unlink()
    status, findings = found(run_cli, "models")
    assert (status, findings) == (
        1,
        [(NAME, 4, "the lock file has `small` and `large` of models/net.py, and that file is gone")],
    )
    assert found(run_cli, "models/other.py") == (0, [])
    assert run_cli("lock", "models").status == 0
    assert list(read_lock(NAME).files) == ["models/other.py"]


def test_what_no_longer_runs_is_told_once(run_cli):
    put("models/net.py", NET.replace("nn.Linear(64", "nn.Linear(63"))
    status, findings = found(run_cli, "models")
    assert status == 1
    assert len(findings) == 1
    assert "63" in findings[0][2]


def test_what_does_not_run_is_not_locked(run_cli):
    put("models/net.py", NET.replace("nn.Linear(64", "nn.Linear(63"))
    outcome = run_cli("lock", "models")
    assert (outcome.status, outcome.out) == (1, f"0 models written to {NAME}\n")
    assert outcome.err.splitlines()[0] == (
        "resnet-check: not locked, since it does not run: the model at models/net.py:43; see `resnet-check models/net.py`"
    )
    put("models/net.py", "def broken(:\n")
    outcome = run_cli("lock", "models")
    assert (outcome.status, outcome.out) == (2, f"0 models written to {NAME}\n")
    assert outcome.err.startswith("resnet-check: not locked: models/net.py:1: ")


def test_a_file_that_cannot_be_read_keeps_its_entries(run_cli):
    put("models/other.py", NET)
    assert run_cli("lock", "models").status == 0
    before = Path(NAME).read_text(encoding="utf-8")
    put("models/net.py", "def broken(:\n")
    assert run_cli("lock", "models").status == 2
    assert Path(NAME).read_text(encoding="utf-8") == before


def test_a_change_can_be_suppressed_and_ignored(run_cli):
    put(
        "models/net.py",
        OTHER.replace("def large():", "def large():  # resnet-check: ignore[architecture-changed] a test"),
    )
    assert found(run_cli, "models") == (0, [])
    put("models/net.py", OTHER)
    assert found(run_cli, "models", "--ignore", "RC7") == (0, [])


def test_the_lock_file_above_is_used(run_cli, monkeypatch):
    monkeypatch.chdir("models")
    assert found(run_cli, ".") == (0, [])
    put("net.py", OTHER)
    assert found(run_cli, ".")[0] == 1
    assert run_cli("lock", "net.py").out == "2 models written to ../resnet-check.lock\n"
    assert not Path(NAME).exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "--locked: there is no resnet-check.lock here or above; `resnet-check lock` writes one"),
        ("<<<<<<< HEAD\n{}\n", "resnet-check.lock is no lock file, or one with conflicts"),
        ("[]", "resnet-check.lock is no lock file"),
        ('{"version": 7, "models": {}}', "resnet-check.lock is a lock file of version 7, not 1: write it anew"),
        ('{"version": 1, "models": {"a.py::b": {"nonsense": 1}}}', "resnet-check.lock is no lock file"),
        ('{"version": 1, "models": {"a.py::b": {"digest": 1}}}', "resnet-check.lock is no lock file"),
    ],
)
def test_what_is_no_lock_file_stops_the_run(run_cli, content, message):
    Path(NAME).unlink()
    if content is not None:
        put(NAME, content)
    outcome = run_cli("models", "--locked")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"resnet-check: {message}")
    assert len(outcome.err.splitlines()) == 1


def test_models_without_weights_and_files_without_models(run_cli):
    put(
        "models/flat.py",
        "from torch import nn\n\n\nclass Flat(nn.Module):\n    def forward(self, x):\n        return x.flatten(1)\n",
    )
    put("models/empty.py", "")
    assert run_cli("lock", "models").out == f"3 models written to {NAME}\n"
    assert found(run_cli, "models") == (0, [])


def test_what_there_was_no_time_for_is_no_change(run_cli):
    put("models/net.py", NET + "\n\nwhile True:\n    pass\n\n\nmine = Net(5)\n")
    status, findings = found(run_cli, "models")
    assert status == 0
    assert all("lock file" not in message for _, _, message in findings)


def test_a_change_in_an_imported_file_is_seen_in_spite_of_the_cache(run_cli):
    head, _, tail = NET.partition("class Net")
    put("models/block.py", head)
    put(
        "models/net.py",
        "import torch.nn as nn\nimport torch.nn.functional as F\nfrom block import Block\n\n\nclass Net" + tail,
    )
    assert found(run_cli, "models/net.py") == (0, [])
    put("models/block.py", head.replace("F.relu(y +", "F.elu(y +"))
    status, findings = found(run_cli, "models/net.py")
    assert status == 1
    assert all("elu" in message for _, _, message in findings)
