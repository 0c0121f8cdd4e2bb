"""Fixtures for the tests of other people's projects: our wheel, a clean environment, a project, README's blocks."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

GOOD = """import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.norm(self.conv(x)).relu().mean((2, 3)))
"""
BROKEN = GOOD.replace("nn.Linear(8, 10)", "nn.Linear(9, 10)")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """Our wheel."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run([*map(str, build)], check=True, capture_output=True, timeout=120)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def environment(wheel, tmp_path_factory):
    """The folder of commands of a new environment that holds our wheel, and sees what else is installed here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel]
    subprocess.run([*map(str, install)], check=True, capture_output=True, timeout=120)
    others = Path(sysconfig.get_path("purelib", vars={"base": str(folder)})) / "others.pth"
    others.write_text("\n".join(path for path in sys.path if path.endswith("-packages")), encoding="utf-8")
    return folder / "bin"


@pytest.fixture
def run(monkeypatch):
    """Run a command as a user would, without what this test run has set, and return what came of it."""
    ours = [
        name for name in os.environ if name.startswith(("PYTEST_", "GITHUB_", "RUNNER_", "CI", "GIT_", "PRE_COMMIT"))
    ]
    for name in (*ours, "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)

    def command(*words, **environment):
        return subprocess.run(
            [*map(str, words)], capture_output=True, encoding="utf-8", check=False, timeout=120,
            env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        )  # fmt: skip

    return command


@pytest.fixture
def git(run):
    """Run git, with a name and without anybody's settings."""
    names = {f"GIT_{who}_{what}": "tester" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def command(*words, **more):
        return run("git", *words, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null", **names, **more)

    return command


@pytest.fixture
def project():
    """A project with a good, a broken and an excluded model, in the working folder."""
    models = {"good.py": GOOD, "broken.py": BROKEN, "old/net.py": BROKEN}
    for name, text in models.items():
        path = Path("models", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    Path("pyproject.toml").write_text('[tool.resnet-check]\nexclude = ["old"]\n', encoding="utf-8")


@pytest.fixture(scope="session")
def readme_block():
    """Return the only block of a language in a section of README."""

    def block(section, language, number=0):
        text = (ROOT / "README.md").read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
        return re.findall(rf"```{language}\n(.+?)```", text, re.DOTALL)[number]

    return block
