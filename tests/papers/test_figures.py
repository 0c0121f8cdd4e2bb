"""The table of published figures in the documentation: generated, and fresh.

Written anew by ``PYTHONPATH=. python tests/papers/test_figures.py``.
"""

from pathlib import Path

from resnet_check.papers import variants
from resnet_check.papers.counting import macs, params

PAGE = Path(__file__).parents[2] / "docs" / "figures.md"

HEAD = """# Published figures, and what their layouts give

Parameters are all learned scalars. Multiply-adds are those of convolutions and linear layers for one image, padding counted
as data: what the papers call FLOPs. "Computed" is counted from the layout in `resnet_check/papers`; the tests hold the same
counts against the references in torch, to the integer. A printed figure agrees when it is as near as its rounding allows;
Table 1 of He et al. 2015 does not state its convention, and is taken within 0.06e9. "Recalled" figures were written down
from memory and not read again in their source.

| network | built with | printed | computed | source | remark |
| --- | --- | ---: | ---: | --- | --- |
"""

TAIL = """
Not built here, so not compared: VGG-16 and VGG-19 (He et al. 2015 print their multiply-adds), the parameters and FLOPs of
ECA-Net, of Res2Net and of Res2NeXt.
"""


def rows():
    for variant in variants().values():
        for figure in variant.printed:
            count = {"parameters": params, "multiply-adds": macs}[figure.quantity](variant.built(figure.build))
            millions = figure.quantity == "parameters"
            unit, scale = ("M parameters", 1e6) if millions else ("G multiply-adds", 1e9)
            source = figure.source if figure.read else f"{figure.source} (recalled)"
            printed, computed = f"{figure.value / scale:.4g} {unit}", f"{count / scale:.4f}"
            cells = (variant.title, figure.build, printed, computed, source, figure.reason)
            yield f"| {' | '.join(cells)} |".replace("|  |", "| |")


def page():
    return HEAD + "\n".join(rows()) + "\n" + TAIL


def test_the_table_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == page()


def test_a_figure_that_rounding_does_not_explain_has_a_reason():
    for variant in variants().values():
        for figure in variant.printed:
            count = {"parameters": params, "multiply-adds": macs}[figure.quantity](variant.built(figure.build))
            assert figure.reason or abs(count / figure.value - 1) < 0.07


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
