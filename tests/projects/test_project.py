"""Somebody else's project with our wheel in its environment: its test run, its reports, its baseline."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from resnet_check.report import FORMATS

pytestmark = pytest.mark.usefixtures("project")

SETTINGS = """
[tool.pytest.ini_options]
testpaths = ["tests"]
resnet_check_paths = ["models"]
"""
OWN = """
from models.good import Net

from resnet_check.testing import assert_counts


def test_the_size():
    assert_counts(Net, params=3 * 8 * 9 + 16 + 90)
"""


@pytest.fixture
def tool(run, environment):
    """Run the command as it is installed."""

    def command(*words, status=0, **more):
        done = run(environment / "resnet-check", *words, **more)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return command


@pytest.fixture
def tests(run, environment):
    """Run the project's tests, where pytest finds the plugin by itself, and return the outcome of each."""
    Path("tests").mkdir()
    Path("tests/test_own.py").write_text(OWN, encoding="utf-8")
    with Path("pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS)

    def command(*words, status):
        done = run(environment / "python", "-m", "pytest", "-q", "-rA", *words)
        assert done.returncode == status, done.stdout + done.stderr
        lines = re.findall(r"^([A-Z]+) (\S+::\S+)", done.stdout.partition("short test summary")[2], re.MULTILINE)
        return {item: outcome for outcome, item in lines}

    return command


CHECKED = {
    "models/broken.py::static-check": "FAILED",
    "models/broken.py::Net": "FAILED",
    "models/good.py::static-check": "PASSED",
    "models/good.py::Net": "PASSED",
}


def test_its_test_run_checks_its_models_too(tests):
    assert tests(status=1) == {**CHECKED, "tests/test_own.py::test_the_size": "PASSED"}


@pytest.mark.parametrize("distribution", ["load", "loadfile"])
def test_its_test_run_may_be_spread(tests, distribution):
    assert tests("-n", "2", "--dist", distribution, "models", status=1) == CHECKED


def test_its_baseline_holds_for_the_command_and_the_test_run(tool, tests):
    tool("models", "--write-baseline", "known.json")
    assert tool("models", "--baseline", "known.json").endswith("\n1 known finding in the baseline.\n")
    tool("models", "--baseline", "known.json", CI="true")
    known = ["-o", "resnet_check_baseline=known.json", "models"]
    item = "models/broken.py::known[linear-features-mismatch]"
    passed = {
        "models/broken.py::static-check": "PASSED",
        "models/good.py::static-check": "PASSED",
        "models/good.py::Net": "PASSED",
    }
    assert tests(*known, status=0) == passed | {item: "XFAIL"}
    Path("models/broken.py").write_bytes(Path("models/good.py").read_bytes())
    passed |= {"models/broken.py::Net": "PASSED"}
    assert tests(*known, status=1) == passed | {item: "FAILED"}
    assert "known.json is out of date" in tool("models", "--baseline", "known.json", CI="true", status=1)
    tool("models", "--baseline", "known.json")
    assert tests(*known, status=0) == passed


MESSAGE = "`fc` expects 9 features and gets 8 (its input is [N, 8])"


def from_lines(pattern):
    return lambda text: [(path, int(line), said) for path, line, said in re.findall(pattern, text, re.MULTILINE)]


def from_json(text):
    return [
        (each["path"], each["line"], each["message"]) for file in json.loads(text)["files"] for each in file["findings"]
    ]


def from_sarif(text):
    for result in json.loads(text)["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        said = result["message"]["text"].partition("\n")[0]
        yield place["artifactLocation"]["uri"], place["region"]["startLine"], said


def from_gitlab(text):
    for issue in json.loads(text):
        place = issue["location"]
        yield place["path"], place["lines"]["begin"], issue["description"].removeprefix("RC204: ")


def from_junit(text):
    for failure in ET.fromstring(text).iter("failure"):  # noqa: S314 - our own
        path, line, *_ = failure.text.split(":")
        yield path, int(line), failure.get("message").removeprefix("RC204 ")


def from_markdown(text):
    for path, line, said in re.findall(r"^\| error RC204 \| (\S+):(\d+) \| (.+?)<br>", text, re.MULTILINE):
        yield path, int(line), said.replace("\\", "")


READERS = {
    "text": lambda text: [
        (p, int(n), said) for said, p, n in re.findall(r"error\[RC204\]: (.+)\n +--> (.+?):(\d+):19", text)
    ],
    "concise": from_lines(r"^(.+?):(\d+):19: error\[RC204\] (.+)$"),
    "json": from_json,
    "sarif": from_sarif,
    "github": from_lines(r"^::error .+::(.+?):(\d+):19: RC204 (.+?)%0A"),
    "gitlab": from_gitlab,
    "junit": from_junit,
    "markdown": from_markdown,
}
"""What gives the path, the line and the message of each finding in a report of a format."""


def test_its_reports_say_the_same_in_every_format(tool):
    tool("models", *(f"--report={name}=report.{name}" for name in READERS), status=1)
    for name, read in READERS.items():
        text = Path(f"report.{name}").read_text(encoding="utf-8")
        assert list(read(text)) == [("models/broken.py", 9, MESSAGE)], name
    assert set(READERS) == set(FORMATS)


# The gate.

WIDER = {"Conv2d(3, 8, ": "Conv2d(3, 16, ", "BatchNorm2d(8)": "BatchNorm2d(16)", "Linear(8, ": "Linear(16, "}
RESHAPED = "conv.weight [8, 3, 3, 3] → [16, 3, 3, 3], norm.weight [8] → [16], norm.bias [8] → [16] and 3 more"
CHANGED = (
    "parameters: 634 instead of 322 (+312)",
    "MACs: 21,676,192 instead of 10,838,096 (+10,838,096)",
    f"old checkpoints do not load: 6 of another shape ({RESHAPED})",
)
"""What a network of twice the width is to those who know the other one."""


@pytest.fixture
def committed(git, project):  # noqa: ARG001 - it is what is committed
    """The project as a repository with one commit."""
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "models"]):
        assert git(*words).returncode == 0


