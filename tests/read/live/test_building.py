"""Finding the project of a file, and what builds its model."""

import os
import sys
from pathlib import Path

import pytest

from resnet_check.read.live.building import NoModelError, factory, import_root, project_of
from resnet_check.read.live.protocol import Request

torch = pytest.importorskip("torch")

NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width=2):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 1)
"""


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


def write(path, text=""):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")
    return os.path.abspath(path)


def build(path, name, kind="class", line=1):
    return factory(Request(path, project_of(path), name, kind, line))()


@pytest.mark.parametrize(
    ("files", "root", "name", "project"),
    [
        (["model.py"], "", "model", ""),
        (["pack/__init__.py", "pack/sub/__init__.py", "pack/sub/model.py"], "", "pack.sub.model", ""),
        (["pack/__init__.py"], "", "pack", ""),
        (["pyproject.toml", "src/pack/__init__.py", "src/pack/model.py"], "src", "pack.model", ""),
        (["setup.py", "a/b/model.py"], "a/b", "model", ""),
    ],
)
def test_where_a_file_is_imported_from(files, root, name, project, tmp_path):
    paths = [write(tmp_path / "top" / file) for file in files]
    top = tmp_path / "top"
    assert import_root(paths[-1]) == (str(top / root).rstrip("/"), name)
    assert project_of(paths[-1]) == str(top / project).rstrip("/")


def test_the_home_folder_is_no_project(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / ".git" / "config")
    assert project_of(write(tmp_path / "models" / "model.py")) == str(tmp_path / "models")


def test_a_class_and_a_factory():
    path = write("model.py", f"{NET}\n\ndef wide():\n    return Net(7)\n")
    assert build(path, "Net").conv.out_channels == 2
    assert build(path, "wide", "factory").conv.out_channels == 7


def test_each_call_gives_a_fresh_one():
    path = write("model.py", f"{NET}\nnet = Net()\n")
    for kind, name, line in (("class", "Net", 5), ("instance", "net", 10)):
        make = factory(Request(path, project_of(path), name, kind, line))
        assert make() is not make()


def test_relative_imports_and_neighbours():
    write("pack/__init__.py")
    write("pack/parts.py", NET)
    path = write("pack/model.py", "from .parts import Net\nfrom pack import parts\n")
    assert build(path, "Net").conv.out_channels == 2
    write("scripts/parts_beside.py", NET)
    assert build(write("scripts/run.py", "from parts_beside import Net\n"), "Net").conv.out_channels == 2


def test_a_file_whose_name_is_taken_is_itself():
    path = write("json.py", NET)
    assert build(path, "Net").conv.out_channels == 2
    assert "dumps" in dir(sys.modules["json"])


def test_nothing_after_an_object_is_run():
    text = f"{NET}\nif __name__ == '__main__':\n    net = Net(5)\n    raise SystemExit\n"
    assert build(write("train.py", text), "net", "instance", 11).conv.out_channels == 5


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        ("net.add_module('head', nn.ReLU())", 2),
        ("for n in range(3):\n    net.append(nn.ReLU())", 4),
        ("x = 1\nnet.head = nn.ReLU()\nx = 2", 2),
        ("net[0] = nn.ReLU()", 1),
        ("other = nn.Sequential()\nother.append(nn.ReLU())", 1),
        ("for _ in range(3):\n    net.train()\n    raise SystemExit", 1),
    ],
)
def test_what_goes_on_building_is_run(more, parts):
    text = f"{NET}\nnet = nn.Sequential(Net())\n{more}\nraise SystemExit\n"
    assert len(build(write("script.py", text), "net", "instance", 10)) == parts


def test_objects_of_several_lines():
    text = f"{NET}\nnet = nn.Sequential(\n    Net(),\n    nn.ReLU(),\n)\nraise SystemExit\n"
    assert len(build(write("train.py", text), "net", "instance", 10)) == 2


@pytest.mark.parametrize(
    ("text", "name", "kind", "words"),
    [
        ("def make():\n    return 3\n", "make", "factory", "gives no module but `int`"),
        ("x = 1\n", "Net", "class", "is not there"),
        ("if False:\n    net = 1\n", "net", "instance", "is not bound"),
        ("net = 1\n", "net", "instance", "gives no module"),
    ],
)
def test_no_model(text, name, kind, words):
    with pytest.raises(NoModelError, match=words):
        build(write("model.py", text), name, kind)


def test_what_the_file_raises_comes_through():
    with pytest.raises(ZeroDivisionError):
        build(write("model.py", "1 / 0\n"), "Net")
