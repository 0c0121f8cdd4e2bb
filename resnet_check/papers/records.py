"""A published architecture as data: the column of a paper's table, and what the paper prints about it."""

from __future__ import annotations

from typing import NamedTuple


class Printed(NamedTuple):
    """A figure as it is printed.

    ``quantity`` is ``parameters`` or ``multiply-adds``, whatever the paper calls them ("FLOPs"). ``tolerance`` is what the
    source's rounding allows. ``read`` is False for a figure that was written down from memory and not looked up again.
    ``build`` names the build that it is for, one of `BUILDS`. ``reason`` says why the figure is not that of the layout,
    where it is not.
    """

    quantity: str
    value: float
    tolerance: float
    source: str
    read: bool = True
    build: str = ""
    reason: str = ""


class Stem(NamedTuple):
    """The convolutions before the first block, as kernel, stride and width, and whether 3x3/2 max pooling follows."""

    convs: tuple[tuple[int, int, int], ...]
    pool: bool


IMAGENET_STEM = Stem(((7, 2, 64),), pool=True)
"""He et al. 2015, Table 1, conv1 and the max pool of conv2_x."""

CIFAR_STEM = Stem(((3, 1, 16),), pool=False)
"""He et al. 2015, section 4.2: "the first layer is 3x3 convolutions"."""

DEEP_STEM = Stem(((3, 2, 32), (3, 1, 32), (3, 1, 64)), pool=True)
"""He T. et al. 2018, section 4.2, ResNet-C: three 3x3 convolutions for the 7x7."""


class Variant(NamedTuple):
    """One published architecture.

    ``blocks`` are the residual blocks of each stage (for a plain network the pairs of layers), ``wide`` the channels that
    leave it, ``inner`` those inside its blocks. ``kind`` is ``basic`` or ``bottleneck``. ``strided`` is the index of the
    branch's convolution that carries a stage's stride, ``placements`` all indexes that are in use for networks of this
    name. ``shortcut`` is the paper's option A, B or C, ``D`` for B behind an average pool, or ``none`` for a plain network.
    ``image`` is the size that the printed multiply-adds are for; ``channels`` and ``classes`` are those of the paper.
    ``stages`` are the paper's names for the stages.
    """

    name: str
    title: str
    source: str
    depth: int
    blocks: tuple[int, ...]
    wide: tuple[int, ...]
    inner: tuple[int, ...]
    kind: str
    stem: Stem = IMAGENET_STEM
    strided: int = 0
    placements: tuple[int, ...] = (0,)
    shortcut: str = "B"
    groups: int = 1
    preactivated: bool = False
    gate: str = ""
    image: int = 224
    channels: int = 3
    classes: int = 1000
    printed: tuple[Printed, ...] = ()
    stages: tuple[str, ...] = ("conv2_x", "conv3_x", "conv4_x", "conv5_x")

    def built(self, build: str) -> Variant:
        """Return the variant in one of its builds, see `BUILDS`."""
        return self._replace(**BUILDS[build])  # type: ignore[arg-type]


BUILDS: dict[str, dict[str, object]] = {
    "": {},
    "v1": {"strided": 0},
    "v1.5": {"strided": 1},
    "shortcut A": {"shortcut": "A"},
    "shortcut B": {"shortcut": "B"},
    "shortcut C": {"shortcut": "C"},
}
"""What else a variant is built like: its stride in another place of a bottleneck, another of the paper's shortcuts."""


def imagenet(
    name: str, title: str, source: str, depth: int, blocks: tuple[int, ...], *, factor: float = 1, **options: object
) -> Variant:
    """Return a network of four stages in ResNet's widths; ``factor`` widens the inside of its blocks."""
    kind = "basic" if depth < 50 else "bottleneck"
    base = (64, 128, 256, 512)
    variant = Variant(
        name,
        title,
        source,
        depth,
        blocks,
        wide=tuple(width * (4 if kind == "bottleneck" else 1) for width in base),
        inner=tuple(int(width * factor) for width in base),
        kind=kind,
    )
    return variant._replace(**options)  # type: ignore[arg-type]


def cifar(
    name: str,
    title: str,
    source: str,
    depth: int,
    *,
    blocks: int,
    widths: tuple[int, ...],
    **options: object,
) -> Variant:
    """Return a network of three stages of as many blocks, for images of 32x32 and ten classes; basic blocks by default."""
    kind = options.get("kind", "basic")
    variant = Variant(
        name,
        title,
        source,
        depth,
        (blocks,) * 3,
        wide=tuple(width * (4 if kind == "bottleneck" else 1) for width in widths),
        inner=widths,
        kind="basic",
        stem=CIFAR_STEM,
        image=32,
        classes=10,
        stages=("conv2_x", "conv3_x", "conv4_x"),
    )
    return variant._replace(**options)  # type: ignore[arg-type]
