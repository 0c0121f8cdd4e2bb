"""The reports that other programs read: what each of them insists on, whatever paths and messages hold."""

import json
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from resnet_check.checking import FileReport, ModelReport, Report
from resnet_check.gate.changes import ModelChange
from resnet_check.report import printable
from resnet_check.report.github import LIMIT
from resnet_check.report.markdown import escaped
from tests.drawn_reports import FINDING, report_of, reports, shown

# Text, lines and JSON.


@given(reports)
def test_each_finding_has_one_heading_or_one_line(report):
    said = [f"{each.severity}[RC309]" for each in report.findings]
    headings = [
        line for line in shown("text", report).split("\n") if line.startswith(tuple(f"{each}: " for each in said))
    ]
    assert headings == [
        f"{words}: {printable(each.message)}" for words, each in zip(said, report.findings, strict=True)
    ]
    lines = shown("concise", report).split("\n")[:-1]
    assert lines == [
        printable(f"{each.path}:2:5: {words} {each.message}") for words, each in zip(said, report.findings, strict=True)
    ]


@given(reports)
def test_json_gives_back_what_it_was_given(report):
    found = [each for file in json.loads(shown("json", report))["files"] for each in file["findings"]]
    assert [(each["path"], each["message"], each["help"]) for each in found] == [
        (each.path, each.message, each.help) for each in report.findings
    ]


# GitHub.

COMMAND = re.compile(r"::(error|warning|notice) (\S.*?)::(.*)")


def decoded(text):
    for escape, char in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(escape, char)
    return text


@given(reports)
def test_an_annotation_is_one_line_whose_parts_can_be_told_apart(report):
    lines = shown("github", report).split("\n")[:-1]
    assert len(lines) == len(report.findings)
    for line in lines:
        _, properties, message = COMMAND.fullmatch(line).groups()
        values = dict(item.split("=", 1) for item in properties.split(","))
        assert list(values) == ["title", "file", "line", "endLine", "col", "endColumn"]
        assert "RC309" in message
    written = {
        decoded(dict(item.split("=", 1) for item in COMMAND.fullmatch(line)[2].split(","))["file"]) for line in lines
    }
    plain = {each.path for each in report.findings if each.path.replace("\n", "").replace("\r", "").isprintable()}
    assert plain <= written


@pytest.mark.parametrize(
    ("number", "lines", "more"), [(9, 9, ""), (10, 10, ""), (11, 10, "2 more"), (99, 10, "90 more")]
)
def test_of_each_kind_a_step_shows_no_more_than_ten(number, lines, more):
    found = [FINDING._replace(line=line, end_line=line) for line in range(1, number + 1)]
    text = shown("github", report_of(*found, FINDING._replace(severity="error")))
    error, *notices = text.split("\n")[:-1]
    assert error.startswith("::error ")
    assert len(notices) == lines <= LIMIT
    assert all(line.startswith("::notice ") for line in notices)
    assert more in notices[-1]


def test_a_span_of_several_lines_has_no_columns():
    text = shown("github", report_of(FINDING._replace(end_line=4)))
    assert text.startswith("::notice title=resnet-check (RC309),file=net.py,line=2,endLine=4::net.py:2:5: RC309 ")


# GitLab.


@given(reports)
def test_every_issue_has_a_place_and_a_fingerprint_of_its_own(report):
    issues = json.loads(shown("gitlab", report))
    assert [issue["location"]["path"] for issue in issues] == [finding.path for finding in report.findings]
    assert [issue["description"] for issue in issues] == [f"RC309: {finding.message}" for finding in report.findings]
    assert {issue["severity"] for issue in issues} <= {"info", "minor", "major", "critical", "blocker"}
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


# JUnit.


def junit(report):
    return ET.fromstring(shown("junit", report))  # noqa: S314 - our own


