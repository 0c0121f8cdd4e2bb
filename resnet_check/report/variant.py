"""A published architecture as its paper's table has it, with the figures that follow from the layout beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from resnet_check.papers.counting import Count, count, macs, params
from resnet_check.papers.records import Printed, Variant
from resnet_check.report import short

SHORTCUTS = {
    "A": "identities, padded with zeros where the shape changes (option A)",
    "B": "identities, a projection where the shape changes (option B)",
    "C": "projections everywhere (option C)",
    "D": "identities, an average pool and a projection where the shape changes",
    "none": "none: a plain network",
}
"""The paper's options for shortcuts, He et al. 2015, section 3.3."""


class Asked(NamedTuple):
    """For which input and how many classes a variant is counted; None: those of its paper."""

    channels: int | None = None
    image: int | None = None
    classes: int | None = None

    def counted(self, variant: Variant) -> tuple[Count, ...]:
        """Return the rows of a variant."""
        return count(variant, self.channels, self.classes, self.image)


def text(variant: Variant, asked: Asked, view: Any) -> str:
    """Return a variant for a person."""
    from rich.text import Text

    from resnet_check.report.drawing import Column, facts, lines, table

    title = Text.assemble((variant.title, "bold"), (f"  {variant.name}, {variant.source}", "dim"))
    columns = (
        Column("layer"),
        Column("output"),
        Column(f"{variant.depth}-layer"),
        Column("parameters", 2, right=True),
        Column("MACs", 1, right=True),
    )
    rows = [[Text(cell) for cell in row] for row in _rows(variant, asked)]
    parts = (lines(title, view), lines(table(columns, rows, view), view), lines(facts(_facts(variant, asked)), view))
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _rows(variant: Variant, asked: Asked) -> Iterator[tuple[str, ...]]:
    """Yield the cells of the table: stage, size, layers, parameters, multiply-adds."""
    for row, words in zip(asked.counted(variant), layers(variant, asked.classes), strict=True):
        named = (row.stage if row.stage != "head" else "", f"{row.size}x{row.size}")
        figures = (f"{row.params:,}", short(row.macs).strip())
        for line, layer in enumerate(words):
            before = named if line == 0 else ("", "")
            yield (*before, layer, *(figures if line == len(words) - 1 else ("", "")))


def layers(variant: Variant, classes: int | None = None) -> list[tuple[str, ...]]:
    """Return the layers of each row of the table, in the notation of He et al. 2015, Table 1."""
    stem = "; ".join(_layer(kernel, wide, stride) for kernel, stride, wide in variant.stem.convs)
    found: list[tuple[str, ...]] = [(stem,)]
    for stage, blocks in enumerate(variant.blocks):
        pool = ("3x3 max pool, stride 2",) if variant.stem.pool and not stage else ()
        found.append((*pool, f"[{'; '.join(_block(variant, stage))}] x {blocks}"))
    norm = "norm, ReLU, " if variant.preactivated else ""
    found.append((f"{norm}average pool, {variant.classes if classes is None else classes}-d fc, softmax",))
    return found


def _layer(kernel: int, wide: int, stride: int = 1, groups: int = 1) -> str:
    words = [f"{kernel}x{kernel}", str(wide)]
    return ", ".join([*words, *([f"stride {stride}"] if stride > 1 else []), *([f"C={groups}"] if groups > 1 else [])])


def _block(variant: Variant, stage: int) -> Iterator[str]:
    """Yield the layers of a block; the cardinality as Xie et al. 2016 and the gate as Hu et al. 2017 write them."""
    inner, wide = variant.inner[stage], variant.wide[stage]
    if variant.kind == "bottleneck":
        yield from (_layer(1, inner), _layer(3, inner, groups=variant.groups), _layer(1, wide))
    else:
        yield from (_layer(3, inner), _layer(3, wide))
    if variant.gate:
        yield f"fc, [{wide // 16}, {wide}]"


