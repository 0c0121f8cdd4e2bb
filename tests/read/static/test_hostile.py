"""Whatever a file holds, it is checked in time and within memory, and nothing of it runs, is opened or is sent."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.read.static import hostile


@pytest.fixture(scope="module")
def process():
    """A process that checks folders (see `hostile`)."""
    command = [sys.executable, hostile.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def check(process, tmp_path):
    """Check ``model.py`` of the project, and hold what must hold for every file."""

    def run() -> dict:
        print(tmp_path, file=process.stdin, flush=True)
        found = json.loads(process.stdout.readline())
        assert found.get("died") is None
        assert found["failures"] == []
        assert found["events"] == []
        assert not found["changed"]
        assert not found["control"]
        return found

    return run


def write(name, text):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", hostile.BOMBS)
def test_what_costs_too_much_is_given_up(name, check):
    write("model.py", hostile.text_of(hostile.BOMBS[name]))
    check()


@pytest.mark.parametrize("name", hostile.LARGE)
def test_large_files_are_checked_or_given_up(name, check):
    write("model.py", hostile.HEAD + hostile.LARGE[name])
    check()


@pytest.mark.parametrize("name", hostile.ESCAPES)
def test_nothing_of_a_file_runs(name, check, tmp_path_factory):
    canary = tmp_path_factory.mktemp("outside") / "canary"
    canary.write_text("sings", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = hostile.escape(hostile.ESCAPES[name], canary=str(canary), port=server.getsockname()[1])
        write("model.py", text)
        check()
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert canary.read_text(encoding="utf-8") == "sings"
    assert os.listdir(canary.parent) == ["canary"]


def test_the_watch_sees_what_it_should(tmp_path):
    folder = str(tmp_path)
    seen = [("exec", (None,)), ("import", ("socket",)), ("os.system", ("x",)), ("socket.connect", (None, None))]
    seen += [("subprocess.Popen", ()), ("open", (f"{folder}/a.py", "w", 0)), ("open", ("/etc/passwd", "r", 0))]
    assert all(hostile.suspicious(event, args, folder) for event, args in seen)
    assert not hostile.suspicious("open", (f"{folder}/a.py", "r", 0), folder)
    assert not hostile.suspicious("compile", (None, None), folder)


def test_the_process_says_what_an_ordinary_model_is(check):
    write("model.py", hostile.text_of("pass"))
    found = check()
    assert (found["models"], found["findings"]) == (["Net"], [])


USES = "import helper\nfrom helper import *\nfrom helper import width\n"


def linked(target):
    return lambda: os.symlink(target, "helper.py")


IMPORTS = {
    "a device without end": linked("/dev/zero"),
    "a pipe": lambda: os.mkfifo("helper.py"),
    "a link to itself": linked("helper.py"),
    "a link to nothing": linked("nowhere.py"),
    "a folder in itself": lambda: (os.mkdir("helper"), os.symlink("..", "helper/helper")),
    "a folder": lambda: os.mkdir("helper.py"),
    "a file that cannot be read": lambda: (write("helper.py", "width = 3\n"), os.chmod("helper.py", 0)),
    "a circle of files": lambda: (
        write("helper.py", "from other import *\n"),
        write("other.py", "from helper import *\n"),
    ),
    "itself": lambda: write(
        "helper.py", "import helper\nfrom helper import width\nfrom model import *\nwidth = width\n"
    ),
    "NUL bytes": lambda: write("helper.py", "width = 3\0\n"),
    "no UTF-8": lambda: Path("helper.py").write_bytes(b"width = '\xff\xfe'\n"),
    "another encoding than it says": lambda: Path("helper.py").write_bytes(b"# coding: utf-16\nwidth = 3\n"),
    "a large file": lambda: write("helper.py", "width = [" + "a," * 2_000_000 + "]\n"),
    "deep brackets": lambda: write("helper.py", "width = " + "(" * 5_000 + ")" * 5_000 + "\n"),
    "many files": lambda: (
        [write(f"m{i}.py", f"from m{i + 1} import *\n") for i in range(600)],
        write("helper.py", "from m0 import *\n"),
    ),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_whatever_an_import_leads_to(name, check):
    IMPORTS[name]()
    write("model.py", USES + hostile.text_of("pass"))
    check()


@pytest.mark.parametrize(
    "text", [b"\0", b"# coding: punycode\n" + b"a" * 300_000, b"\xff\xfe" + b"x\0" * 999, b"\x1b[31m = 1\n"]
)
def test_bytes_that_are_no_python(text, check):
    Path("model.py").write_bytes(text)
    check()


def test_a_file_that_vanishes_is_a_failure_of_its_own(run_cli):
    write("here.py", hostile.text_of("pass"))
    os.symlink("gone.py", "gone.py")
    outcome = run_cli("here.py", "gone.py")
    assert outcome.status == 2
    assert "gone.py" in outcome.err
