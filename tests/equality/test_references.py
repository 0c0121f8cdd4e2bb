"""The references as Models, read without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resnet_check.equality.compare import compare
from resnet_check.equality.reference import reference_model
from resnet_check.errors import CannotCheckError


def test_a_reference_is_read_for_any_channels_and_classes():
    """With the paper's numbers unless others are given."""
    assert reference_model("resnet-18").params == 11_689_512
    small = reference_model("resnet-18", in_channels=1, num_classes=7, image=(64, 64))
    assert small.status == "complete"
    assert small.input is not None
    assert [getattr(size, "value", size) for size in small.input[1:]] == [1, 64, 64]
    assert small.output[-1] == 7
    assert reference_model("blog-module", image=(96, 96)).status == "complete"


@pytest.mark.parametrize(
    ("name", "other", "words"),
    [
        ("resnet-50", "resnet-50-v1.5", "a convolution with stride 2 instead of 1"),
        ("resnet-34", "plain-34", "an addition, where the reference has a ReLU"),
        ("resnet-18", "resnet-34", "128 output channels instead of 64"),
        ("resnet-18", "resnet-18-a", "a convolution, where the reference has"),
        ("resnet-50-v1.5", "resnext-50-32x4d", "64 output channels instead of 128"),
        ("resnet-50", "se-resnet-50", "an addition, where the reference has the mean over the map"),
        ("resnet-20", "resnet-20-b", "where the reference has"),
    ],
)
def test_references_differ_in_words(name, other, words):
    """The first operator that differs is the one that the papers name."""
    found = compare(reference_model(name), reference_model(other))
    assert found.equal is False
    assert found.first is not None
    assert words in found.first.words


def test_one_network_under_two_names_is_equal():
    """ResNet-B of the tricks is version 1.5 of ResNet-50."""
    found = compare(reference_model("resnet-50-b"), reference_model("resnet-50-v1.5"))
    assert (found.equal, found.first) == (True, None)


def test_an_unknown_reference_is_refused():
    """With the names that are near."""
    with pytest.raises(CannotCheckError, match="resnet-5"):
        reference_model("resnet-51")


def test_torch_is_not_imported():
    """Comparing is static."""
    code = (
        "import sys\nfrom resnet_check.equality.reference import reference_model\n"
        "from resnet_check.equality.compare import compare\n"
        "net = reference_model('resnet-18')\nassert compare(net, net).equal\nassert 'torch' not in sys.modules\n"
    )
    root = __file__.rpartition("/tests/")[0]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
