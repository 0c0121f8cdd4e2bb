"""The worker and its folder go when the tool does, however that ends, and come back when they are lost."""

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from resnet_check.errors import CannotCheckError
from resnet_check.read.live.protocol import Done, Effect, Limits, Request
from resnet_check.read.live.session import Session

pytest.importorskip("torch")

ROOT = Path(__file__).parents[3]

START = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background processes ignore it
from resnet_check.cli.main import main
sys.exit(main(sys.argv[1:]))
"""

SLEEPER = """
import time

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        open("here", "w").close()
        time.sleep(50)

    def forward(self, x):
        return self.conv(x)
"""


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    pytest.fail("it does not happen")


def children(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def descendants(pid):
    return [each for child in children(pid) for each in (child, *descendants(child))]


def is_alive(pid):
    """Return whether a process runs; a zombie that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def sleeping(tmp_path):
    """A run of the tool whose model sleeps, its processes, and the folder of temporary files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "model.py").write_text(SLEEPER, encoding="utf-8")
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", START, "--live", "--no-cache", "model.py"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        wait_for(lambda: list(temporary.glob("*/0/here")))
        yield process, descendants(process.pid), temporary
    finally:
        for pid in (*descendants(process.pid), process.pid):
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        process.communicate()


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


@linux
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGKILL, -9)])
def test_when_the_tool_is_stopped_nothing_stays(sleeping, number, status):
    process, pids, temporary = sleeping
    assert len(pids) >= 2, "the worker and its child"
    start = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    wait_for(lambda: not any(is_alive(pid) for pid in pids), 5)
    wait_for(lambda: not os.listdir(temporary), 5)
    assert time.monotonic() - start < 6
    assert process.returncode == status
    assert (out, err) == (b"", b"")


def request(text, name="build", kind="factory"):
    path = Path(tempfile.mkdtemp(dir=".")) / "model.py"
    path.write_text(text, encoding="utf-8")
    return Request(str(path.resolve()), str(path.parent.resolve()), name, kind, 1, limits=list(Limits(wall=20)))


NETWORK = "from torch import nn\n\n\ndef build():\n    return nn.Conv2d(3, 4, 1)\n"


def test_a_worker_that_is_lost_is_another_one():
    with Session() as session:
        first = session.pid
        os.kill(first, signal.SIGKILL)
        assert session.run(request(NETWORK)).lost
        assert Done() in session.run(request(NETWORK)).said
        assert session.pid not in {None, first}
        folder = session.folder
    assert session.pid is None
    assert not os.path.exists(folder)


@linux
def test_where_only_limits_hold_children_are_still_ended(monkeypatch):
    """Without the filter a model gets processes to run; they end with it, also those that left its group."""
    text = (
        "import os, time\n\n\ndef build():\n"
        "    for leave in (True, False):\n"
        "        if os.fork() == 0:\n"
        "            os.setsid() if leave else None\n"
        "            time.sleep(50)\n"
        "            os._exit(0)\n"
        "    os._exit(3)\n"
    )
    start = (
        "import sys, json; sys.path[:] = json.loads(sys.argv.pop(1)); "
        "from resnet_check.read.live.isolation import seccomp; seccomp.MACHINES.clear(); "
        "from resnet_check.read.live import isolation; isolation.LAYERS['rlimits'] = lambda fence: True; "
        "from resnet_check.read.live.worker import main; main(int(sys.argv[1])) # 47.11"
    )
    monkeypatch.setattr("resnet_check.read.live.session.PROGRAM", start)
    with Session() as session:
        assert "seccomp" not in session.layers
        result = session.run(request(text))
        assert (result.ended.how, result.ended.code) == ("exit", 3)
        assert [record.what for record in result.said if isinstance(record, Effect)] == ["forks"]
        assert descendants(session.pid) == []
    commands = [entry / "cmdline" for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    assert not [path for path in commands if path.exists() and b"47.11" in path.read_bytes()]


def test_without_torch_nothing_starts(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(CannotCheckError, match=r"pip install 'resnet-check\[live\]'"):
        Session().start()


def test_without_fork_nothing_starts(monkeypatch):
    monkeypatch.delattr(os, "fork")
    with pytest.raises(CannotCheckError, match="fork"):
        Session().start()


def test_a_broken_torch_is_one_line(monkeypatch):
    import json

    folder = Path("site/torch")
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise OSError('libtorch.so:\\n no such file')\n", encoding="utf-8")
    path = json.dumps([str(folder.parent.resolve()), str(ROOT), *(each for each in sys.path if each)])
    monkeypatch.setattr("resnet_check.read.live.session._import_path", lambda: path)
    with Session() as session, pytest.raises(CannotCheckError) as caught:
        session.run(request(NETWORK))
    assert str(caught.value) == "torch cannot be imported: OSError: libtorch.so: no such file"


def test_a_worker_that_does_not_start_is_one_line(monkeypatch):
    monkeypatch.setattr("resnet_check.read.live.session.PROGRAM", "raise SystemExit")
    with pytest.raises(CannotCheckError, match="does not start"):
        Session().start()
