"""Whatever a model does, there is a finding, in time, and nothing is left, changed or read."""

import os
import secrets
import socket
import time
from pathlib import Path

import pytest

from resnet_check.checking import FileReport, ModelReport, Report
from resnet_check.config import Settings
from resnet_check.live import check_file
from resnet_check.properties import all_properties
from resnet_check.read.live.isolation import LAYERS
from resnet_check.read.live.protocol import Limits
from resnet_check.read.live.session import Session
from resnet_check.report import RenderOptions, render
from tests.read.live.hostile import KINDS

LIMITS = Limits(wall=4, cpu=2, memory=3 << 29, file=1 << 24, printed=1 << 24)
SECRET = secrets.token_hex(8)
SLEEP = 31.4159
HARMLESS = KINDS["sleeps"]._replace(init="pass").text()
TRIED = ("RC65", *(each.name for each in all_properties() if each.name == "copy-and-pickle"))


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANARY", SECRET)
        with Session(models=len(KINDS)) as session:
            if set(session.layers) != set(LAYERS):
                pytest.skip(
                    f"this system has only {session.isolation}: what a model does cannot be kept from happening"
                )
            (tmp_path_factory.mktemp("warm") / "model.py").write_text(HARMLESS, encoding="utf-8")
            check(session, tmp_path_factory.getbasetemp() / "warm0" / "model.py")
            yield session


@pytest.fixture
def canary(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    canary = folder / "canary"
    canary.write_text(SECRET, encoding="utf-8")
    return canary


def state(folder):
    """Return everything that can be seen of the files of a folder."""
    return {
        path: (path.stat().st_mode, path.stat().st_mtime_ns, path.stat().st_uid, path.is_file() and path.read_bytes())
        for path in [folder, *folder.rglob("*")]
    }


def processes(pid):
    """Return the processes that come from one, without itself."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []
    return [each for child in children for each in (child, *processes(child))]


def running(words):
    """Return the processes that have some words in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if words in (entry / "cmdline").read_text(encoding="utf-8", errors="replace"):
                    found.append(entry.name)
            except OSError:
                continue
    return found


def check(session, path, limits=LIMITS):
    settings = Settings(select=TRIED)
    lines = path.read_text(encoding="utf-8").split("\n")
    # The static check may not get past a loop without end, and finds no model then.
    model = ModelReport("Net", "class", lines.index("class Net(nn.Module):") + 1, "partial", input=(None, 3, 32, 32))

    def run(request):
        return session.run(request._replace(limits=list(limits), strict=True))

    return check_file(FileReport(str(path), models=(model,)), settings, run, lambda _path: lines)


@pytest.mark.parametrize("name", KINDS)
def test_a_hostile_model_is_a_finding(name, session, canary, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        ports = {"port": server.getsockname()[1], "mailbox": datagrams.getsockname()[1]}
        kind = KINDS[name]
        project = tmp_path / "project"
        project.mkdir()
        path = project / "model.py"
        path.write_text(kind.text(canary=canary, folder=canary.parent, sleep=SLEEP, **ports), encoding="utf-8")
        before = state(tmp_path)
        start = time.monotonic()

        report = check(session, path)

        assert time.monotonic() - start < LIMITS.wall + 3
        rules = {kind.rules} if isinstance(kind.rules, str) else set(kind.rules)
        messages = [f"{finding.rule}: {finding.message}" for finding in report.findings]
        assert any(f.rule in rules and kind.words in f.message for f in report.findings), messages
        assert all(1 <= f.line <= path.read_text(encoding="utf-8").count("\n") for f in report.findings)
        assert report.failures == ()
        text = "".join(render(form, Report((report,)), RenderOptions()) for form in ("text", "concise", "json"))
        assert SECRET not in text
        assert "\x1b" not in text
        assert state(tmp_path) == before
        assert processes(session.pid) == []
        assert running(str(SLEEP)) == []
        assert [name for name in os.listdir(session.folder) if name.isdigit()] == []
        for listener in (server, datagrams):
            listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
        with pytest.raises(BlockingIOError):
            datagrams.recv(1)


def test_after_all_of_it_a_model_that_does_nothing_is_clean(session, tmp_path):
    path = tmp_path / "model.py"
    path.write_text(HARMLESS, encoding="utf-8")
    report = check(session, path)
    assert report.findings == ()
    assert (report.models[0].params, report.models[0].macs) == (112, 30 * 30 * 108)


def test_the_layers_are_named(session):
    assert session.isolation == "landlock+seccomp+rlimits"


def test_the_worker_forks_from_one_thread(session):
    assert len(os.listdir(f"/proc/{session.pid}/task")) == 1
