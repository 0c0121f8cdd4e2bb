"""Properties are known by name and code wherever rules are."""

import json

import pytest

from resnet_check.checking import check_source
from resnet_check.config import Settings
from resnet_check.finding import Finding
from resnet_check.properties import all_properties
from resnet_check.rules._explained import SEEN_TO_FOLLOW
from resnet_check.rules.base import all_rules, merge
from resnet_check.rules.selection import known_rules, matches, selected, selected_properties
from resnet_check.source import parse_source

CODES = {each.code for each in all_properties()}


@pytest.mark.parametrize(
    ("selector", "codes"),
    [
        ("RC6", CODES),
        ("batch-independence", {"RC601"}),
        ("RC601", {"RC601"}),
        ("RC", CODES | {rule.code for rule in all_rules()}),
        ("RC301", {"RC301"}),
        ("relu-before-add", {"RC301"}),
        ("batch-dependence", set()),
    ],
)
def test_selectors(selector, codes):
    assert matches(selector) == codes


@pytest.mark.parametrize(
    ("select", "extend", "ignore", "names"),
    [
        (None, (), (), CODES),
        (("RC3",), (), (), set()),
        (("RC3",), ("RC601",), (), {"RC601"}),
        (None, (), ("RC6",), set()),
        (None, ("batch-independence",), ("RC6",), {"RC601"}),
        (("RC6",), (), ("batch-independence",), CODES - {"RC601"}),
    ],
)
def test_the_most_specific_selector_decides(select, extend, ignore, names):
    assert {each.code for each in selected_properties(select, extend, ignore)} == names
    assert not CODES & {rule.code for rule in selected(select, extend, ignore)}


def test_a_suppression_of_a_property_is_not_unused_where_nothing_ran():
    text = "class A:  # resnet-check: ignore[batch-independence, RC602] on purpose\n    pass\n"
    assert check_source(parse_source("model.py", text.encode()), Settings()).findings == ()


def test_the_command_line_lists_and_explains_them(run_cli):
    listed = json.loads(run_cli("rules", "--output-format", "json").out)
    assert {row["code"] for row in listed} >= CODES
    assert "## Why it matters" in run_cli("explain", "batch-independence").out
    assert run_cli("explain", "RC6").out.count("## How to fix") == len(CODES)
    assert run_cli("explain", "batch-dependence").err.endswith("(did you mean `batch-independence`?)\n")


def test_what_the_static_check_explains_is_told_once():
    unused = Finding("unused-layer", "RC111", "warning", "model.py", 9, 1, 9, 2, "never called")
    idle = unused._replace(rule="every-parameter-learns", code="RC604", message="no gradient", line=12)
    mixed = unused._replace(rule="batch-independence", code="RC601", message="depends on the batch", line=13)
    elsewhere = idle._replace(path="other.py")
    assert merge([unused, idle, mixed, elsewhere]) == [unused, mixed, elsewhere]


def test_what_explains_a_property_is_a_rule():
    names = {rule.name for rule in known_rules()}
    assert {name for rules in SEEN_TO_FOLLOW.values() for name in rules.split()} | SEEN_TO_FOLLOW.keys() <= names
