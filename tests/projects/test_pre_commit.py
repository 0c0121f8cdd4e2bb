"""The hook for pre-commit, which installs it as it does for everyone."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from resnet_check import __version__

ROOT = Path(__file__).parents[2]
NEEDED = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "resnet_check")
PRE_COMMIT = (sys.executable, "-m", "pre_commit")
UNREACHABLE = re.compile(
    r"No matching distribution found|NewConnectionError|Temporary failure in name resolution|ReadTimeout"
)
"""What pip says when it does not get at the index."""

pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture
def repository(git, tmp_path_factory):
    """A repository of ours, with a tag, as pre-commit wants one."""
    folder = tmp_path_factory.mktemp("resnet-check")
    for name in NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"], ["tag", f"v{__version__}"]):
        assert git("-C", folder, *words).returncode == 0
    return folder


@pytest.fixture
def home(tmp_path_factory):
    """Where pre-commit keeps what it installs."""
    return tmp_path_factory.mktemp("home")


def installed(done):
    """Return what came of a run that installed the hook, if it could."""
    said = done.stdout + done.stderr
    if "An unexpected error has occurred" in said and UNREACHABLE.search(said):
        pytest.skip("the package index cannot be reached")
    return done.returncode, said


def test_it_fails_for_the_broken_model_only(git, run, repository, home):
    git("init", "-q")
    git("add", ".")
    status, said = installed(run(*PRE_COMMIT, "try-repo", repository, "resnet-check", "-a", PRE_COMMIT_HOME=home))
    assert status == 1
    result = said.partition("\nresnet-check...")[2]
    assert result.startswith("." * 58 + "Failed\n- hook id: resnet-check\n- exit code: 1\n\nerror[RC204]: ")
    assert re.findall(r"--> (\S+)", result) == ["models/broken.py:9:19"]
    assert re.sub(r"\d+\.\d+ s", "", result).endswith(
        "\nFound 1 error in 1 of 2 files (2 models checked, ).\n[*] 1 fixable with --fix --unsafe-fixes\n\n"
    )


def test_the_configuration_of_the_readme_keeps_a_broken_model_out(git, run, repository, home, readme_block):
    config = yaml.safe_load(readme_block("In pre-commit", "yaml"))
    (ours,) = config["repos"]
    assert ours["rev"] == f"v{__version__}"
    ours["repo"] = str(repository)
    Path(".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    git("init", "-q")
    git("add", ".")
    assert readme_block("In pre-commit", "console").splitlines() == ["$ pre-commit install"]
    assert run(*PRE_COMMIT, "install", PRE_COMMIT_HOME=home).returncode == 0
    status, said = installed(git("commit", "-m", "models", PRE_COMMIT_HOME=home))
    assert status == 1
    assert "error[RC204]" in said
    Path("models/broken.py").write_bytes(Path("models/good.py").read_bytes())
    git("add", ".")
    status, said = installed(git("commit", "-m", "models", PRE_COMMIT_HOME=home))
    assert (status, re.findall(r"^resnet-check\.+(\w+)$", said, re.MULTILINE)) == (0, ["Passed"])


def test_the_hook_needs_no_torch():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert (hook["id"], hook["language"], hook["types"]) == ("resnet-check", "python", ["python"])
    assert "additional_dependencies" not in hook