def widen():
    path = Path("models/good.py")
    text = path.read_text(encoding="utf-8")
    for before, after in WIDER.items():
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


def reformat():
    path = Path("models/good.py")
    path.write_text("# moved\n" + path.read_text(encoding="utf-8").replace("(x)", "( x )"), encoding="utf-8")


def test_its_lock_file_keeps_its_architecture(tool):
    good = "models/good.py"
    assert tool("lock", good) == "1 model written to resnet-check.lock\n"
    reformat()
    tool(good, "--locked")
    widen()
    line = f"{good}:5:1: error[RC701] `Net` is not what the lock file has: {'; '.join(CHANGED)}\n"
    assert tool(good, "--locked", "--output-format", "concise", status=1) == line
    tool("lock", good)
    tool(good, "--locked")


@pytest.mark.usefixtures("committed")
def test_a_pull_request_is_told_what_it_changes(tool):
    assert tool("diff", "--rev", "HEAD") == "No architecture has changed (2 models compared).\n"
    reformat()
    assert tool("diff", "--rev", "HEAD") == "No architecture has changed (2 models compared).\n"
    widen()
    assert tool("diff", "--rev", "HEAD", status=1).splitlines() == [
        "models/good.py::Net: changed",
        *(f"  {change}" for change in CHANGED),
        "",
        "1 model changed; old checkpoints of 1 model do not load (2 models compared).",
    ]


@pytest.mark.usefixtures("committed")
def test_a_pull_request_fails_for_its_own_mistakes_only(tool):
    tool("models", status=1)
    tool("models", "--since", "HEAD")
    Path("models/new.py").write_text(Path("models/broken.py").read_text(encoding="utf-8"), encoding="utf-8")
    found = tool("models", "--since", "HEAD", "--output-format", "concise", status=1)
    assert found == f"models/new.py:9:19: error[RC204] {MESSAGE}\n"
