"""The pytest plugin: pytest runs in a project with models, one that runs, one that does not, and one of neither kind."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from resnet_check.api import check
from resnet_check.baseline import read_baseline, written
from resnet_check.report import RenderOptions
from resnet_check.report.text import frames

ROOT = Path(__file__).parent.parent

GOOD = """
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.conv(x).relu().mean((2, 3)))
"""

BAD = f"""{GOOD.replace("nn.Linear(8, 10)", "nn.Linear(9, 10)")}

def net():
    return Net()
"""

UNKNOWN = GOOD.replace(".relu()", ".whatever_this_is()")

PLAIN = 'raise ImportError("a program that a test run must not import")\n'

GUARD = """
import sys


def pytest_unconfigure():
    print("\\nTORCH" if "torch" in sys.modules else "\\nNO TORCH")
"""


@pytest.fixture(autouse=True)
def project():
    """A project with good, bad and half understood models, a script and a test."""
    Path("models").mkdir()
    for name, text in (("good", GOOD), ("bad", BAD), ("unknown", UNKNOWN), ("script", PLAIN)):
        Path(f"models/{name}.py").write_text(text, encoding="utf-8")
    Path("tests").mkdir()
    Path("tests/test_own.py").write_text("def test_own():\n    pass\n", encoding="utf-8")


def run(*arguments, status=0):
    """Run pytest with the plugin and return what it prints, standard error last."""
    command = [sys.executable, "-m", "pytest", "-p", "resnet_check.pytest_plugin", "-p", "xdist.plugin", *arguments]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def outcomes(text):
    """Return the outcome of each item of a verbose run."""
    found = re.findall(
        r"^(?:\[gw\d\] \[ *\d+%\] )?(?:(\w+) )?(\S+::\S+)(?: (\w+))?", text.partition("FAILURES")[0], re.MULTILINE
    )
    return {item: before or after for before, item, after in found if before or after}


ALL = {
    "models/bad.py::static-check": "FAILED",
    "models/bad.py::Net": "FAILED",
    "models/bad.py::net": "FAILED",
    "models/good.py::static-check": "PASSED",
    "models/good.py::Net": "PASSED",
    "models/unknown.py::static-check": "PASSED",
    "models/unknown.py::Net": "SKIPPED",
}


def test_without_being_asked_it_does_nothing():
    assert outcomes(run("-v")) == {"tests/test_own.py::test_own": "PASSED"}


@pytest.mark.parametrize("spread", [[], ["-n", "2"], ["-n", "2", "--dist", "loadfile"]], ids=["one", "two", "loadfile"])
def test_each_file_and_each_model_is_an_item(spread):
    text = run("--resnet-check", "-v", *spread, status=1)
    assert outcomes(text) == ALL | {"tests/test_own.py::test_own": "PASSED"}


def test_a_named_file_is_not_imported():
    Path("conftest.py").write_text(GUARD, encoding="utf-8")
    text = run("--resnet-check", "-v", "models/script.py", "models/good.py")
    assert outcomes(text) == {
        "models/script.py::static-check": "PASSED",
        "models/good.py::static-check": "PASSED",
        "models/good.py::Net": "PASSED",
    }
    assert text.endswith("NO TORCH\n")


def test_a_named_file_without_the_option_is_pytests_own():
    assert "a program that a test run must not import" in run("models/script.py", status=2)


def test_a_test_module_stays_one():
    assert outcomes(run("--resnet-check", "-v", "tests/test_own.py")) == {"tests/test_own.py::test_own": "PASSED"}


def test_a_failure_is_a_code_frame_and_nothing_else():
    text = run("--resnet-check", "models/bad.py", "-k", "static-check", status=1)
    (frame,) = frames(
        check("models/bad.py").findings, RenderOptions(lines=lambda path: Path(path).read_text().split("\n"))
    )
    assert f"_ static-check _{'_' * 40}"[:30] in text
    between = text.partition(" static-check ")[2].partition("\n")[2].partition("=====")[0]
    assert between == frame + "\n"


def test_what_keeps_a_model_from_running_fails_every_model_that_it_keeps():
    text = run("--resnet-check", "models/bad.py::net", status=1)
    assert "error[RC2" in text
    assert "1 failed" in text


def test_the_reason_of_a_skip_names_the_line():
    line = UNKNOWN.split("\n").index("        return self.fc(self.conv(x).whatever_this_is().mean((2, 3)))") + 1
    assert f"models/unknown.py::Net is not checked to its end: line {line}: " in run(
        "--resnet-check", "models/unknown.py", "-rs"
    )


def test_items_are_chosen_by_name_and_by_marker():
    text = run("--resnet-check", "--collect-only", "-q", "-k", "good and static")
    assert text.startswith("models/good.py::static-check\n\n1/8 tests collected")
    text = run("--resnet-check", "--collect-only", "-q", "-m", "not resnet_check")
    assert text.startswith("tests/test_own.py::test_own\n\n1/8 tests collected")
    tree = run("--resnet-check", "--collect-only", "models/good.py", "--strict-markers")
    assert re.findall(r"<\w+ [\w.-]+>", tree)[-3:] == ["<ModelFile good.py>", "<Check static-check>", "<Check Net>"]


def test_the_last_failures_run_again():
    run("--resnet-check", "-q", status=1)
    mended = Path("models/bad.py").read_text(encoding="utf-8").replace("(9, 10)", "(8, 10)")
    Path("models/bad.py").write_text(mended, encoding="utf-8")
    text = run("--resnet-check", "-v", "--lf")
    assert outcomes(text) == {item: "PASSED" for item, outcome in ALL.items() if outcome == "FAILED"}


def test_junit_reports_carry_the_figures_and_the_findings():
    run("--resnet-check", "models", "--junitxml=junit.xml", "-q", status=1)
    cases = {
        (case.get("classname"), case.get("name")): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in ET.parse("junit.xml").iter("testcase")  # noqa: S314 - pytest wrote it
    }
    assert cases["models.good", "Net"] == {
        "status": "complete",
        "params": "314",
        "macs": str(3 * 8 * 9 * 224 * 224 + 80),
    }
    (finding,) = check("models/bad.py").findings
    found = cases["models.bad", "static-check"]
    assert found == {"finding": f"{finding.code} models/bad.py:{finding.line}:{finding.column} {finding.message}"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\ntestpaths = tests\nresnet_check_paths = models/good.py models/u*.py\n"),
        (
            "pyproject.toml",
            '[tool.pytest]\ntestpaths = ["tests"]\nresnet_check_paths = ["models/good.py", "models/u*.py"]\n',
        ),
    ],
)
def test_the_paths_of_the_settings_are_checked_without_the_option(name, text):
    Path(name).write_text(text, encoding="utf-8")
    expected = {item: outcome for item, outcome in ALL.items() if "bad" not in item}
    for spread in ([], ["-n", "2"]):
        assert outcomes(run("-v", *spread)) == expected | {"tests/test_own.py::test_own": "PASSED"}
    assert outcomes(run("-v", "tests")) == {"tests/test_own.py::test_own": "PASSED"}
    assert outcomes(run("-v", "models/unknown.py")) == {i: o for i, o in expected.items() if "unknown" in i}


def test_rules_are_selected_and_ignored():
    (finding,) = check("models/bad.py").findings
    text = run("--resnet-check", "models/bad.py", "-v", "-o", f"resnet_check_ignore={finding.rule}")
    assert outcomes(text) == {
        "models/bad.py::static-check": "PASSED",
        "models/bad.py::Net": "SKIPPED",
        "models/bad.py::net": "SKIPPED",
    }
    run("--resnet-check", "models/bad.py", "-o", f"resnet_check_select={finding.code}", status=1)
    run("--resnet-check", "models/bad.py", "-o", "resnet_check_select=RC001 RC002")


@pytest.fixture
def baseline():
    """A baseline of all that is wrong with the bad model, for pytest and for the command line; it has a reason."""
    subprocess.run(
        [sys.executable, "-m", "resnet_check", "models", "--write-baseline", "known.json"], check=True, timeout=60,
        capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    known = [entry._replace(reason="published weights") for entry in read_baseline("known.json")]
    Path("known.json").write_text(written(known), encoding="utf-8")
    Path("pytest.ini").write_text("[pytest]\nresnet_check_baseline = known.json\n", encoding="utf-8")
    return known


@pytest.mark.parametrize("spread", [[], ["-n", "2"]], ids=["one", "two"])
def test_what_the_baseline_knows_is_expected_to_fail(baseline, spread):
    (entry,) = baseline
    text = run("--resnet-check", "models/bad.py", "-v", "-rx", *spread)
    item = f"models/bad.py::known[{entry.rule}]"
    assert outcomes(text) == {
        "models/bad.py::static-check": "PASSED",
        "models/bad.py::Net": "SKIPPED",
        "models/bad.py::net": "SKIPPED",
        item: "XFAIL",
    }
    assert f"XFAIL {item} - published weights\n" in text
    assert "error[RC204]" in run("--resnet-check", "models/bad.py", "--runxfail", status=1)


def test_what_is_new_beside_the_baseline_fails(baseline):
    Path("models/bad.py").write_text(f"# moved\n{BAD}\n\nclass New{BAD.partition('class Net')[2]}", encoding="utf-8")
    found = outcomes(run("--resnet-check", "models/bad.py", "-v", status=1))
    assert found["models/bad.py::static-check"] == found["models/bad.py::New"] == "FAILED"
    assert found[f"models/bad.py::known[{baseline[0].rule}]"] == "XFAIL"


def test_a_known_mistake_that_is_mended_fails_until_the_baseline_says_so(baseline):
    Path("models/bad.py").write_text(GOOD, encoding="utf-8")
    text = run("--resnet-check", "models/bad.py", "-v", status=1)
    item = f"models/bad.py::known[{baseline[0].rule}]"
    expected = {"models/bad.py::static-check": "PASSED", "models/bad.py::Net": "PASSED"}
    assert outcomes(text) == expected | {item: "FAILED"}
    assert "[XPASS(strict)] mended: take it out of the baseline\n" in text
    ignoring = ["-o", f"resnet_check_ignore={baseline[0].rule}"]
    assert outcomes(run("--resnet-check", "models/bad.py", "-v", *ignoring)) == expected


@pytest.mark.parametrize("baseline", ["none.json", "pytest.ini"])
def test_a_baseline_that_cannot_be_read_ends_the_run(baseline):
    Path("pytest.ini").write_text(f"[pytest]\nresnet_check_baseline = {baseline}\n", encoding="utf-8")
    text = run("--resnet-check", status=4)
    assert text.startswith("ERROR: resnet_check_baseline: ")
    assert baseline in text
    assert text.count("\n") == 2


def test_the_projects_own_settings_hold():
    Path("models/resnet-check.toml").write_text('exclude = ["bad.py", "unknown.py"]\n', encoding="utf-8")
    assert outcomes(run("--resnet-check", "-v", "models")) == {i: o for i, o in ALL.items() if "good" in i}


@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        ("", ["-o", "resnet_check_paths=modles/*.py"], "resnet_check_paths: nothing matches `modles/*.py` in "),
        ("", ["--resnet-check", "-o", "resnet_check_select=RC2010"], "resnet_check_select: unknown rule `RC2010` "),
        ("", ["--resnet-check", "-o", "resnet_check_ignore=bias"], "resnet_check_ignore: unknown rule `bias`"),
        (
            "selct = []\n",
            ["--resnet-check"],
            "models/resnet-check.toml:1: unknown key `selct` (did you mean `select`?)",
        ),
    ],
)
def test_wrong_settings_end_the_run_with_one_line(settings, arguments, message):
    Path("models/resnet-check.toml").write_text(settings, encoding="utf-8")
    text = run(*arguments, status=4)
    assert len(text.strip().split("\n")) == 1
    assert text.startswith("ERROR: ")
    assert message in text


def test_a_file_that_is_no_python_is_a_finding():
    Path("models/good.py").write_text("print 'x'\n", encoding="utf-8")
    text = run("--resnet-check", "models/good.py", "-v", status=1)
    assert outcomes(text) == {"models/good.py::static-check": "FAILED"}
    assert "error[RC001]" in text


def test_models_of_one_name_have_ids_of_their_own():
    Path("models/good.py").write_text(f"{GOOD}\nnet = Net()\nnet = Net()\n", encoding="utf-8")
    names = re.findall(r"good\.py::(\S+)", run("--resnet-check", "models/good.py", "--collect-only", "-q"))
    assert len(names) == len(set(names)) >= 3
