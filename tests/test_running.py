"""Checking many files: order, processes, and files that take their process down."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import resnet_check
from resnet_check.checking import FileReport
from resnet_check.config import Settings
from resnet_check.errors import CannotCheckError
from resnet_check.finding import Finding
from resnet_check.read.static import reader
from resnet_check.running import FEW, Work, each_once, run

BROKEN = "class Net:\ndef forward(self, x):\n    return x\n"


def work(count):
    for number in range(count):
        Path(f"{number:03}.py").write_text("x = 1\n" if number % 3 else BROKEN, encoding="utf-8")
    return [Work(f"{number:03}.py", Settings()) for number in range(count)]


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("jobs", [1, 3])
def test_results_come_in_the_order_of_the_files(jobs, use_cache):
    done = []
    report = run(work(20), jobs=jobs, use_cache=use_cache, advance=done.append)
    assert [file.path for file in report.files] == [f"{number:03}.py" for number in range(20)]
    assert [len(file.findings) for file in report.files] == [int(number % 3 == 0) for number in range(20)]
    assert len(done) == 20
    assert report.failed


def test_a_file_that_takes_its_process_down_is_named(monkeypatch):
    def read(source, _options):
        if source.path == "004.py":
            os._exit(1)
        return reader.Reading()

    monkeypatch.setattr(reader, "read", read)
    report = run(work(FEW + 4), jobs=2, use_cache=False)
    assert report.failures == ("internal error in 004.py: the process that checked it died",)
    assert [len(file.findings) for file in report.files] == [int(number % 3 == 0) for number in range(FEW + 4)]


def test_an_interrupted_run_with_processes_ends_at_once():
    slow = (
        "import time, sys\n"
        "from resnet_check.read.static import reader\n"
        "reader.read = lambda *_: time.sleep(60)\n"
        "from resnet_check.__main__ import run\n"
        "print('ready', flush=True)\n"
        "sys.argv[1:] = ['.', '--no-cache', '--jobs', '2']\n"
        "run()\n"
    )
    for number in range(20):
        Path(f"{number}.py").write_text("x = 1\n", encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-c", slow],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # a process that runs in the background ignores the interrupt, and so would its children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    ) as process:
        process.stdout.readline()
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        start = time.monotonic()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")
    assert time.monotonic() - start < 20


def finding(path, line=1):
    return Finding("bang", "RC999", "error", path, line, 1, line, 2, "a bang")


def test_what_two_files_see_in_a_third_is_reported_once():
    shared = finding("blocks.py")
    files = [
        FileReport("a.py", (), (finding("a.py"), shared)),
        FileReport("b.py", (), (shared,)),
        FileReport("blocks.py", (), (finding("blocks.py", 7),)),
    ]
    assert [len(file.findings) for file in each_once(files)] == [2, 0, 1]


def test_what_a_file_reports_itself_is_not_repeated_by_others():
    shared = finding("blocks.py")
    files = [FileReport("a.py", (), (shared,)), FileReport("./blocks.py", (), (finding("./blocks.py"),))]
    assert [len(file.findings) for file in each_once(files)] == [0, 1]


def test_the_function_for_programs():
    Path("bad.py").write_text(BROKEN, encoding="utf-8")
    report = resnet_check.check("bad.py")
    assert not report.ok
    assert [(finding.rule, finding.line) for finding in report.findings] == [("syntax-error", 2)]
    assert report.models == ()


def test_the_function_for_programs_takes_folders_and_settings():
    Path("models").mkdir()
    Path("models/bad.py").write_text(BROKEN, encoding="utf-8")
    assert not resnet_check.check(Path("models")).ok
    Path("resnet-check.toml").write_text('exclude = ["bad.py"]\n', encoding="utf-8")


@pytest.mark.parametrize("path", ["nothing.py", "."])
def test_the_function_for_programs_refuses_what_is_not_there(path):
    with pytest.raises(CannotCheckError):
        resnet_check.check(path)
