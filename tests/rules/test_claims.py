import pytest

from resnet_check.rules._claims import of_name


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("resnet50", "resnet-50"),
        ("ResNet_18", "resnet-18"),
        ("make_resnet34", "resnet-34"),
        ("se_resnet50", "se-resnet-50"),
        ("resnext50_32x4d", "resnext-50-32x4d"),
        ("WideResNet28_10", "wrn-28-10"),
        ("preresnet200", "preresnet-200"),
        ("PreActResNet164", "preresnet-164"),
        ("resnet50d", "resnet-50-d"),
        ("resnet50_vd", "resnet-50-d"),
        ("resnet50c", "resnet-50-c"),
        ("resnet110_cifar", "resnet-110"),
        ("resnet18_c", None),  # no paper prints it
        ("PreActResNet18", "preresnet-18"),
        ("preact_resnet26", None),
        ("resnet50_dilated", None),
        ("resnet50_small", None),
        ("my_net50", None),
    ],
)
def test_a_whole_name_claims_a_published_network(name, variant):
    found = of_name(name)
    assert (found and found.name) == variant
