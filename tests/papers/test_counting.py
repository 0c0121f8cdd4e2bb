"""The layouts of the papers: their figures, to the integer, and as they are printed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_check.errors import CannotCheckError
from resnet_check.papers import find, variants
from resnet_check.papers.counting import count, macs, params

MEASURED = {
    ("resnet-18", ""): (11689512, 1814073344),
    ("resnet-18", "shortcut A"): (11515688, 1794805760),
    ("resnet-18", "shortcut C"): (12043816, 1878298624),
    ("resnet-34", ""): (21797672, 3663761408),
    ("resnet-34", "shortcut A"): (21623848, 3644493824),
    ("resnet-34", "shortcut C"): (22716840, 3830747136),
    ("resnet-50", ""): (25557032, 3857973248),
    ("resnet-50", "v1.5"): (25557032, 4089184256),
    ("resnet-101", ""): (44549160, 7570194432),
    ("resnet-101", "v1.5"): (44549160, 7801405440),
    ("resnet-152", ""): (60192808, 11282415616),
    ("resnet-152", "v1.5"): (60192808, 11513626624),
    ("plain-18", ""): (11515688, 1794805760),
    ("plain-34", ""): (21623848, 3644493824),
    ("resnet-20", ""): (269722, 40551040),
    ("resnet-20", "shortcut B"): (272474, 40813184),
    ("resnet-32", ""): (464154, 68862592),
    ("resnet-44", ""): (658586, 97174144),
    ("resnet-56", ""): (853018, 125485696),
    ("resnet-110", ""): (1727962, 252887680),
    ("resnet-1202", ""): (19421274, 2829238912),
    ("preresnet-110", ""): (1730522, 253149824),
    ("preresnet-164", ""): (1703258, 244500992),
    ("preresnet-1001", ""): (10327706, 1487849984),
    ("preresnet-200", "v1"): (64666280, 14776270848),
    ("preresnet-200", ""): (64666280, 15007481856),
    ("wrn-16-8", ""): (10961370, 1548145664),
    ("wrn-28-10", ""): (36479194, 5243328768),
    ("wrn-40-4", ""): (8949210, 1298582016),
    ("wrn-50-2", ""): (68883240, 11398021120),
    ("wrn-101-2", ""): (126886696, 22753050624),
    ("resnext-50-32x4d", ""): (25028904, 4230479872),
    ("resnext-101-32x4d", ""): (44177704, 7969996800),
    ("resnext-101-32x8d", ""): (88791336, 16414015488),
    ("resnext-101-64x4d", ""): (83455272, 15460270080),
    ("resnext-29-8x64d", ""): (34426698, 5387266048),
    ("resnext-29-16x64d", ""): (68155210, 10688866304),
    ("se-resnet-50", ""): (28088024, 3860488192),
    ("se-resnet-50", "v1.5"): (28088024, 4091699200),
    ("se-resnet-101", "v1.5"): (49326872, 7806148608),
    ("se-resnet-152", "v1.5"): (66821848, 11520204800),
    ("se-resnext-50-32x4d", ""): (27559896, 4232994816),
    ("se-resnext-101-32x4d", ""): (48955416, 7974739968),
    ("resnet-50-c", ""): (25576264, 4328824832),
    ("resnet-50-d", ""): (25576264, 4328824832),
    ("resnet-18-d", ""): (11708744, 2053713920),
    ("resnet-34-d", ""): (21816904, 3903401984),
    ("resnet-101-d", ""): (44568392, 8041046016),
    ("resnet-152-d", ""): (60212040, 11753267200),
}
"""Parameters and multiply-adds of convolutions and linear layers, as torch has them."""

PRINTED = [
    pytest.param(variant, figure, id=f"{variant.name}-{number}")
    for variant in variants().values()
    for number, figure in enumerate(variant.printed, 1)
]


@pytest.mark.parametrize(("name", "build"), MEASURED)
def test_a_layout_has_the_figures_that_torch_measures(name, build):
    variant = find(name).built(build)
    assert (params(variant), macs(variant)) == MEASURED[name, build]


@pytest.mark.parametrize(("variant", "figure"), PRINTED)
def test_a_printed_figure_is_that_of_the_layout_within_its_rounding(variant, figure):
    computed = {"parameters": params, "multiply-adds": macs}[figure.quantity](variant.built(figure.build))
    assert abs(computed - figure.value) <= figure.tolerance
    assert figure.source


def test_the_stride_in_the_3x3_is_told_from_the_paper_s():
    (printed,) = (f for f in find("resnet-50").printed if f.build == "" and f.value == 3.8e9)
    assert abs(macs(find("resnet-50").built("v1.5")) - printed.value) > printed.tolerance


@given(st.sampled_from(sorted(variants())), st.integers(1, 8), st.integers(1, 2000))
def test_channels_and_classes_change_the_stem_and_the_head_alone(name, channels, classes):
    variant = find(name)
    kernel, _, wide = variant.stem.convs[0]
    assert params(variant, channels, classes) - params(variant) == (
        (channels - variant.channels) * wide * kernel * kernel + (classes - variant.classes) * (variant.wide[-1] + 1)
    )


@given(st.sampled_from(sorted(variants())), st.integers(1, 300))
def test_stages_halve_the_map(name, image):
    rows = count(find(name), image=image)
    for before, row in pairwise(rows[:-1]):
        assert row.size in {before.size, -(-before.size // 2)}
    assert all(row.params > 0 and row.macs > 0 for row in rows)


@pytest.mark.parametrize("spelt", ["ResNet50", "resnet_50", "resnet-50", "RESNET-50"])
def test_a_variant_is_found_however_it_is_spelt(spelt):
    assert find(spelt).name == "resnet-50"


def test_an_unknown_variant_is_answered_with_the_nearest():
    with pytest.raises(CannotCheckError, match=r"no published architecture is called 'resnet-51'.*resnet-56"):
        find("resnet-51")


def test_names_are_used_once_and_depths_are_in_them():
    for name, variant in variants().items():
        assert name == variant.name
        assert str(variant.depth) in name.split("-")
        assert len(variant.blocks) == len(variant.wide) == len(variant.inner) == len(variant.stages)
