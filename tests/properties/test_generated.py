"""What is drawn: the smallest input that fails is reported, the seed repeats it, the user's profile holds."""

import hypothesis
import pytest
import torch

from resnet_check.equality.reference import reference_model
from resnet_check.errors import CannotCheckError
from resnet_check.properties import Subject, run
from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, Raised
from resnet_check.properties.equals_reference import assert_equal_reference
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import Case, all_apart, shaken
from resnet_check.reference import build
from tests.properties.subjects import subject


@pytest.fixture(name="usual", scope="module")
def fixture_usual(tmp_path_factory):
    return subject(network(), path=str(tmp_path_factory.mktemp("usual") / "model.py"))


def failing(usual, fails, **options):
    def check(case):
        if fails(case):
            message = "it fails"
            raise Failed(message)

    with pytest.raises(Failed) as caught:
        for_all(usual, check, **options)
    return caught.value.example


@pytest.mark.parametrize(
    ("fails", "example"),
    [
        (lambda case: True, "an input of 2x3x1x1 with seed 0"),  # noqa: ARG005 - a predicate
        (lambda case: case.batch > 2, "an input of 3x3x1x1 with seed 0"),
        (lambda case: max(case.size) > 1, "an input of 2x3x16x16 with seed 0"),
    ],
)
def test_the_smallest_case_is_reported(usual, fails, example):
    assert failing(usual, fails) == example


def test_nothing_fails_where_everything_holds(usual):
    for_all(usual, lambda case: None)  # noqa: ARG005 - holds for every case


def drawn(usual, **options):
    cases = []
    for_all(usual, cases.append, **options)
    return cases


def test_a_seed_draws_the_same_again(usual):
    first = drawn(usual)
    assert first == drawn(usual)
    other = Subject(usual.factory, usual.name, usual.path, static=usual.static, seed=7)
    assert first != drawn(other)


@pytest.mark.parametrize("number", [1, 40, 300])
def test_the_user_s_profile_decides_how_many_cases_are_drawn(usual, number):
    before = hypothesis.settings.get_current_profile_name()
    hypothesis.settings.register_profile("of the user", max_examples=number)
    hypothesis.settings.load_profile("of the user")
    try:
        assert number / 20 <= len(drawn(usual)) <= number / 10 + 1
        assert hypothesis.settings.get_current_profile_name() == "of the user"
    finally:
        hypothesis.settings.load_profile(before)


def test_what_the_model_raises_is_not_told_by_every_property(usual):
    def check(case):
        if case.batch == 3:
            message = "forward raises ValueError"
            raise Raised(message)

    for_all(usual, check)
    with pytest.raises(Failed, match="ValueError"):
        for_all(usual, check, raising=True)
    with pytest.raises(DoesNotApply):
        for_all(usual, check, batches=(3, 3))


def test_the_input_of_a_case_can_be_made_again_and_grows_by_images(usual):
    (small,), (large,) = usual.inputs(Case(2, (5, 7), 3)), usual.inputs(Case(4, (5, 7), 3))
    assert small.shape == (2, 3, 5, 7)
    assert torch.equal(small, large[:2])


def test_a_fresh_module_is_the_same_unless_the_seed_differs(usual):
    case = Case(2, (16, 16))
    first, second, other = usual.build(), usual.build(), usual.build(seed=1)
    inputs = usual.inputs(case, torch.float32)
    assert all_apart(usual.output(first, case, inputs), usual.output(second, case, inputs)) == 0
    assert all_apart(usual.output(first, case, inputs), usual.output(other, case, inputs)) > 0
    assert not first.training


def test_shaking_leaves_no_branch_at_zero():
    layer = torch.nn.BatchNorm2d(4)
    torch.nn.init.zeros_(layer.weight)
    shaken(layer, 0)
    assert all(len(set(values.tolist())) == 4 for values in (layer.weight, layer.bias, layer.running_mean))
    assert bool((layer.running_var > 0).all())


def test_a_model_that_does_not_run_is_no_matter_of_its_properties():
    broken = subject(network(("return self.fc(x.mean((2, 3)))", "return self.head(x)")))
    outcomes = {outcome.name: outcome for outcome in run(broken)}
    assert {outcome.verdict for outcome in outcomes.values() if outcome.code < "RC650"} == {"does-not-apply"}
    assert outcomes["batch-independence"].message.startswith("it does not run: ")


def test_no_property_is_tried_when_the_time_is_used_up(monkeypatch):
    slow = subject(network())
    monkeypatch.setattr("resnet_check.properties.subject.SECONDS", 0.0)
    outcomes = run(slow, ["input-unchanged", "finite-output"])
    assert [outcome.verdict for outcome in outcomes] == ["passed", "does-not-apply"]


def test_only_the_properties_asked_for_are_tried(usual):
    names = ["input-unchanged", "batch-independence"]
    assert [outcome.name for outcome in run(usual, names, seed=3)] == ["batch-independence", "input-unchanged"]


REFERENCES = ["resnet-20", "resnet-20-b", "resnet-18-a", "resnet-18-d", "se-resnet-18"]


@pytest.mark.parametrize("name", REFERENCES)
def test_references_have_every_property(name):
    static = reference_model(name, image=(32, 32))
    reference = Subject(lambda: build(name), name, static.path, static=static, like=name)
    outcomes = run(reference)
    assert [outcome for outcome in outcomes if outcome.verdict == "failed"] == []
    assert {outcome.name for outcome in outcomes if outcome.verdict != "passed"} <= {
        *("static-agrees", "counts-agree", "identity-at-zero-branch"),  # there is no traced Graph here
    }


def test_a_module_in_memory_is_compared_with_a_reference():
    net = build("resnet-20", num_classes=7)
    assert_equal_reference(net, "resnet-20", (3, 32, 32))
    next(module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)).eps = 1e-3
    with pytest.raises(AssertionError, match="eps"):
        assert_equal_reference(net, "resnet-20", (3, 32, 32))
    with pytest.raises(CannotCheckError, match="there is no reference"):
        assert_equal_reference(net, "resnet-21", (3, 32, 32))
