"""The command `show`: published architectures, as their papers print them."""

import json
import re

import pytest

from resnet_check.papers import variants
from resnet_check.papers.counting import count
from resnet_check.report.variant import agrees, layers

NAMES = sorted(variants())


@pytest.mark.parametrize(
    "name", ["resnet-50", "resnet-20", "se-resnet-101", "preresnet-200", "resnext-50-32x4d", "resnet-50-c", "plain-34"]
)
def test_the_whole_page(golden, run_cli, name):
    golden(f"show.{name}.txt", run_cli("show", name).out)


def test_the_whole_list(golden, run_cli):
    golden("show.txt", run_cli("show").out)


def test_several_pages_stand_below_each_other(run_cli):
    one, other = (run_cli("show", name).out for name in ("resnet-18", "wrn-28-10"))
    assert run_cli("show", "ResNet18", "WRN-28-10").out == f"{one}\n{other}"


@pytest.mark.parametrize("name", NAMES)
def test_the_layers_in_words_give_the_depth_in_the_name(name):
    variant = variants()[name]
    blocks = [re.fullmatch(r"\[(.+)\] x (\d+)", words[-1]) for words in layers(variant)[1:-1]]
    inside = sum(len(re.findall(r"\b\dx\d, ", block[1])) * int(block[2]) for block in blocks)
    # The classifier is a layer; Wide ResNets of basic blocks count the three projections instead (section 3).
    beside = 3 if variant.preactivated and name.startswith("wrn") else 1
    assert 1 + inside + beside == variant.depth


@pytest.mark.parametrize("name", NAMES)
def test_every_printed_figure_agrees_or_says_why_not(name):
    variant = variants()[name]
    assert [each for each in variant.printed if not agrees(variant, each) and not each.reason] == []


@pytest.mark.parametrize("name", NAMES)
def test_json_has_the_rows_of_the_table(run_cli, name):
    (page,) = json.loads(run_cli("show", name, "--output-format", "json").out)
    assert page["name"] == name
    assert page["params"] == sum(stage["params"] for stage in page["stages"])
    assert page["macs"] == sum(stage["macs"] for stage in page["stages"])
    assert [stage["stage"] for stage in page["stages"]] == ["conv1", *variants()[name].stages, "head"]


def test_json_lists_all(run_cli):
    assert [page["name"] for page in json.loads(run_cli("show", "--output-format", "json").out)] == list(variants())


def test_the_figures_are_those_of_the_input_and_the_classes_asked_for(run_cli):
    outcome = run_cli("show", "resnet-34", "--input", "1x96x96", "--classes", "10")
    rows = count(variants()["resnet-34"], 1, 10, 96)
    assert "input       1x96x96\n" in outcome.out
    assert "10-d fc" in outcome.out
    assert f"parameters  {sum(row.params for row in rows):,}\n" in outcome.out
    assert f"MACs        {sum(row.macs for row in rows):,} for one image\n" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("resnet-51", "no published architecture is called 'resnet-51' (did you mean `resnet-56`?)"),
        ("resnet-50 --input 3x32x64", "--input: a variant is counted for square images, not for 3x32x64"),
        ("resnet-50 --input 32", "Invalid value for '--input': `32` is no input size: write channels and sizes like 3x224x224"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_plain_line(run_cli, arguments, line):
    assert run_cli("show", *arguments.split()) == (2, "", f"resnet-check: {line}\n")