@given(reports)
def test_junit_is_xml_whatever_the_messages_hold(report):
    root = junit(report)
    assert len(root) == len(report.files)
    assert int(root.get("tests")) == len(root.findall(".//testcase"))
    for finding, suite in zip(report.findings, root, strict=True):
        (case,) = suite
        failure, output = case.find("failure"), case.find("system-out")
        assert (failure is None) is (finding.severity == "note")
        assert (output is None) is (finding.severity != "note")
        text = (failure if output is None else output).text
        assert f": {finding.severity}[RC309] " in text
        if finding.message.isprintable():
            assert finding.message in text


def test_a_finding_fails_the_case_of_its_model():
    models = (ModelReport("a", "class", 3, "complete"), ModelReport("b", "class", 9, "complete"))
    error = FINDING._replace(severity="error")
    found = (error._replace(model="b"), error._replace(model="b", line=7), FINDING._replace(model="a"), error)
    root = junit(Report((FileReport("net.py", models, found, ("internal error",)),)))
    assert {key: root.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "2",
        "errors": "1",
    }
    assert [(case.get("name"), case.get("line"), [child.tag for child in case]) for case in root[0]] == [
        ("file", "1", ["failure", "error"]),
        ("model a", "3", ["system-out"]),
        ("model b", "9", ["failure"]),
    ]
    assert root[0][2][0].get("message") == "RC309 this bias is cancelled and 1 more"


@pytest.mark.parametrize(("fail_on", "tag"), [("note", "failure"), ("warning", "system-out")])
def test_what_is_milder_than_the_failing_severity_is_output(fail_on, tag):
    report = Report((FileReport("net.py", (), (FINDING,)),), fail_on=fail_on)
    assert [child.tag for child in junit(report)[0][0]] == [tag]


# Markdown.


@pytest.mark.parametrize(
    ("text", "shown_as"),
    [
        ("pass `bias=False`", "pass `bias=False`"),
        ("`a | b` or c | d", r"`a \| b` or c \| d"),
        ("`x_1` is not *x_2*", r"`x_1` is not \*x\_2\*"),
        ("one ` only <b>", r"one \` only \<b\>"),
        ("two `` ticks", r"two \`\` ticks"),
        ("&lt; ~~[a](b)~~", r"\&lt; \~\~\[a\](b)\~\~"),
        ("a\nb", r"a\\nb"),
    ],
)
def test_text_in_a_cell_stays_what_it_is(text, shown_as):
    assert escaped(text) == shown_as


@given(reports)
def test_every_row_of_the_table_has_three_cells(report):
    lines = shown("markdown", report).split("\n")
    rows = [line for line in lines if line.startswith("| ") and "RC309" in line]
    assert len(rows) == len(report.findings)
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row.replace("\\\\", ""))) == 4


READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def said(text):
    """Return what of a text has to be seen: code is not marked by backticks there, and spaces may go."""
    return "".join(printable(text).replace("`", "").split())


@given(reports)
def test_a_reader_of_the_table_sees_what_was_said(report):
    rows = []
    for token in READER.parse(shown("markdown", report)):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(said("".join(child.content for child in token.children if child.content != "<br>")))
    assert rows[1:] == [
        [
            f"{each.severity}RC309",
            said(f"{each.path}:2"),
            said(f"{each.message}{f'help: {each.help}' if each.help else ''}"),
        ]
        for each in report.findings
    ]


def test_a_comment_does_not_grow_without_end():
    models = tuple(ModelReport("Net" * 20, "class", line, "complete") for line in range(1, 3001))
    changes = tuple(ModelChange("changed", f"net.py::{'Net' * 20}", f"net.py::{'Net' * 20}", 1) for _ in range(3000))
    report = Report((FileReport("net.py", models, (FINDING,) * 3000),), changes=changes)
    text = shown("markdown", report)
    assert len(text) < 65_536
    assert text.startswith("### resnet-check: 3,000 notes\n")
    for beginning in ("| net.py::", "| note RC309 | net.py", "| NetNet"):
        rows = text.count(f"\n{beginning}")
        assert 100 < rows < 3000
        assert f"\n\n{3000 - rows:,} more not listed.\n" in text


