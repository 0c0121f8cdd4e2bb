"""The baseline: known findings do not fail, mended ones leave the file."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resnet_check.baseline import Entry, read_baseline, written
from resnet_check.cli.known import Baselines, without_known
from resnet_check.report import RenderOptions
from tests.drawn_reports import reports

BROKEN = """import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        return self.norm(self.conv(x))
"""
MENDED = BROKEN.replace("BatchNorm2d(4)", "BatchNorm2d(8)").replace("8, 3)", "8, 3, bias=False)")
FILE = "known.json"


def rules():
    return [(entry.path, entry.rule) for entry in read_baseline(FILE)]


@pytest.fixture(autouse=True)
def project(monkeypatch, run_cli):
    monkeypatch.delenv("CI", raising=False)
    for name in ("net.py", "other.py"):
        Path(name).write_text(BROKEN, encoding="utf-8")
    assert run_cli("net.py", "other.py").status == 1
    assert run_cli("net.py", "other.py", "--write-baseline", FILE).status == 0
    assert rules() == [("net.py", "norm-channels-mismatch"), ("other.py", "norm-channels-mismatch")]


def test_a_check_after_writing_is_clean(run_cli):
    outcome = run_cli("net.py", "other.py", "--baseline", FILE, "--fail-on", "note")
    assert outcome.status == 0
    assert outcome.out.endswith("\n2 known findings in the baseline.\n")
    content = json.loads(run_cli("net.py", "--baseline", FILE, "--output-format", "json").out)
    assert content["summary"]["known"] == 1
    assert content["files"][0]["findings"] == []


def test_a_known_finding_stays_known_when_it_moves_and_a_new_one_fails(run_cli):
    Path("net.py").write_text("# moved\n\n" + BROKEN, encoding="utf-8")
    assert run_cli("net.py", "--baseline", FILE).status == 0
    Path("net.py").write_text(BROKEN + BROKEN.replace("Net", "New"), encoding="utf-8")
    outcome = run_cli("net.py", "--baseline", FILE, "--output-format", "concise")
    assert outcome.status == 1
    assert [line.partition(":")[2][:2] for line in outcome.out.splitlines()] == ["19"]


def test_what_is_mended_leaves_the_file(run_cli):
    Path("net.py").write_text(MENDED, encoding="utf-8")
    assert run_cli("net.py", "--baseline", FILE).status == 0
    assert rules() == [("other.py", "norm-channels-mismatch")]


def test_the_entries_of_a_file_that_is_gone_leave_too(run_cli):
    Path("other.py").unlink()
    assert run_cli("net.py", "--baseline", FILE).status == 0
    assert rules() == [("net.py", "norm-channels-mismatch")]


def test_in_continuous_integration_an_outdated_entry_fails(run_cli, monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert run_cli("net.py", "--baseline", FILE).status == 0
    Path("net.py").write_text(MENDED, encoding="utf-8")
    before = Path(FILE).read_text(encoding="utf-8")
    outcome = run_cli("net.py", "--baseline", FILE)
    assert outcome.status == 1
    assert outcome.err == (
        "resnet-check: known.json is out of date: norm-channels-mismatch is not found in net.py any more\n"
    )
    assert Path(FILE).read_text(encoding="utf-8") == before
    assert run_cli("net.py", "--baseline", FILE, "--exit-zero").status == 0


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (MENDED, ["net.py", "--ignore", "norm-channels-mismatch"]),
        (MENDED, ["-", "--stdin-filename", "net.py"]),
        ("print 'x'\n", ["net.py", "--exit-zero"]),
        (MENDED, ["other.py"]),
    ],
)
def test_what_a_run_does_not_look_for_stays(run_cli, text, arguments):
    Path("net.py").write_text(text, encoding="utf-8")
    run_cli(*arguments, "--baseline", FILE, stdin=text.encode())
    assert len(rules()) == 2


def test_writing_again_keeps_reasons_and_other_files(run_cli):
    known = [entry._replace(reason="published weights") for entry in read_baseline(FILE)]
    Path(FILE).write_text(written(known), encoding="utf-8")
    run_cli("net.py", "--write-baseline", FILE)
    assert read_baseline(FILE) == known


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "known.json is no baseline"),
        ("[]", "known.json is no baseline"),
        ('{"version": 2}', "known.json is a baseline of version 2, not 1"),
        ('{"version": 1, "entries": [{"odd": 1}]}', "known.json is no baseline"),
        ('{"version": 1, "entries": [3]}', "known.json is no baseline"),
    ],
)
def test_a_file_that_is_no_baseline_is_said(run_cli, content, error):
    Path(FILE).write_text(content, encoding="utf-8")
    outcome = run_cli("net.py", "--baseline", FILE)
    assert (outcome.status, outcome.err) == (2, f"resnet-check: {error}\n")


@given(st.lists(st.builds(Entry, *[st.text()] * 4, reason=st.text()), unique=True))
def test_what_is_written_is_read_with_an_entry_on_each_line(known):
    path = Path("any.json")
    path.write_text(written(known), encoding="utf-8")
    assert read_baseline(str(path)) == sorted(known)
    assert written(known).count("\n") == max(len(known), 1) + 2


# Any project: its models are good or have mistakes of several kinds, alike ones too.

MODEL = """

