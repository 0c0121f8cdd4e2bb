"""Parameters and multiply-adds of the references: those that were measured on the published implementations."""

from __future__ import annotations

import subprocess
import sys
from math import prod
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import nn

import resnet_check
from resnet_check.errors import CannotCheckError
from resnet_check.graph.dim import value
from resnet_check.graph.records import Model
from resnet_check.read.reading import ReadOptions
from resnet_check.read.static.reader import read
from resnet_check.reference import REFERENCES, build
from resnet_check.source import parse_source

ROOT = Path(resnet_check.__file__).parent.parent

# size of the image, parameters, buffers, multiply-adds of convolutions and linear layers, elements that norms give out
MEASURED = {
    "plain-18": (224, 11_515_688, 7_825, 1_794_805_760, 2_308_096),
    "plain-34": (224, 21_623_848, 15_265, 3_644_493_824, 3_562_496),
    "resnet-18": (224, 11_689_512, 9_620, 1_814_073_344, 2_483_712),
    "resnet-34": (224, 21_797_672, 17_060, 3_663_761_408, 3_738_112),
    "resnet-50": (224, 25_557_032, 53_173, 3_857_973_248, 10_587_136),
    "resnet-101": (224, 44_549_160, 105_448, 7_570_194_432, 15_705_088),
    "resnet-152": (224, 60_192_808, 151_579, 11_282_415_616, 22_027_264),
    "resnet-50-v1.5": (224, 25_557_032, 53_173, 4_089_184_256, 11_113_984),
    "resnet-101-v1.5": (224, 44_549_160, 105_448, 7_801_405_440, 16_231_936),
    "resnet-152-v1.5": (224, 60_192_808, 151_579, 11_513_626_624, 22_554_112),
    "resnet-18-a": (224, 11_515_688, 7_825, 1_794_805_760, 2_308_096),
    "resnet-18-c": (224, 12_043_816, 11_673, 1_878_298_624, 3_060_736),
    "resnet-34-a": (224, 21_623_848, 15_265, 3_644_493_824, 3_562_496),
    "resnet-34-c": (224, 22_716_840, 22_833, 3_830_747_136, 4_942_336),
    "resnet-20": (32, 269_722, 1_395, 40_551_040, 188_416),
    "resnet-32": (32, 464_154, 2_303, 68_862_592, 303_104),
    "resnet-44": (32, 658_586, 3_211, 97_174_144, 417_792),
    "resnet-56": (32, 853_018, 4_119, 125_485_696, 532_480),
    "resnet-110": (32, 1_727_962, 8_205, 252_887_680, 1_048_576),
    "resnet-1202": (32, 19_421_274, 90_833, 2_829_238_912, 11_485_184),
    "resnet-20-b": (32, 272_474, 1_589, 40_813_184, 200_704),
    "preresnet-110": (32, 1_730_522, 8_205, 253_149_824, 1_048_576),
    "preresnet-164": (32, 1_703_258, 24_387, 244_500_992, 3_112_960),
    "preresnet-1001": (32, 10_327_706, 150_216, 1_487_849_984, 19_111_936),
    "preresnet-200": (224, 64_666_280, 168_648, 15_007_481_856, 30_883_328),
    "wrn-16-8": (32, 10_961_370, 7_213, 1_548_145_664, 933_888),
    "wrn-28-10": (32, 36_479_194, 17_977, 5_243_328_768, 2_310_144),
    "wrn-40-4": (32, 8_949_210, 10_821, 1_298_582_016, 1_392_640),
    "wrn-50-2": (224, 68_883_240, 68_277, 11_398_021_120, 14_400_512),
    "wrn-101-2": (224, 126_886_696, 137_960, 22_753_050_624, 21_224_448),
    "resnext-50-32x4d": (224, 25_028_904, 68_277, 4_230_479_872, 14_400_512),
    "resnext-101-32x4d": (224, 44_177_704, 137_960, 7_969_996_800, 21_224_448),
    "resnext-101-64x4d": (224, 83_455_272, 202_984, 15_460_270_080, 31_209_472),
    "resnext-101-32x8d": (224, 88_791_336, 202_984, 16_414_015_488, 31_209_472),
    "resnext-29-8x64d": (32, 34_426_698, 57_503, 5_387_266_048, 8_585_216),
    "resnext-29-16x64d": (32, 68_155_210, 100_511, 10_688_866_304, 15_269_888),
    "se-resnet-50": (224, 28_088_024, 53_173, 3_860_488_192, 10_587_136),
    "se-resnet-50-v1.5": (224, 28_088_024, 53_173, 4_091_699_200, 11_113_984),
    "se-resnet-101-v1.5": (224, 49_326_872, 105_448, 7_806_148_608, 16_231_936),
    "se-resnet-152-v1.5": (224, 66_821_848, 151_579, 11_520_204_800, 22_554_112),
    "resnet-50-b": (224, 25_557_032, 53_173, 4_089_184_256, 11_113_984),
    "resnet-50-c": (224, 25_576_264, 53_303, 4_328_824_832, 11_916_800),
    "resnet-50-d": (224, 25_576_264, 53_303, 4_328_824_832, 11_916_800),
    "resnet-18-d": (224, 11_708_744, 9_750, 2_053_713_920, 3_286_528),
    "resnet-34-d": (224, 21_816_904, 17_190, 3_903_401_984, 4_540_928),
    "resnet-101-d": (224, 44_568_392, 105_578, 8_041_046_016, 17_034_752),
    "resnet-152-d": (224, 60_212_040, 151_709, 11_753_267_200, 23_356_928),
}