def test_a_github_job_gets_a_summary(run_cli, tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text("print 'x'\n", encoding="utf-8")
    summary = tmp_path / "summary.md"
    summary.write_text("# Before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    run_cli("net.py")
    assert summary.read_text(encoding="utf-8") == "# Before\n"
    assert run_cli("net.py", "--output-format", "github").out.startswith("::error ")
    assert summary.read_text(encoding="utf-8").startswith("# Before\n### resnet-check: 1 error\n\n| severity |")


def test_a_summary_that_cannot_be_written_is_said(run_cli, tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text("print 'x'\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "nothing/there.md")
    outcome = run_cli("net.py", "--output-format", "github")
    assert (outcome.status, outcome.err) == (
        2,
        "resnet-check: cannot write nothing/there.md: No such file or directory\n",
    )


# Paths.


@pytest.mark.parametrize("output_format", ["sarif", "gitlab", "github"])
def test_paths_count_from_the_root_of_the_repository(run_cli, tmp_path, monkeypatch, output_format):
    folder = tmp_path / "project" / "a b"
    folder.mkdir(parents=True)
    (tmp_path / "project" / ".git").mkdir()
    (folder / "net.py").write_text("print 'x'\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    outcome = run_cli("net.py", "--output-format", output_format)
    assert outcome.status == 1
    assert {"sarif": '"uri": "a%20b/net.py"', "gitlab": '"path": "a b/net.py"', "github": "file=a b/net.py,"}[
        output_format
    ] in outcome.out


def test_a_path_that_is_not_below_the_root_stays_whole(run_cli, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "net.py").write_text("print 'x'\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "here")
    assert (
        f'"uri": "{(tmp_path / "net.py").resolve().as_uri()}"' in run_cli("../net.py", "--output-format", "sarif").out
    )


def test_a_link_is_followed(run_cli, tmp_path):
    (tmp_path / "net.py").write_text("print 'x'\n", encoding="utf-8")
    (tmp_path / "link.py").symlink_to("net.py")
    assert '"path": "net.py"' in run_cli("link.py", "--output-format", "gitlab").out


def test_a_path_outside_of_any_repository_counts_from_here(run_cli, tmp_path):
    (tmp_path / "net.py").write_text("print 'x'\n", encoding="utf-8")
    assert '"path": "net.py"' in run_cli("./net.py", "--output-format", "gitlab").out


# Several reports in one run.


def test_several_reports_in_one_run(run_cli, tmp_path):
    (tmp_path / "net.py").write_text("print 'x'\n", encoding="utf-8")
    outcome = run_cli("net.py", "--report", "sarif=a=b.sarif", "--report", "github", "--report=gitlab=issues.json")
    assert outcome.status == 1
    text, github = run_cli("net.py").out, run_cli("net.py", "--output-format", "github").out
    assert re.sub(r"\d+\.\d+ s", "", outcome.out) == re.sub(r"\d+\.\d+ s", "", text + github)
    for output_format, name in (("sarif", "a=b.sarif"), ("gitlab", "issues.json")):
        assert (tmp_path / name).read_text(encoding="utf-8") == run_cli("net.py", "--output-format", output_format).out


@pytest.mark.parametrize(
    ("report", "error"),
    [
        ("sarf=x", "`sarf` is not one of text, concise, json, sarif, github, gitlab, junit, markdown"),
        ("sarif=", "`sarif=` names no file"),
        ("sarif=/nothing/there", "cannot write /nothing/there: No such file or directory"),
    ],
)
def test_a_report_that_cannot_be_written_is_said(run_cli, tmp_path, report, error):
    (tmp_path / "net.py").write_text("print 'x'\n", encoding="utf-8")
    outcome = run_cli("net.py", "--report", report)
    assert outcome.status == 2
    assert error in outcome.err
    assert outcome.err.count("\n") == 1
