"""A model against the reference of its variant: exactly it, at which sizes, or where it first is not."""

from pathlib import Path

import pytest

from resnet_check.anatomy import anatomy
from resnet_check.equality.reference import reference_model
from resnet_check.equality.verdict import against_reference, builds
from resnet_check.papers.comparing import identify
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source, read_source

MODELS = Path(__file__).parents[1] / "models"
TEXT = (MODELS / "resnet_imagenet.py").read_text(encoding="utf-8")


def verdict(text, name):
    models = read(parse_source("model.py", text.encode())).models
    (model,) = (model for model in models if model.name == name)
    return against_reference(identify(anatomy(model)), reference_model)


@pytest.mark.parametrize(
    ("name", "reference"),
    [("resnet18", "resnet-18"), ("resnet50", "resnet-50-v1.5"), ("wide_resnet50_2", "wrn-50-2")],
)
def test_the_usual_networks_are_what_their_references_compute(name, reference):
    found = verdict(TEXT, name)
    assert (found.reference, found.words) == (reference, f"exactly what the reference {reference} computes")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("nn.BatchNorm2d(self.inplanes)", "nn.BatchNorm2d(self.inplanes, eps=1e-3)", "eps 0.001 instead of 1e-05"),
        ("stride=2, padding=1)", "stride=2, padding=1, ceil_mode=True)", "ceil_mode True instead of False"),
    ],
)
def test_the_first_operator_that_differs_is_named(old, new, words):
    assert old in TEXT
    found = verdict(TEXT.replace(old, new, 1), "resnet18")
    assert found.comparison.equal is False
    assert words in found.words


def test_a_fixed_pool_is_equal_at_its_sizes_only():
    old = "self.avgpool = nn.AdaptiveAvgPool2d((1, 1))"
    assert old in TEXT
    found = verdict(TEXT.replace(old, "self.avgpool = nn.AvgPool2d(7)"), "resnet18")
    assert found.words == "exactly what the reference resnet-18 computes at sizes 193-224"


def test_the_blog_s_first_program_differs_in_its_first_convolution():
    (model,) = read(read_source(str(MODELS / "blog_sequential.py"))).models
    found = against_reference(identify(anatomy(model)), reference_model)
    assert found.words == (
        "not what the reference resnet-34 computes: line 46, `0`: a convolution with bias, which the reference has not"
    )


def test_the_builds_of_a_variant_are_of_its_own_family():
    assert builds("resnet-50") == ["resnet-50", "resnet-50-v1.5"]
    assert builds("resnet-18") == ["resnet-18", "resnet-18-a", "resnet-18-c"]
    assert builds("wrn-22-8") == []