class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias={bias})
        self.norm = nn.BatchNorm2d({width})
        self.fc = nn.Linear({features}, 10){spare}

    def forward(self, x):
        return self.fc(self.norm(self.conv(x)).relu().mean((2, 3)))
"""
RIGHT = {"bias": False, "width": 8, "features": 8, "spare": ""}
SPARE = "\n        self.spare = nn.Linear(8, 8)"
mistakes = st.fixed_dictionaries(
    {
        "bias": st.booleans(),
        "width": st.sampled_from([8, 4]),
        "features": st.sampled_from([8, 9]),
        "spare": st.sampled_from(["", SPARE, SPARE * 2]),
    }
)
projects = st.dictionaries(
    st.sampled_from(["net.py", "other.py", "more/net.py"]),
    st.dictionaries(st.sampled_from(["Net", "Small", "Other"]), mistakes, min_size=1),
    min_size=1,
)
SLOW = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write_project(models, between=""):
    for path in Path().rglob("*.py"):
        path.unlink()
    for path, classes in models.items():
        text = "import torch.nn as nn\n" + between.join(
            MODEL.format(name=name, **kind) for name, kind in classes.items()
        )
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")


def checked(run_cli, *arguments):
    """Return the exit status at the mildest severity, and the files of the findings that are left."""
    outcome = run_cli(".", "--fail-on", "note", "--output-format", "json", "--no-cache", *arguments)
    assert outcome.err == ""
    return outcome.status, {file["path"] for file in json.loads(outcome.out)["files"] if file["findings"]}


@SLOW
@given(projects)
def test_a_check_after_writing_is_clean_wherever_its_lines_are(run_cli, models):
    write_project(models)
    Path(FILE).unlink(missing_ok=True)
    status, found = checked(run_cli)
    assert checked(run_cli, "--write-baseline", FILE) == (0, set())
    known = Path(FILE).read_text(encoding="utf-8")
    assert {entry.path for entry in read_baseline(FILE)} == found
    assert bool(read_baseline(FILE)) == bool(status)
    assert checked(run_cli, "--baseline", FILE) == (0, set())
    write_project({path: dict(reversed(classes.items())) for path, classes in models.items()}, "\n# moved\n\n")
    assert checked(run_cli, "--baseline", FILE) == (0, set())
    assert Path(FILE).read_text(encoding="utf-8") == known


@SLOW
@given(projects, st.data())
def test_what_is_mended_leaves_and_what_is_new_is_found(run_cli, models, data):
    write_project(models)
    Path(FILE).unlink(missing_ok=True)
    checked(run_cli, "--write-baseline", FILE)
    mended = data.draw(st.sets(st.sampled_from(sorted(models))))
    kept = [entry for entry in read_baseline(FILE) if entry.path not in mended]
    new = {path: {"New": RIGHT | {"width": 4}} for path in data.draw(st.sets(st.sampled_from(sorted(models))))}
    for path, classes in models.items():
        rest = {name: RIGHT if path in mended else kind for name, kind in classes.items()}
        new[path] = rest | new.get(path, {})
    write_project(new)
    with_new = {path for path, classes in new.items() if "New" in classes}
    assert checked(run_cli, "--baseline", FILE) == (int(bool(with_new)), with_new)
    assert read_baseline(FILE) == kept


@given(reports)
def test_whatever_is_found_is_known_once_it_is_written(report):
    Path(FILE).unlink(missing_ok=True)
    plain = RenderOptions(lines=lambda _path: ["class Net:", "    a = 1", "    a = 1"])
    left, _ = without_known(report, [], Baselines(None, FILE), plain, live=False)
    assert (len(left.findings), left.known) == (0, len(report.findings))
    left, outdated = without_known(report, [], Baselines(FILE, None), plain, live=False)
    assert (len(left.findings), left.known, outdated) == (0, len(report.findings), False)
    assert len(read_baseline(FILE)) == len(report.findings)
