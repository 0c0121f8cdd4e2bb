"""Suppression comments: where they may stand, what they silence, and what is said of idle ones."""

import time

import pytest

from resnet_check.checking import check_source
from resnet_check.config import Settings
from resnet_check.finding import Finding
from resnet_check.rules import unused_ignore
from resnet_check.rules.base import Rule, load
from resnet_check.source import parse_source
from resnet_check.suppression import MOST


def bang(context):
    """Yield a finding on each line with a `!`."""
    for number, line in enumerate(context.source.lines, 1):
        if "!" in line:
            yield Finding("bang", "RC999", "warning", context.source.path, number, 1, number, 2, "a bang")


@pytest.fixture
def check(use_rules):
    use_rules(Rule("RC999", "bang", "warning", bang), load(unused_ignore))

    def run(text, **settings):
        report = check_source(parse_source("model.py", text.encode()), Settings(**settings))
        assert not report.failures
        return [(finding.rule, finding.line) for finding in report.findings]

    return run


SILENT = [
    "x = '!'  # resnet-check: ignore[bang] the checkpoint needs it\n",
    "x = '!'  # resnet-check: ignore[RC999]\n",
    "x = '!'  #resnet-check:ignore[rc9]\n",
    "x = '!'  # type: ignore  # resnet-check: ignore[bang]\n",
    "x = (\n    '!',\n    2,\n)  # resnet-check: ignore[bang]\n",
    "class A:  # resnet-check: ignore[bang]\n    def f(self):\n        return '!'\n",
    "class A:\n    def f(  # resnet-check: ignore[bang]\n        self,\n    ):\n        return '!'\n",
    "@dec  # resnet-check: ignore[bang]\ndef f():\n    return '!'\n",
    "if '!':  # resnet-check: ignore[bang]\n    pass\n",
    '"""Docs."""\n# resnet-check: ignore-file known\nx = "!"\n',
    "# resnet-check: ignore-file[bang]\nx = '!'\n",
]


@pytest.mark.parametrize("text", SILENT)
def test_a_comment_silences_its_statement_or_definition(check, text):
    assert check(text) == []


LOUD = [
    ("if x:  # resnet-check: ignore[bang]\n    y = '!'\n", [("unused-ignore", 1), ("bang", 2)]),
    ("# resnet-check: ignore[bang]\ny = '!'\n", [("unused-ignore", 1), ("bang", 2)]),
    ("y = '!'  # resnet-check: ignore\n", [("bang", 1), ("unused-ignore", 1)]),
    ("y = '!'  # resnet-check: ignore[bangg]\n", [("bang", 1), ("unused-ignore", 1)]),
    ("y = '!'\n# resnet-check: ignore-file\n", [("bang", 1), ("unused-ignore", 2)]),
    ("y = '! # resnet-check: ignore[bang]'\n", [("bang", 1)]),
    ("y = 1  # resnet-check: ignore[bang]\n", [("unused-ignore", 1)]),
    ("# resnet-check: ignore-file\ny = 1\n", [("unused-ignore", 1)]),
]


@pytest.mark.parametrize(("text", "found"), LOUD)
def test_a_comment_that_silences_nothing_is_a_finding(check, text, found):
    assert check(text) == found


def test_of_several_names_only_the_idle_ones_are_reported(use_rules):
    use_rules(Rule("RC999", "bang", "warning", bang), load(unused_ignore))
    source = parse_source(
        "model.py", b"y = '!'  # resnet-check: ignore[bang, RC003]\nz = 1  # resnet-check: ignore[bang]\n"
    )
    findings = check_source(source, Settings()).findings
    assert [(finding.line, finding.message) for finding in findings] == [
        (2, "the comment does not suppress `bang` here")
    ]


def test_an_idle_comment_can_be_kept(check):
    assert check("y = 1  # resnet-check: ignore[bang, unused-ignore]\n") == []


def test_a_comment_for_a_rule_that_is_off_is_not_called_idle(check):
    assert check("y = 1  # resnet-check: ignore[bang]\n", ignore=("bang",)) == []


def test_comments_of_a_file_that_is_not_python_are_still_heard(check):
    assert check("x = (  # resnet-check: ignore[bang] '!'\n") == []


@pytest.mark.usefixtures("check")
def test_a_hint_names_the_nearest_rule():
    source = parse_source("model.py", b"y = '!'  # resnet-check: ignore[bangg]\n")
    finding = check_source(source, Settings()).findings[-1]
    assert finding.message == "the comment names no rule: `bangg`"
    assert finding.help == "write `bang`"


@pytest.mark.usefixtures("check")
def test_comments_without_end_cost_no_time_without_end():
    rows = "".join(f"x = 1  # resnet-check: ignore[name{number}]\n" for number in range(8_000))
    start = time.process_time()
    findings = check_source(parse_source("model.py", rows.encode()), Settings()).findings
    assert len(findings) == MOST
    assert time.process_time() - start < 8
