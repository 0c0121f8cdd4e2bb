"""`check --since REV`: the findings on changed lines, and in the models that these touch."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_check.gate.lines import changed_lines, definition
from tests.gate.conftest import NET, git, put

BIASED = NET.replace("Conv2d(out, out, 3, 1, 1, bias=False)", "Conv2d(out, out, 3, 1, 1)")
"""A file with one old finding: a bias before a norm."""


def rules(run_cli, *words):
    outcome = run_cli(*words, "--output-format", "json")
    content = json.loads(outcome.out)
    return outcome.status, sorted(
        (f["path"], f["rule"], f["line"]) for file in content["files"] for f in file["findings"]
    )


@pytest.fixture(autouse=True)
def _old(project):  # noqa: ARG001 - what it makes is there
    put("models/net.py", BIASED)
    put("models/other.py", BIASED)
    git("add", "-A")
    git("commit", "-q", "-m", "second")


def test_old_findings_are_not_told(run_cli):
    assert len(rules(run_cli, "models")[1]) == 2
    for paths in (["models"], ["."], ["models/net.py", "models/other.py"]):
        assert rules(run_cli, *paths, "--since", "HEAD") == (0, [])
    put("models/net.py", "# A comment.\n" + BIASED)
    assert rules(run_cli, "models", "--since", "HEAD") == (0, [])


def test_a_touched_model_shows_all_its_findings(run_cli):
    put("models/net.py", BIASED.replace("F.relu(self.bn(self.conv(x)))", "F.relu(self.bn(self.conv(x))) + 0"))
    assert rules(run_cli, "models", "--since", "HEAD")[1] == [("models/net.py", "bias-before-norm", 10)]


def test_a_new_mistake_is_told_where_it_is(run_cli):
    put("models/net.py", BIASED.replace("nn.Linear(64", "nn.Linear(63"))
    status, found = rules(run_cli, "models", "--since", "HEAD")
    assert status == 1
    assert ("models/net.py", "linear-features-mismatch", 34) in found
    assert all(path == "models/net.py" for path, _, _ in found)


def test_a_model_that_an_imported_change_touches(run_cli):
    head, _, tail = NET.partition("class Net")
    top = "import torch.nn as nn\nimport torch.nn.functional as F\nfrom block import Block\n\n\nclass Net"
    put("models/block.py", head)
    put("models/net.py", top + tail.replace("Conv2d(3, 16, 3, 1, 1, bias=False)", "Conv2d(3, 16, 3, 1, 1)"))
    git("add", "-A")
    git("commit", "-q", "-m", "third")
    assert rules(run_cli, "models/net.py", "--since", "HEAD") == (0, [])
    put("models/block.py", head.replace("F.relu(y +", "F.elu(y +"))
    _, found = rules(run_cli, "models/net.py", "--since", "HEAD")
    assert [(path, rule) for path, rule, _ in found] == [("models/net.py", "bias-before-norm")]


def test_a_new_file_and_one_that_is_moved(run_cli):
    put("models/new.py", BIASED)
    assert [path for path, _, _ in rules(run_cli, "models", "--since", "HEAD")[1]] == ["models/new.py"]
    Path("models/new.py").unlink()
    git("mv", "models/net.py", "models/moved.py")
    assert rules(run_cli, "models", "--since", "HEAD") == (0, [])


def test_a_file_that_cannot_be_parsed_any_more(run_cli):
    put("models/net.py", BIASED + "\nx = (\n")
    status, found = rules(run_cli, "models", "--since", "HEAD")
    assert (status, [rule for _, rule, _ in found]) == (1, ["syntax-error"])


def test_what_changed_on_the_other_branch_is_not_ours(run_cli):
    git("checkout", "-q", "-b", "mine")
    git("checkout", "-q", "main")
    put("models/other.py", NET)
    git("commit", "-q", "-a", "-m", "theirs")
    git("checkout", "-q", "mine")
    assert rules(run_cli, "models", "--since", "main") == (0, [])


def test_a_baseline_is_looked_at_as_a_whole(run_cli, monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert run_cli("models", "--write-baseline", "known.json").status == 0
    put("models/net.py", BIASED.replace("nn.Linear(64", "nn.Linear(63"))
    status, found = rules(run_cli, "models", "--since", "HEAD", "--baseline", "known.json")
    assert status == 1
    assert [rule for _, rule, _ in found] == ["linear-features-mismatch"]


def test_the_markdown_report_says_first_what_changed(run_cli, golden):
    put("models/net.py", BIASED.replace("Net(3)", "Net(2)"))
    golden("since.markdown.txt", run_cli("models", "--since", "HEAD", "--output-format", "markdown").out)
    content = json.loads(run_cli("models", "--since", "HEAD", "--output-format", "json").out)
    assert [(each["kind"], each["new"]) for each in content["changes"]] == [("changed", "models/net.py::large")]


def test_no_such_revision(run_cli):
    outcome = run_cli("models", "--since", "nothing")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith("resnet-check: no revision `nothing` in ")


texts = st.lists(st.sampled_from("abcd"), max_size=8)


@given(texts, texts)
def test_lines_that_are_not_called_changed_were_there(old, new):
    found = changed_lines("\n".join(old).encode(), "\n".join(new).encode())
    kept = iter(old or [""])
    assert all(line in kept for number, line in enumerate(new or [""], 1) if number not in found)
    if old == new:
        assert not found


def test_a_definition_at_top_level():
    lines = ["import a", "", "class A(", "    B,", "):", "    def f(self):", "        pass", "", "x = 1"]
    assert [definition(lines, number).start for number in range(1, 10)] == [1, 1, 3, 3, 3, 3, 3, 3, 9]
    assert tuple(definition(lines, 6)) == tuple(range(3, 9))
