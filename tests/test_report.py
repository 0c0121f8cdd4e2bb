"""Reports as a whole: what a person and a program get to see."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from resnet_check.checking import FileReport, ModelReport, Report
from resnet_check.finding import Edit, Finding, Fix, Related
from resnet_check.graph.records import Unknown
from resnet_check.report import FORMATS, RenderOptions, printable, render

SOURCE = """import torch.nn as nn


class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(cin)
\tself.relu = nn.ReLU()  # 漢字 and a tab
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1, bias=True)
        self.bn2 = nn.BatchNorm2d(cout)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = Block(64, 128)
"""

NORM = Finding(
    rule="norm-channels-mismatch",
    code="RC203",
    severity="error",
    path="models/net.py",
    line=8,
    column=20,
    end_line=8,
    end_column=39,
    message="BatchNorm2d(64) gets 128 channels",
    label="normalises 64 channels",
    help="pass `cout`",
    model="Net",
    module="layer1.bn1",
    related=(
        Related("models/net.py", 7, "gives 128 channels", 22, 7, 56),
        Related("models/net.py", 17, "the block is built here"),
        Related("models/parts.py", 2, "declared here", 1, 2, 6),
    ),
    fix=Fix("normalise the convolution's channels", (Edit(8, 35, 8, 38, "cout"),), safe=True),
    count=16,
)
BIAS = Finding(
    "bias-before-norm",
    "RC309",
    "note",
    "models/net.py",
    10,
    58,
    10,
    67,
    "the next batch norm cancels this bias",
    count=2,
)
WIDE = Finding(
    "missing-activation", "RC302", "warning", "models/net.py", 9, 28, 9, 30, "two wide characters", label="these two"
)
COMPLETE = ModelReport(
    "Net",
    "class",
    14,
    "complete",
    (),
    (None, 3, 224, 224),
    [None, 1000],
    25557032,
    4089184256,
    ((1, 1024),),
    50,
    "resnet-50",
    ("stride 2 is on the 3x3 convolution (v1.5), the paper puts it on the first 1x1",),
)
PARTIAL = ModelReport(
    "Other",
    "factory",
    30,
    "partial",
    (Unknown("`timm` could not be read", 3), Unknown("a loop of unknown length", 40)),
    (None, 3, 32, 32),
    {"logits": [None, 10], "maps": [[None, 64, 8, 8], None]},
    1000,
)
FAILED = ModelReport("Broken", "instance", 50, "failed", (), (None, 3, 32, 32), accepted_sizes=((32, 32), (64, 1024)))
REPORT = Report(
    (
        FileReport("models/net.py", (COMPLETE, PARTIAL, FAILED), (NORM, WIDE, BIAS)),
        FileReport("models/empty.py"),
    ),
    seconds=0.0612,
)
CLEAN = Report((FileReport("models/net.py", (COMPLETE,)),), seconds=0.0612)
LINES = {"models/net.py": SOURCE.split("\n"), "models/parts.py": ["import torch", "width = 64"]}


def shown(report=REPORT, output_format="text", **options):
    return render(output_format, report, RenderOptions(lines=lambda path: LINES.get(path, []), **options))


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_whole_report(golden, output_format):
    golden(f"report.{output_format}.txt", shown(output_format=output_format))


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_whole_report_with_statistics(golden, output_format):
    golden(f"statistics.{output_format}.txt", shown(output_format=output_format, statistics=True))


def test_colour_changes_nothing_but_colour():
    coloured = shown(color=True)
    assert "\x1b[1;31merror[RC203]\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == shown()


def test_a_clean_run_says_what_was_checked():
    assert shown(CLEAN) == (
        "Net: complete, 25,557,032 parameters, 4.09 GMACs at 3x224x224, sizes 1-1024, resnet-50 but for 1 difference\n"
        "\n"
        "Nothing found in models/net.py (1 model checked, 0.06 s).\n"
    )


def test_a_run_that_checked_nothing_says_so():
    assert shown(Report((FileReport("a.py"),))) == "No model found in a.py: nothing was checked (0.00 s).\n"


def test_of_many_models_only_those_are_shown_that_are_not_complete():
    file = FileReport("a.py", (*[COMPLETE] * 30, PARTIAL))
    assert shown(Report((file,))) == (
        "Other: partial, 1,000 parameters, at 3x32x32\n"
        "  not checked past here: `timm` could not be read (a.py:3, and 1 more): Other\n"
        "\n"
        "Nothing found in a.py (31 models checked, 0.00 s).\n"
    )


def test_models_that_stop_at_one_place_share_a_line():
    models = tuple(PARTIAL._replace(name=f"net{depth}") for depth in (18, 34, 50, 101, 152))
    text = shown(Report((FileReport("a.py", models),)))
    assert text.count("not checked past here") == 1
    assert "(a.py:3, and 1 more): net18, net34, net50 and 2 more\n" in text


def frame_of(line, finding):
    """Return the rows of the frame of a finding in a file of one line."""
    report = Report((FileReport("a.py", (), (finding._replace(path="a.py", line=1, end_line=1, related=()),)),))
    text = render("text", report, RenderOptions(lines=lambda _path: [line]))
    return [row[4:] for row in text.split("\n")[3:5]]


@pytest.mark.parametrize(
    ("line", "column", "rows"),
    [
        ("x = ab", 5, ["x = ab", "    ^^ here"]),
        ("\tx = ab", 6, ["    x = ab", "        ^^ here"]),
        ("漢 = ab", 5, ["漢 = ab", "     ^^ here"]),
        ("e\u0301 = ab", 6, ["e\u0301 = ab", "    ^^ here"]),
        ("x = 漢字", 5, ["x = 漢字", "    ^^^^ here"]),
        ("\x1b[2Jab", 5, ["\\x1b[2Jab", "       ^^ here"]),
        ("x = ab", 50, ["x = ab", "      ^ here"]),
    ],
)
def test_marks_stand_below_what_they_mark(line, column, rows):
    assert frame_of(line, WIDE._replace(column=column, end_column=column + 2, label="here")) == rows


def test_of_a_long_line_the_part_with_the_mark_is_shown():
    row, marks = frame_of("x" * 500 + "ab" + "y" * 500, WIDE._replace(column=501, end_column=503, label="here"))
    assert len(row) == 160
    start = marks.index("^")
    assert row[start : start + 2] == "ab"
    assert marks[start:] == "^^ here"


def test_a_span_of_several_lines_is_marked_to_the_end_of_its_first():
    finding = WIDE._replace(path="a.py", line=1, column=5, end_line=3, end_column=2)
    text = render(
        "text", Report((FileReport("a.py", (), (finding,)),)), RenderOptions(lines=lambda _p: ["x = f(", " 1", ")"])
    )
    assert "\n  |     ^^ these two\n" in text


@pytest.mark.parametrize("output_format", FORMATS)
def test_no_control_character_reaches_the_terminal(output_format):
    nasty = "\x1b]0;title\x07\r\x9b31m\u202e"
    finding = NORM._replace(path=f"a{nasty}.py", message=nasty, label=nasty, help=nasty, module=nasty,
        related=(Related(f"b{nasty}.py", 1, nasty),),
    )  # fmt: skip
    model = PARTIAL._replace(name=nasty, unknown=(Unknown(nasty, 1, nasty),))
    report = Report((FileReport(f"a{nasty}.py", (model,), (finding,)),))
    text = render(output_format, report, RenderOptions(statistics=True, lines=lambda _path: [nasty] * 20))
    assert printable(text.replace("\n", "")) == text.replace("\n", "")


def test_paths_that_are_no_text_can_be_written():
    report = Report((FileReport("a\udce9.py", (), (WIDE._replace(path="a\udce9.py"),)),))
    for output_format in FORMATS:
        assert render(output_format, report, RenderOptions()).encode()


def test_a_source_that_is_gone_leaves_the_place():
    assert " --> models/net.py:9:28\n" in render("text", REPORT, RenderOptions())


def number(kind="integer"):
    return {"type": [kind, "null"]}


FINDING_SCHEMA = {
    "type": "object",
    "required": [
        "rule", "code", "severity", "line", "column", "end_line", "end_column", "message", "model", "module", "related",
        "help", "fix",
    ],
    "properties": {
        "code": {"pattern": r"^RC\d{3}$"},
        "severity": {"enum": ["error", "warning", "note"]},
        "line": {"type": "integer", "minimum": 1},
        "related": {"type": "array", "items": {"required": ["path", "line", "message"]}},
        "fix": {"type": ["object", "null"]},
    },
}  # fmt: skip
MODEL_SCHEMA = {
    "type": "object",
    "required": [
        "name", "kind", "line", "status", "unknown", "input", "output", "params", "macs", "accepted_sizes", "depth",
        "variant", "differences",
    ],
    "properties": {
        "kind": {"enum": ["factory", "class", "instance"]},
        "status": {"enum": ["complete", "partial", "failed"]},
        "unknown": {"type": "array", "items": {"type": "string", "pattern": r"^line \d+: "}},
        "input": {"type": ["array", "null"], "items": number()},
        "output": {"type": ["array", "object", "null"]},
        "params": number(),
        "macs": number(),
        "accepted_sizes": {"type": ["array", "null"], "items": {"type": "array", "minItems": 2, "maxItems": 2}},
        "depth": number(),
        "variant": number("string"),
        "differences": {"type": "array", "items": {"type": "string"}},
    },
}  # fmt: skip
SCHEMA = {
    "type": "object",
    "required": ["tool", "version", "schema", "files", "summary"],
    "properties": {
        "tool": {"const": "resnet-check"},
        "schema": {"const": 1},
        "files": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "models", "findings"],
                "properties": {
                    "models": {"type": "array", "items": MODEL_SCHEMA},
                    "findings": {"type": "array", "items": FINDING_SCHEMA},
                },
            },
        },
        "summary": {"required": ["files", "models", "errors", "warnings", "notes"]},
    },
}


def test_json_keeps_its_promise():
    content = json.loads(shown(output_format="json"))
    jsonschema.validate(content, SCHEMA)
    assert content["summary"] == {"files": 2, "models": 3, "errors": 1, "warnings": 1, "notes": 1}
    complete, partial, _ = content["files"][0]["models"]
    assert complete["input"] == [None, 3, 224, 224]
    assert complete["accepted_sizes"] == [[1, 1024]]
    assert partial["unknown"] == ["line 3: `timm` could not be read", "line 40: a loop of unknown length"]
    assert partial["output"] == {"logits": [None, 10], "maps": [[None, 64, 8, 8], None]}


def test_every_format_has_a_module_of_its_own():
    folder = Path(__file__).parent.parent / "resnet_check" / "report"
    modules = {path.stem for path in folder.glob("*.py")} - {
        "__init__",
        "changes",
        "drawing",
        "fingerprint",
        "frame",
        "variant",
    }
    assert modules == set(FORMATS)
