"""`resnet_check.analyze`: a module in memory, as a record, as text and in a notebook."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

import pytest
import torch
from torch import nn

import resnet_check
from resnet_check import reference
from resnet_check.graph.records import Model


class Odd(nn.Module):
    """A module with an attribute's name that HTML would take for a tag, and that raises for small images."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({"<b>&": nn.Conv2d(3, 4, 3)})
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-1] < 8:
            message = "<too small>"
            raise ValueError(message)
        return self.norm(self.parts["<b>&"](x))


def test_it_is_the_model_record() -> None:
    """With the figures of the paper's network, at the usual size if none is given."""
    net = reference.build("resnet-18")
    model = resnet_check.analyze(net)
    assert isinstance(model, Model)
    assert (model.name, model.kind, model.status) == ("ResNet", "instance", "complete")
    assert model.params == sum(parameter.numel() for parameter in net.parameters())
    assert model.macs == 1_814_073_344
    assert [str(size) for size in model.output] == ["N", "1000"]
    assert model.path.endswith("resnet.py")


def test_text_is_the_summary() -> None:
    """The table of modules, the figures, and which network of the papers it is."""
    model = resnet_check.analyze(reference.build("resnet-20"), input_size=(3, 32, 32), name="net")
    lines = str(model).splitlines()
    assert lines[0].startswith("net  instance, ")
    assert "variant     resnet-20" in lines
    assert "computes    exactly what the reference resnet-20 computes at this size" in lines
    assert repr(model) == str(model)


def test_a_change_against_the_reference_is_named() -> None:
    """It is the first operator that differs."""
    net = reference.build("resnet-20")
    net.get_submodule("stage1.1").bn1 = nn.BatchNorm2d(16, eps=1e-3)
    text = str(resnet_check.analyze(net, input_size=(3, 32, 32)))
    assert "not what the reference resnet-20 computes: " in text
    assert "a batch norm with eps 0.001 instead of 1e-05" in text


def test_what_it_raises_is_said() -> None:
    """In the text and in the notebook."""
    model = resnet_check.analyze(Odd(), input_size=(3, 4, 4))
    assert model.status == "failed"
    assert "cannot run  ValueError: <too small>" in str(model).splitlines()
    assert "ValueError: &lt;too small&gt;" in model._repr_html_()


def test_several_inputs() -> None:
    """They are given as tensors."""

    class Two(nn.Module):
        def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
            return one + other

    model = resnet_check.analyze(Two(), inputs=[torch.zeros(2, 3), torch.zeros(2, 3)])
    assert (model.status, model.params) == ("complete", 0)


class Cells(HTMLParser):
    """The words in the cells of tables, and the tags that were opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; a cell begins."""
        assert {name for name, _ in attrs} <= {"style"}
        self.open.append(tag)
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        """Close the last tag."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Add to the cell."""
        if self.open[-1] in {"td", "th"}:
            self.cells[-1] += data


@pytest.mark.parametrize("net", [Odd(), nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten())])
def test_html_has_what_the_text_has(net: nn.Module) -> None:
    """Well formed, self-contained, and the same words in its cells."""
    model = resnet_check.analyze(net, input_size=(3, 8, 8))
    cells = Cells()
    cells.feed(model._repr_html_())
    assert cells.open == []
    words = " ".join(cells.cells).split()
    assert sorted(words) == sorted(str(model).split("\n", 1)[1].split())
    assert "Conv2d 3x3" in cells.cells


def test_importing_the_package_imports_no_torch() -> None:
    """Also where `analyze` is asked for, before it is called."""
    program = "import sys, resnet_check; resnet_check.analyze; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_names_that_are_not_there_are_refused() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        resnet_check.analyse  # noqa: B018 - the access is what is tried
