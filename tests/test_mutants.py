"""A fixed sample of the mutation testing of benchmarks/mutants.py: one mistake of each kind, found at its line."""

import sys
from functools import cache
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
REFERENCE = Path(__file__).parents[1] / "resnet_check" / "reference"

SAMPLE = [
    ("return dropped", "resnet", 1),
    ("return became an assignment", "wide", 0),
    ("return in one branch only", "wide", 0),
    ("forward misspelled", "resnet", 2),
    ("forward without self", "resnet", 1),
    ("forward nested in __init__", "wide", 0),
    ("super().__init__() forgotten", "resnet", 1),
    ("super().__init__() after a layer", "wide", 0),
    ("super of another class", "wide", 0),
    ("__init__ misspelled", "resnet", 1),
    ("layer without self.", "resnet", 0),
    ("attribute misspelled where it is used", "wide", 1),
    ("variable misspelled", "resnet", 0),
    ("star of Sequential forgotten", "blog", 0),
    ("trailing comma", "resnet", 0),
    ("layer never applied", "resnext", 0),
    ("result discarded", "resnet", 0),
    ("one argument too many", "resnet", 2),
    ("class attribute hides a module", "resnet", 0),
    ("projection with a kernel of 3", "wide", 0),
    ("padding forgotten in a block", "wide", 0),
    ("in_channels of a stage wrong", "resnet", 0),
    ("in and out of a convolution swapped", "wide", 0),
    ("later blocks with the stage's input width", "wide", 0),
    ("norm with the input's channels", "wide", 0),
    ("norm of the wrong dimension", "resnet", 0),
    ("linear features wrong", "resnet", 0),
    ("linear without the expansion", "resnet", 0),
    ("hard-coded batch size", "wide", 0),
    ("squeeze without a dimension", "resnet", 0),
    ("fixed pool at the end", "resnet", 0),
    ("groups that do not divide", "resnet", 0),
    ("ReLU moved before the sum", "resnet", 0),
    ("ReLU at the end of the branch", "resnext", 0),
    ("ReLU between two convolutions dropped", "resnet", 0),
    ("ReLU after the sum dropped", "resnet", 0),
    ("norm left out in forward", "wide", 0),
    ("no addition", "resnet", 0),
    ("branch added to itself", "resnet", 0),
    ("shortcut added twice", "resnet", 0),
    ("norm used twice", "wide", 0),
    ("[block] * n", "resnet", 0),
    ("bias before a norm", "wide", 0),
    ("one block fewer", "resnet", 2),
    ("one block more", "resnet", 1),
    ("range one off", "resnet", 0),
    ("stage without its stride", "resnet", 1),
    ("max pool of the stem left out", "resnet", 0),
    ("padding of the max pool forgotten", "resnet", 0),
    ("ReLU on the logits", "resnet", 0),
    ("mode set in forward", "resnet", 0),
    ("detached", "wide", 0),
]


@pytest.fixture(scope="module")
def mutation():
    if not BENCHMARKS.is_dir():
        pytest.skip("the benchmarks are not part of this copy")
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import mutants

        yield mutants
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def reference(mutation):
    """Return a reference by its name, and what is found in it as it is."""

    @cache
    def read(name):
        path = REFERENCE / f"{name}.py"
        subject = mutation.bases.Subject(str(path), path.read_text(encoding="utf-8"))
        return subject, mutation.bases.checked(subject.path, subject.text).findings

    return read


@pytest.mark.parametrize(("operator", "name", "number"), SAMPLE)
def test_a_planted_mistake_is_found_at_its_line(mutation, reference, operator, name, number):
    subject, before = reference(name)
    mistake = list(mutation.OPERATORS[operator].planter(subject))[number]
    text, lines = mutation.planted(subject, mistake)
    found = mutation.judge(subject.text, before, mutation.Mutant(operator, number, subject.path, text, lines))
    assert found.at_line, found.findings
    assert found.right_rule, found.findings


def test_in_a_correct_file_nothing_is_found(mutation, reference):
    subject, before = reference("wide")
    everywhere = frozenset(range(1, 200))
    same = mutation.Mutant("bias before a norm", 0, subject.path, subject.text, everywhere)
    assert not mutation.judge(subject.text, before, same).found
