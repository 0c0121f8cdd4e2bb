"""The wheel carries all that the tool needs: built, installed elsewhere without torch, and run."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import click
import pathspec
import pytest

from resnet_check.rules.selection import known_rules

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

MODEL = """
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(x.mean((2, 3)))
"""


def run(*command, statuses=(0, 1), **options):
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, timeout=120, env=clean(), **options
    )
    assert done.returncode in statuses, done.stderr
    return done


def clean():
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}


def modules():
    """Return the modules of the package in this checkout, of which the references are a part."""
    return [path.relative_to(ROOT).as_posix() for path in (ROOT / "resnet_check").rglob("*.py")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory):
    """Return the folder of commands of a new environment that holds the wheel and what it needs, and no torch."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for module in (click, pathspec):
        needed = Path(module.__file__).parent
        (site / needed.name).symlink_to(needed)
    return folder / "bin"


def test_the_wheel_holds_every_module_and_the_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert len(set(names)) == len(names)
    assert set(modules()) <= set(names)
    assert "resnet_check/reference/resnet.py" in names
    assert "resnet_check/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests/") for name in names)


def test_the_source_archive_holds_every_module(tmp_path):
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, ROOT)
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert len(set(names)) == len(names)
    assert set(modules()) <= set(names)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the source archive has no links")
def test_the_references_are_at_the_top_of_a_checkout():
    assert (ROOT / "reference" / "resnet.py").samefile(ROOT / "resnet_check" / "reference" / "resnet.py")


def test_the_installed_training_says_that_torch_is_missing(scripts, tmp_path):
    command = [scripts / "python", "-m", "resnet_check.reference.train"]
    assert (
        "torch is not installed here, and needed: `pip install torch`." in run(*command, "--help", cwd=tmp_path).stdout
    )
    done = run(*command, statuses=(2,), cwd=tmp_path)
    assert done.stdout == ""
    assert (
        done.stderr
        == "resnet-check: the references need torch, which is not installed; `pip install torch` installs it\n"
    )


def test_the_training_runs_where_torch_is():
    done = run(sys.executable, "-m", "resnet_check.reference.train", "--help", cwd=ROOT)
    assert done.stdout.startswith("Usage: python -m resnet_check.reference.train [OPTIONS]\n")
    assert "not installed" not in done.stdout


def test_the_installed_tool_checks_a_model_without_torch(scripts, tmp_path):
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    assert (
        run(scripts / "python", "-c", "import importlib.util; print(importlib.util.find_spec('torch'))").stdout
        == "None\n"
    )
    done = run(scripts / "resnet-check", "model.py", "--no-cache", cwd=tmp_path)
    assert done.stderr == ""
    assert "1 model checked" in done.stdout
    assert "90 parameters" in done.stdout


def test_the_installed_tool_knows_its_rules(scripts, tmp_path):
    assert run(scripts / "resnet-check", "rules", cwd=tmp_path).stdout.count("\nRC") == len(known_rules()) - 1


def test_the_entry_points_are_there():
    for group in (PROJECT["project"]["scripts"], PROJECT["project"]["entry-points"]["pytest11"]):
        for target in group.values():
            module, _, attribute = target.partition(":")
            found = __import__(module, fromlist=["_"])
            assert not attribute or callable(getattr(found, attribute))


def test_every_test_requirement_has_an_exact_version():
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *extras["test"], *extras["live"]]
    names = {requirement.replace(">", "=").partition("=")[0].strip() for requirement in wanted}
    assert names <= pinned


def test_the_marker_is_registered(pytestconfig):
    assert any(line.startswith("resnet_check:") for line in pytestconfig.getini("markers"))
