"""Start-up is part of the product: what a cold check may import."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MODEL = """
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.relu = nn.ReLU()
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.relu(self.bn(self.conv(x)))
        return self.fc(x.mean((2, 3)))
"""

TOO_DEAR = {
    "asyncio", "concurrent", "difflib", "email", "fvcore", "http", "hypothesis", "importlib.metadata",
    "importlib.resources", "logging", "msgspec", "multiprocessing", "numpy", "pathspec", "pkgutil",
    "platformdirs", "pydoc", "pytest", "rich", "socket", "ssl", "subprocess", "sympy", "tomllib", "torch",
    "torchinfo", "unittest", "urllib.request",
}  # fmt: skip
"""What a check of one file has no use for."""

BUDGET = 320
"""The most modules that a cold check may import, those of Python's own start included."""


def imported(*arguments):
    """Return the modules that a run of the command line in a fresh Python has imported at its end."""
    script = (
        "import json, sys\n"
        "from resnet_check.cli.main import main\n"
        "main(sys.argv[2:])\n"
        "json.dump(sorted(sys.modules), open(sys.argv[1], 'w'))\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, "modules.json", *arguments], check=True, capture_output=True, timeout=60
    )
    return set(json.loads(Path("modules.json").read_text(encoding="utf-8")))


@pytest.fixture(autouse=True)
def model():
    Path("model.py").write_text(MODEL, encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [["model.py"], ["model.py", "--no-cache"], ["model.py", "--output-format", "json"], ["--version"], ["rules"]],
)
def test_a_cold_run_imports_nothing_dear(arguments):
    modules = imported(*arguments)
    assert {name for name in modules if name in TOO_DEAR or name.partition(".")[0] in TOO_DEAR} == set()


def test_a_cold_check_stays_within_its_budget_of_modules():
    assert len(imported("model.py")) <= BUDGET


@pytest.mark.parametrize("arguments", [["summary", "model.py"], ["show", "resnet-50"]])
def test_tables_are_drawn_without_torch(arguments):
    modules = imported(*arguments)
    assert "rich" in modules
    assert {"torch", "numpy"} & modules == set()


def test_a_live_check_imports_torch_in_another_process_only():
    pytest.importorskip("torch")
    modules = imported("--live", "--select", "RC65", "model.py")
    assert "resnet_check.read.live.session" in modules
    assert {"torch", "numpy", "hypothesis"} & modules == set()


def test_a_static_check_imports_nothing_of_a_live_one():
    assert not [
        name for name in imported("model.py") if name.startswith(("resnet_check.live", "resnet_check.read.live"))
    ]


def test_a_file_without_a_tree_is_checked_without_the_reader():
    Path("model.py").write_text("print 'x'\n", encoding="utf-8")
    assert not [name for name in imported("model.py") if name.startswith("resnet_check.read.static")]


def test_a_result_from_the_cache_needs_neither_reader_nor_rules():
    imported("model.py")
    again = imported("model.py")
    assert not [name for name in again if name.startswith(("resnet_check.read", "resnet_check.rules."))]


def test_importing_the_package_imports_nothing_else():
    script = "import sys, resnet_check; print(sorted(name for name in sys.modules if name.startswith('resnet')))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "['resnet_check']"


def test_the_plugin_imports_nothing_but_pytest():
    script = (
        "import sys, pytest; before = set(sys.modules); import resnet_check.pytest_plugin; "
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "['resnet_check', 'resnet_check.pytest_plugin']"
