"""What holds for every rule: its page, its examples, its name."""

import ast
import re
from pathlib import Path

import pytest

from resnet_check.checking import check_source
from resnet_check.config import Settings
from resnet_check.finding import SEVERITIES
from resnet_check.gate.snapshot import Gate
from resnet_check.rules.base import all_rules
from resnet_check.source import parse_source

RULES = all_rules()
SECTIONS = ["What it checks", "Why it matters", "Bad", "Good", "How to fix", "Source"]
MARK = re.compile(r"# <- ([a-z-]+)$")
FOLDER = Path(__file__).parents[2] / "resnet_check" / "rules"

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def examples(*kinds):
    return [
        pytest.param(rule, text, id=f"{rule.name}-{kind}-{number}")
        for rule in RULES
        for kind in kinds
        for number, text in enumerate(getattr(rule, kind), 1)
    ]


def found(text, path="model.py", rule=None):
    like, locked = (rule.like, rule.locked) if rule else (None, None)
    report = check_source(parse_source(path, text.encode()), Settings(like=like), locked and Gate(snapshots_of(locked)))
    assert report.failures == ()
    return report.findings


def snapshots_of(text):
    return check_source(parse_source("model.py", text.encode()), Settings(), Gate()).snapshots


def marked(text):
    return [
        (mark[1], number) for number, line in enumerate(text.split("\n"), 1) if (mark := MARK.search(line.rstrip()))
    ]


@each_rule
def test_the_page_is_complete(rule):
    assert re.findall(r"^## (.+)$", rule.page, re.MULTILINE) == SECTIONS
    for section in re.split(r"^## .+$", rule.page, flags=re.MULTILINE):
        assert section.strip()
    assert rule.title.endswith(".")
    assert len(rule.title) <= 120


@each_rule
def test_the_name_is_the_file_s(rule):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert (FOLDER / f"{rule.name.replace('-', '_')}.py").exists()


@each_rule
def test_code_and_severity(rule):
    assert re.fullmatch(r"RC\d{3}", rule.code)
    assert rule.severity in SEVERITIES


@each_rule
def test_there_are_examples(rule):
    assert rule.bad
    assert rule.good


def test_codes_and_names_are_used_once():
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_a_file_of_the_folder_is_a_rule_or_a_tool_of_the_rules():
    names = {path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_") or path.stem == "__init__"}
    assert names - {rule.name.replace("-", "_") for rule in RULES} == {"__init__", "base", "selection"}


@each_rule
def test_a_rule_file_is_short(rule):
    assert len((FOLDER / f"{rule.name.replace('-', '_')}.py").read_text(encoding="utf-8").split("\n")) <= 400


@pytest.mark.parametrize(("rule", "text"), examples("bad"))
def test_a_bad_example_is_reported_at_its_marks_only(rule, text):
    expected = [line for name, line in marked(text) if name == rule.name]
    assert expected, "mark each line to be reported with `# <- rule-name`"
    assert sorted(finding.line for finding in found(text, rule=rule) if finding.rule == rule.name) == expected


@pytest.mark.parametrize(("rule", "text"), examples("bad"))
def test_a_bad_example_shows_no_mistake_that_it_does_not_mark(rule, text):
    loud = {(finding.rule, finding.line) for finding in found(text, rule=rule) if finding.severity != "note"}
    assert loud <= set(marked(text))


@pytest.mark.parametrize(("rule", "text"), examples("good"))
def test_a_good_example_raises_nothing(rule, text):
    findings = found(text, rule=rule)
    assert [finding for finding in findings if finding.rule == rule.name] == []
    assert [finding for finding in findings if finding.severity != "note"] == []


@pytest.mark.parametrize(("rule", "text"), examples("bad"))
def test_messages_are_written_alike(rule, text):
    for finding in found(text, rule=rule):
        if finding.rule == rule.name:
            assert finding.message
            assert not finding.message.endswith(".")
            assert "\n" not in finding.message + finding.label + finding.help
            assert not finding.message[0].isupper() or re.match(
                r"[A-Z]+[A-Za-z0-9_]*\d*[A-Z(.]|NUL|Python", finding.message
            )


@pytest.mark.parametrize(("rule", "text"), examples("bad", "good"))
def test_examples_are_whole_files_unless_they_are_about_syntax(rule, text):
    if rule.name not in {"syntax-error", "unused-ignore"}:
        assert ast.parse(text)
