"""Files with odd names: every report that a program reads leads back to the file, counted from the root of the repository."""

import json
import ntpath
import os
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from resnet_check.baseline import read_baseline
from resnet_check.cli.output import repository_path
from resnet_check.report import printable

NAMES = ["a b.py", "ré漢.py", "e\u0301.py", "a\\b.py", "a:1:2.py", "a,b=c.py", "100%25.py", "a#?.py", "::error::a.py",
         "a'\"`$(x).py", "a|*_~<b>&amp;.py", "a\nb.py", "a\r\x1b[2J.py", "net\udce9.py", "-.py"]  # fmt: skip


def from_json(text):
    return [file["path"] for file in json.loads(text)["files"] if file["findings"]]


def from_sarif(text):
    places = [result["locations"][0]["physicalLocation"] for result in json.loads(text)["runs"][0]["results"]]
    return [unquote(place["artifactLocation"]["uri"], errors="surrogateescape") for place in places]


def from_gitlab(text):
    return [issue["location"]["path"] for issue in json.loads(text)]


def from_github(text):
    values = [line.partition(",file=")[2].partition(",")[0] for line in text.splitlines()]
    for escape, char in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        values = [value.replace(escape, char) for value in values]
    return values


def from_junit(text):
    return [case.get("file") for case in ET.fromstring(text).iter("testcase")]  # noqa: S314 - our own


def as_command(path):
    """Return a path as a command of GitHub gives it back: but for line breaks with escapes, as a terminal may see it."""
    return "\r".join("\n".join(map(printable, line.split("\n"))) for line in path.split("\r"))


READERS = {
    "json": (from_json, str),
    "sarif": (from_sarif, str),
    "gitlab": (from_gitlab, str),
    "github": (from_github, as_command),
    "junit": (from_junit, printable),
}
"""For each format what gives the paths of a report, and how the format writes a path."""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a file of each name in one of its folders, where the run is."""
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "my models"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in NAMES:
        Path(name).write_text("print 'x'\n", encoding="utf-8")


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("output_format", READERS)
def test_every_report_leads_to_the_file(run_cli, output_format):
    read, as_written = READERS[output_format]
    folder = "" if output_format == "json" else "my models/"
    expected = {as_written(f"{folder}{name}") for name in NAMES}
    found = []
    for name in NAMES:  # one by one, as GitHub shows few annotations of a run
        outcome = run_cli(f"./{name}", "--output-format", output_format)
        assert outcome.status == 1
        found += read(outcome.out)
    assert {path.removeprefix("./") for path in found} == expected
    assert len(found) == len(expected)


@pytest.mark.usefixtures("repository")
def test_a_baseline_knows_the_file(run_cli):
    assert run_cli(".", "--write-baseline", "known.json").status == 0
    assert {entry.path for entry in read_baseline("known.json")} == {f"my models/{name}" for name in NAMES}
    assert run_cli(".", "--baseline", "known.json").status == 0


def test_windows_writes_no_backslash_into_a_report(monkeypatch):
    Path("C:\\repository\\.git").touch()  # found as Windows would find it, since this is its whole name here
    with monkeypatch.context() as patch:
        patch.setattr("os.path", ntpath)
        patch.setattr("os.sep", "\\")
        inside = repository_path("C:\\repository\\models\\net.py")
        outside = repository_path("D:\\net.py")
    assert (inside, outside) == ("models/net.py", "D:/net.py")
    assert os.sep == "/"