class Counts(NamedTuple):
    """What the layers of a network add up to in one forward pass."""

    parameters: int
    buffers: int
    multiply_adds: int
    norm_elements: int
    output: tuple[int, ...] = ()


def counted(net: nn.Module, *shape: int) -> Counts:
    """Count a network on the meta device, layer by layer."""
    multiply_adds = norm_elements = 0

    def count(module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal multiply_adds, norm_elements
        if isinstance(module, nn.BatchNorm2d):
            norm_elements += output.numel()
        elif isinstance(module, nn.Conv2d | nn.Linear):
            multiply_adds += output.numel() * module.weight[0].numel()

    for module in net.modules():
        module.register_forward_hook(count)
    output = net.eval()(torch.empty(shape, device="meta"))
    parameters, buffers = (sum(t.numel() for t in tensors) for tensors in (net.parameters(), net.buffers()))
    return Counts(parameters, buffers, multiply_adds, norm_elements, tuple(output.shape))


def read_text(text: str, size: tuple[int, ...]) -> Model:
    """Return the one model of a file beside the package, for images of this size."""
    source = parse_source(str(ROOT / "net.py"), text.encode())
    (model,) = read(source, ReadOptions(input_size=size)).models
    return model


def call(name: str, channels: int) -> str:
    """Return a file that makes the reference of that name."""
    module, function, given = REFERENCES[name]
    arguments = ", ".join(f"{key}={value!r}" for key, value in {"in_channels": channels, **given}.items())
    return f"from resnet_check.reference.{module} import {function}\n\nnet = {function}({arguments})\n"


@pytest.mark.parametrize("name", MEASURED)
def test_the_measured_figures(name):
    size, *figures = MEASURED[name]
    with torch.device("meta"):
        net = build(name)
    assert counted(net, 1, 3, size, size)[:4] == tuple(figures)


@pytest.mark.parametrize("name", MEASURED)
def test_the_measured_figures_from_the_source_alone(name):
    size, parameters, buffers, multiply_adds, norm_elements = MEASURED[name]
    model = read_text(call(name, 3), (3, size, size))
    assert model.status == "complete"
    assert (model.params, model.macs) == (parameters, multiply_adds)
    assert sum(prod(shape) for module in model.modules for shape in module.buffers.values()) == buffers
    assert sum(prod(map(value, op.shape[1:])) for op in model.of_kind("batch_norm")) == norm_elements


def test_every_reference_has_measured_figures_or_is_known_to_have_none():
    """The others differ from measured ones by what the tests of the families hold: option, stride or blocks."""
    unmeasured = {f"resnet-{depth}-b" for depth in (32, 44, 56, 110, 1202)}
    unmeasured |= {"se-resnet-18", "se-resnet-34", "se-resnet-101", "se-resnet-152", "blog-sequential", "blog-module"}
    assert set(REFERENCES) == set(MEASURED) | unmeasured


@pytest.mark.parametrize("name", [name for name in REFERENCES if "1202" not in name and "1001" not in name])
def test_any_channels_and_classes(name):
    with torch.device("meta"):
        net = build(name, in_channels=5, num_classes=7)
    assert counted(net, 2, 5, 40, 33).output == (2, 7)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(CannotCheckError, match=r"no reference `resnet-51` \(did you mean `resnet-\d+"):
        build("resnet-51")


def test_without_torch_the_names_are_there_and_building_says_what_is_missing():
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from resnet_check.reference import REFERENCES, build\n"
        "print(len(REFERENCES))\n"
        "build('resnet-18')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == f"{len(REFERENCES)}\n"
    assert done.stderr.endswith(
        "CannotCheckError: the references need torch, which is not installed; `pip install torch` installs it\n"
    )


def test_our_own_check_finds_nothing(run_cli):
    outcome = run_cli(ROOT / "resnet_check" / "reference", "--no-cache")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("Nothing found in ")