def _facts(variant: Variant, asked: Asked) -> Iterator[tuple[str, str]]:
    from resnet_check.report.drawing import listed

    channels, image = asked.channels or variant.channels, asked.image or variant.image
    rows = asked.counted(variant)
    yield "input", f"{channels}x{image}x{image}"
    yield "parameters", f"{sum(row.params for row in rows):,}"
    yield "MACs", f"{sum(row.macs for row in rows):,} for one image"
    order = "norm and ReLU before each convolution" if variant.preactivated else "norm behind each convolution"
    yield "blocks", f"{variant.kind}, {order}"
    yield "shortcuts", SHORTCUTS[variant.shortcut]
    if variant.kind == "bottleneck":
        yield from listed("stride", _strides(variant, asked))
    yield from listed("printed", (printed_words(variant, each) for each in variant.printed))


def _strides(variant: Variant, asked: Asked) -> Iterator[str]:
    """Yield where a stage's stride is, and the multiply-adds with it in another place that is in use."""
    places = ("the first 1x1", "the 3x3")
    yield f"in {places[variant.strided]} of a stage's first block"
    for other in variant.placements:
        if other != variant.strided:
            moved = variant._replace(strided=other)
            cost = macs(moved, asked.channels, asked.classes, asked.image)
            yield f"also found in {places[other]}: {cost:,} MACs"


def printed_words(variant: Variant, printed: Printed) -> str:
    """Return a printed figure with the one that follows from the layout, and what is to be said about them."""
    recalled = "" if printed.read else " (recalled, not read again)"
    build = f" with {printed.build}" if printed.build else ""
    verdict = "agrees" if agrees(variant, printed) else f"differs: {printed.reason}"
    about = short(int(printed.value)).strip()
    return f"{about} {printed.quantity} in {printed.source}{recalled}: {figure(variant, printed):,}{build} {verdict}"


def agrees(variant: Variant, printed: Printed) -> bool:
    """Return whether the figure that follows from the layout is the printed one, by what its rounding allows."""
    return abs(figure(variant, printed) - printed.value) <= printed.tolerance


def figure(variant: Variant, printed: Printed) -> int:
    """Return the figure that is computed where the paper prints one."""
    built = variant.built(printed.build)
    return params(built) if printed.quantity == "parameters" else macs(built)


# All of them.


def listing(variants: Iterable[Variant], view: Any) -> str:
    """Return one line for each variant."""
    from rich.text import Text

    from resnet_check.report.drawing import Column, lines, table

    columns = (
        Column("name"),
        Column("blocks", 3),
        Column("parameters", right=True),
        Column("MACs", right=True),
        Column("at", 2),
        Column("source", 1),
    )
    rows = [
        (
            variant.name,
            "-".join(map(str, variant.blocks)),
            f"{params(variant):,}",
            short(macs(variant)).strip(),
            f"{variant.channels}x{variant.image}x{variant.image}",
            variant.source,
        )
        for variant in variants
    ]
    return "\n".join(lines(table(columns, [[Text(cell) for cell in row] for row in rows], view), view)) + "\n"


def data(variants: Sequence[Variant], asked: Asked) -> str:
    """Return variants as JSON: a list of objects."""
    return json.dumps([_object(variant, asked) for variant in variants], indent=2) + "\n"


def _object(variant: Variant, asked: Asked) -> dict[str, Any]:
    rows = asked.counted(variant)
    return {
        "name": variant.name,
        "title": variant.title,
        "source": variant.source,
        "depth": variant.depth,
        "blocks": list(variant.blocks),
        "kind": variant.kind,
        "shortcut": variant.shortcut,
        "input": [None, asked.channels or variant.channels, *(2 * [asked.image or variant.image])],
        "classes": variant.classes if asked.classes is None else asked.classes,
        "params": sum(row.params for row in rows),
        "macs": sum(row.macs for row in rows),
        "stages": [
            {**row._asdict(), "layers": list(words)}
            for row, words in zip(rows, layers(variant, asked.classes), strict=True)
        ],
        "printed": [
            {**each._asdict(), "computed": figure(variant, each), "agrees": agrees(variant, each)}
            for each in variant.printed
        ],
    }
