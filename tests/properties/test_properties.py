"""What holds for every property: its page, its examples, its name."""

import re
import sys
from functools import cache
from pathlib import Path

import pytest

from resnet_check.finding import SEVERITIES
from resnet_check.properties import all_properties, run
from resnet_check.properties._examples import network
from resnet_check.rules.base import all_rules
from tests.properties.subjects import subject

PROPERTIES = all_properties()
SECTIONS = ["What it checks", "Why it matters", "Bad", "Good", "How to fix", "Source"]
FOLDER = Path(__file__).parents[2] / "resnet_check" / "properties"

EXCUSED = {"deterministic-eval"}
"""Properties of which a good example shows when they do not apply."""

each_property = pytest.mark.parametrize("tried", PROPERTIES, ids=lambda tried: tried.name)


def like(tried):
    """Return the reference that the examples of a property are to be."""
    return getattr(sys.modules[tried.check.__module__], "LIKE", None)


def examples(kind):
    return [
        pytest.param(tried, text, id=f"{tried.name}-{kind}-{number}")
        for tried in PROPERTIES
        for number, text in enumerate(getattr(tried, kind), 1)
    ]


@each_property
def test_the_page_is_complete(tried):
    assert re.findall(r"^## (.+)$", tried.page, re.MULTILINE) == SECTIONS
    for section in re.split(r"^## .+$", tried.page, flags=re.MULTILINE):
        assert section.strip()
    assert tried.title.endswith(".")
    assert len(tried.title) <= 120


@each_property
def test_name_code_and_severity(tried):
    assert (FOLDER / f"{tried.name.replace('-', '_')}.py").exists()
    assert re.fullmatch(r"RC6\d\d", tried.code)
    assert tried.severity in SEVERITIES


@each_property
def test_there_are_examples(tried):
    assert tried.bad
    assert tried.good


def test_codes_and_names_are_used_once():
    everything = (*PROPERTIES, *all_rules())
    assert len({each.code for each in everything}) == len(everything)
    assert len({each.name for each in everything}) == len(everything)


@pytest.mark.parametrize(("tried", "text"), examples("bad"))
def test_a_planted_fault_is_caught(tried, text):
    (outcome,) = run(subject(text, like=like(tried)), [tried.name])
    assert outcome.verdict == "failed"
    assert outcome.message
    assert "\n" not in outcome.message + outcome.example
    assert not outcome.message.endswith(".")


@cache
def outcomes(text):
    return run(subject(text))


@pytest.mark.parametrize(("tried", "text"), examples("good"))
def test_a_good_example_has_every_property(tried, text):
    if like(tried):
        (outcome,) = run(subject(text, like=like(tried)), [tried.name])
        assert outcome.verdict == "passed"
        return
    assert [outcome for outcome in outcomes(text) if outcome.verdict == "failed"] == []
    assert tried.name in {outcome.name for outcome in outcomes(text) if outcome.verdict == "passed"} | EXCUSED


def test_the_usual_network_has_every_property_that_applies_to_it():
    found = {outcome.name: outcome.message for outcome in outcomes(network()) if outcome.verdict != "passed"}
    assert set(found) == {"equals-reference"}
