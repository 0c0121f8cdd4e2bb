"""The command line: its commands, its exit status, and that whatever goes wrong is one plain line."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resnet_check import source
from resnet_check.cli import output
from resnet_check.cli.output import use_color
from resnet_check.errors import CannotCheckError
from resnet_check.read.static import reader

BROKEN = "class Net:\ndef forward(self, x):\n    return x\n"


@pytest.fixture
def files():
    Path("good.py").write_text("x = 1\n", encoding="utf-8")
    Path("bad.py").write_text(BROKEN, encoding="utf-8")
    Path("idle.py").write_text("x = 1  # resnet-check: ignore[syntax-error]\n", encoding="utf-8")


def command(*arguments, **options):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "resnet_check", *map(str, arguments)],
        capture_output=True,
        check=False,
        timeout=60,
        **options,
    )


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("good.py", 0),
        ("check good.py", 0),
        ("bad.py", 1),
        ("good.py bad.py", 1),
        (".", 1),
        ("bad.py --exit-zero", 0),
        ("bad.py --ignore RC001", 0),
        ("bad.py --select RC002", 0),
        ("bad.py --select RC002,RC003 --select syntax-error", 1),
        ("bad.py --select RC002 --extend-select RC001", 1),
        ("idle.py", 0),
        ("idle.py --fail-on note", 1),
        ("bad.py --fail-on error", 1),
        ("bad.py --jobs 2 --no-cache --statistics --color never --input 3x32x32", 1),
        ("rules", 0),
        ("explain RC001", 0),
        ("--version", 0),
        ("--help", 0),
        ("check --help", 0),
        ("", 2),
        ("check", 2),
        ("nothing.py", 2),
        ("bad.py nothing.py", 2),
        ("--select RC0", 2),
        ("bad.py --jobs 0", 2),
        ("bad.py --fail-on never", 2),
        ("bad.py --output-format yaml", 2),
        ("bad.py --input 224", 2),
        ("bad.py --output-file /nothing/there.json", 2),
        ("explain RC9", 2),
    ],
)
def test_exit_status(run_cli, arguments, status):
    outcome = run_cli(*arguments.split())
    assert outcome.status == status
    assert "Traceback" not in outcome.err


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("nothing.py", "no such file or folder: nothing.py"),
        ("explian RC001", "no such file or folder: explian (did you mean `explain`?)"),
        ("bad.py --jobs many", "Invalid value for '--jobs': 'many' is not a valid integer range."),
        (
            "bad.py --input 3x",
            "Invalid value for '--input': `3x` is no input size: write channels and sizes like 3x224x224",
        ),
        ("bad.py --ignore sintax-error", "--ignore: unknown rule `sintax-error` (did you mean `syntax-error`?)"),
        ("explain sintax-error", "explain: unknown rule `sintax-error` (did you mean `syntax-error`?)"),
        ("bad.py --output-file /nothing/there", "cannot write /nothing/there: No such file or directory"),
    ],
)
def test_what_goes_wrong_is_one_plain_line(run_cli, arguments, line):
    outcome = run_cli(*arguments.split())
    assert outcome.status == 2
    assert outcome.err == f"resnet-check: {line}\n"


@pytest.mark.usefixtures("files")
def test_an_option_that_does_not_exist_is_named_with_the_nearest(run_cli):
    outcome = run_cli("bad.py", "--selekt", "RC1")
    assert outcome.status == 2
    assert outcome.err.count("\n") == 1
    assert "--selekt" in outcome.err
    assert "--select'" in outcome.err


def test_a_folder_without_python_files_is_refused(run_cli):
    Path("empty").mkdir()
    assert run_cli("empty") == (2, "", "resnet-check: no Python files in empty\n")


@pytest.mark.usefixtures("files")
def test_where_all_that_is_named_is_excluded_nothing_is_wrong(run_cli, tmp_path):
    (tmp_path / "resnet-check.toml").write_text('exclude = ["old"]\n', encoding="utf-8")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "net.py").write_text("print 'x'\n", encoding="utf-8")
    assert run_cli("old/net.py").status == 1
    outcome = run_cli("old/net.py", "--force-exclude")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("No model found in 0 files: nothing was checked")


def test_a_file_named_like_a_command_is_checked_with_the_command_written_out(run_cli):
    Path("rules").write_text(BROKEN, encoding="utf-8")
    assert run_cli("check", "rules").status == 1
    assert run_cli("./rules").status == 1
    assert "RC001" in run_cli("rules").out


def test_standard_input_has_a_name(run_cli):
    outcome = run_cli("-", "--output-format", "concise", stdin=BROKEN.encode())
    assert outcome.status == 1
    assert outcome.out.startswith("<stdin>:2:1: error[RC001] ")
    outcome = run_cli("-", "--stdin-filename", "models/net.py", stdin=BROKEN.encode())
    assert " --> models/net.py:2:1\n" in outcome.out
    assert "2 | def forward(self, x):\n" in outcome.out


def test_standard_input_is_checked_with_the_settings_of_its_name(run_cli):
    Path("models").mkdir()
    Path("models/resnet-check.toml").write_text('ignore = ["RC001"]\n', encoding="utf-8")
    assert run_cli("-", stdin=BROKEN.encode()).status == 1
    assert run_cli("-", "--stdin-filename", "models/net.py", stdin=BROKEN.encode()).status == 0


@pytest.mark.usefixtures("files")
def test_settings_hold_for_the_files_below_them(run_cli):
    Path("old").mkdir()
    Path("old/bad.py").write_text(BROKEN, encoding="utf-8")
    Path("pyproject.toml").write_text(
        '[tool.resnet-check]\nexclude = ["idle.py"]\n[tool.resnet-check.per-file-ignores]\n"old/*" = ["RC0"]\n',
        encoding="utf-8",
    )
    outcome = run_cli(".", "--output-format", "json")
    assert [(file["path"], len(file["findings"])) for file in json.loads(outcome.out)["files"]] == [
        ("bad.py", 1),
        ("good.py", 0),
        ("old/bad.py", 0),
    ]


@pytest.mark.usefixtures("files")
def test_the_report_goes_to_a_file_in_one_step(run_cli):
    Path("report.json").write_text("before", encoding="utf-8")
    outcome = run_cli("bad.py", "--output-format", "json", "--output-file", "report.json")
    assert (outcome.status, outcome.out) == (1, "")
    assert json.loads(Path("report.json").read_text(encoding="utf-8"))["summary"]["errors"] == 1
    assert sorted(path.name for path in Path.cwd().glob("report*")) == ["report.json"]


@pytest.mark.usefixtures("files")
def test_a_link_to_the_report_stays_a_link(run_cli):
    os.symlink("real.txt", "link.txt")
    run_cli("bad.py", "--output-file", "link.txt")
    assert Path("link.txt").is_symlink()
    assert "error[RC001]" in Path("real.txt").read_text(encoding="utf-8")


@pytest.mark.usefixtures("files")
def test_statistics_count_the_findings_of_each_rule(run_cli):
    outcome = run_cli(".", "--statistics", "--output-format", "concise")
    assert outcome.out.endswith("1 RC001 syntax-error\n1 RC003 unused-ignore\n")


def test_rules_come_as_text_json_and_markdown(run_cli):
    assert re.search(r"^RC001 +syntax-error +error +The file is not Python", run_cli("rules").out, re.MULTILINE)
    assert json.loads(run_cli("rules", "--output-format", "json").out)[0]["name"] == "syntax-error"
    assert "| RC001 | `syntax-error` | error |" in run_cli("rules", "--output-format", "markdown").out


def test_a_page_is_shown_for_a_name_a_code_or_a_group(run_cli):
    page = run_cli("explain", "syntax-error").out
    assert page == run_cli("explain", "rc001").out
    assert page.startswith("RC001 syntax-error (error)\n\nThe file is not Python")
    assert "RC003 unused-ignore" in run_cli("explain", "RC0").out


class Terminal:
    def __init__(self, answer):
        self.answer = answer

    def isatty(self):
        return self.answer


@pytest.mark.parametrize(
    ("choice", "terminal", "environment", "colour"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", False, {"FORCE_COLOR": "0"}, False),
        ("auto", False, {"CLICOLOR_FORCE": "1"}, True),
        ("auto", False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_when_to_colour(choice, terminal, environment, colour):
    assert use_color(choice, Terminal(terminal), environment) is colour


@pytest.mark.usefixtures("files")
def test_colour_can_be_asked_for(run_cli):
    assert "\x1b[1;31merror[RC001]" in run_cli("bad.py", "--color", "always").out
    assert "\x1b" not in run_cli("bad.py", "--color", "always", "--color", "auto").out


@pytest.mark.usefixtures("files")
def test_a_mistake_of_the_tool_in_one_file_does_not_end_the_run(run_cli, monkeypatch):
    def read(source, _options):
        raise KeyError(source.path)

    monkeypatch.setattr(reader, "read", read)
    outcome = run_cli("good.py", "bad.py", "--output-format", "json")
    assert outcome.status == 2
    assert outcome.err == "resnet-check: internal error in good.py (reading it): KeyError: 'good.py'\n"
    assert [len(file["findings"]) for file in json.loads(outcome.out)["files"]] == [0, 1]


@pytest.mark.usefixtures("files")
def test_the_traceback_of_a_mistake_of_the_tool_can_be_asked_for(run_cli, monkeypatch):
    monkeypatch.setenv("RESNET_CHECK_DEBUG", "1")
    monkeypatch.setattr(reader, "read", lambda *_: 1 / 0)
    assert "Traceback" in run_cli("good.py").err


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_running_out_of_stack_or_memory_is_a_finding(run_cli, monkeypatch, error):
    def read(*_):
        raise error

    monkeypatch.setattr(reader, "read", read)
    outcome = run_cli("good.py", "--output-format", "concise")
    assert outcome.status == 0
    assert outcome.out.startswith("good.py:1:1: note[RC002] not checked further than this line: it ")


@pytest.mark.usefixtures("files")
def test_a_file_that_may_not_be_read_is_named(run_cli, monkeypatch):
    def open_file(path, *arguments, **options):
        if path == "good.py":
            raise PermissionError(errno.EACCES, "Permission denied")
        return open(path, *arguments, **options)

    monkeypatch.setattr(source, "open", open_file, raising=False)
    outcome = run_cli("bad.py", "good.py")
    assert outcome.status == 2
    assert outcome.err == "resnet-check: cannot read good.py: Permission denied\n"
    assert "error[RC001]" in outcome.out


def test_a_reader_that_goes_away_is_no_mistake():
    Path("bad.py").write_text(BROKEN, encoding="utf-8")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "resnet_check", "bad.py"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named():
    Path("bad.py").write_text(BROKEN, encoding="utf-8")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "resnet_check", "bad.py"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"resnet-check: cannot write to standard output: No space left")
    assert done.stderr.count(b"\n") == 1


def test_a_report_that_cannot_be_written_leaves_nothing_behind(monkeypatch):
    def replace(_source, _target):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(output.os, "replace", replace)
    with pytest.raises(CannotCheckError, match=r"cannot write report.txt: Input/output error"):
        output.write_file("report.txt", "text")
    assert not list(Path.cwd().glob("report*"))


def interruptible():
    """Take the interrupt even where the tests run in the background, whose processes ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_run_is_quiet():
    os.mkfifo("model.py")
    with subprocess.Popen(
        [sys.executable, "-m", "resnet_check", "model.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=interruptible,  # noqa: PLW1509 - no threads here
    ) as run:
        writer = os.open("model.py", os.O_WRONLY)  # returns once the file is being read
        time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=30)
        os.close(writer)
    assert (run.returncode, out, err.strip()) == (130, b"", b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_terminal_can_show_any_source(encoding):
    Path("bad.py").write_bytes("print '漢字'\n".encode())
    done = command("bad.py", env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
    assert done.returncode == 1
    assert done.stderr == b""
    assert ("漢字" if encoding == "utf-8" else "\\u6f22\\u5b57").encode() in done.stdout


def test_the_module_is_the_command(tmp_path):
    (tmp_path / "bad.py").write_text(BROKEN, encoding="utf-8")
    assert command("bad.py", "--output-format", "concise").stdout.startswith(b"bad.py:2:1: error[RC001] ")
