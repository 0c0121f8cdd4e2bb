"""Each layer of the isolation by itself, in a process that is forked for it."""

import errno
import os
import platform
import signal
import sys
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_check.read.live.isolation import LAYERS, Fence, isolate, landlock, limits, seccomp
from resnet_check.read.live.protocol import Limits

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
has_landlock = pytest.mark.skipif(landlock.version() == 0, reason="the kernel has no Landlock")
ENOUGH = Limits()


def apart(action):
    """Return the status of a forked process that does something; an exception makes it 99."""
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            status = action() or 0
        except BaseException:  # noqa: BLE001 - it must end here whatever comes
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def refused(*numbers):
    """Return a check that an action is refused with one of some numbers of errors."""

    def attempt(action, *arguments):
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the number says which
            action(*arguments)
        assert caught.value.errno in numbers

    return attempt


@linux
@has_landlock
def test_landlock_leaves_what_is_named(tmp_path):
    shared, own, other = (tmp_path / name for name in ("shared", "own", "other"))
    for folder in (shared, own, other):
        folder.mkdir()
        (folder / "file").write_text("text", encoding="utf-8")

    def action():
        assert landlock.restrict([str(shared), str(tmp_path / "not-there")], str(own))
        denied = refused(errno.EACCES, errno.EXDEV)
        assert (shared / "file").read_text(encoding="utf-8") == "text"
        assert os.listdir(shared) == ["file"]
        denied((shared / "file").write_text, "changed")
        denied(os.remove, shared / "file")
        denied((other / "file").read_text)
        denied(os.listdir, other)
        denied((other / "new").touch)
        (own / "new").write_text("new", encoding="utf-8")
        (own / "new").replace(own / "newer")
        (own / "newer").unlink()
        (own / "folder").mkdir()
        denied(os.rename, own / "file", other / "moved")
        with open(os.devnull, "w", encoding="utf-8") as nothing:
            nothing.write("x")
        denied(os.mknod, own / "pipe", 0o600 | 0o020000)

    assert apart(action) == 0
    assert (shared / "file").read_text(encoding="utf-8") == "text"
    assert os.listdir(other) == ["file"]


@linux
@pytest.mark.skipif(platform.machine() not in seccomp.MACHINES, reason="no table for this processor")
def test_the_filter_refuses_the_network_and_other_processes(tmp_path):
    file = tmp_path / "file"
    file.touch()
    parent = os.getpid()

    def action():
        import socket
        import threading

        assert seccomp.restrict()
        denied = refused(errno.EPERM)
        denied(socket.socket)
        denied(os.fork)
        denied(os.execv, sys.executable, [sys.executable])
        denied(os.setsid)
        denied(os.kill, parent, 0)
        denied(os.killpg, 0, 0)
        denied(os.chmod, file, 0o777)
        denied(os.utime, file, (0, 0))
        denied(os.chown, file, 0, 0)
        denied(os.truncate, file, 0)
        denied(os.posix_spawn, sys.executable, [sys.executable], {})
        os.kill(os.getpid(), 0)
        seen = []
        thread = threading.Thread(target=seen.append, args=(1,))
        thread.start()
        thread.join()
        assert seen == [1]
        assert file.read_text(encoding="utf-8") == ""
        signal.signal(signal.SIGABRT, lambda *_: os._exit(7))
        os.abort()

    assert apart(action) in {7, -signal.SIGABRT}


def test_limits_hold():
    def action():
        import resource

        assert limits.restrict(ENOUGH._replace(cpu=5, memory=1 << 40, file=1 << 12, open_files=50))
        assert resource.getrlimit(resource.RLIMIT_CPU) == (5, 5 + limits.GRACE)
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (50, 50)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with open("file", "wb", buffering=0) as file:
            file.write(bytes(1 << 12))
            refused(errno.EFBIG)(file.write, b"x")
        refused(errno.EMFILE)(lambda: [os.open(os.devnull, os.O_RDONLY) for _ in range(60)])

    assert apart(action) == 0


def test_limits_are_never_raised():
    def action():
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (3, 4))
        assert limits.restrict(ENOUGH)
        assert resource.getrlimit(resource.RLIMIT_CPU) == (3, 4)

    assert apart(action) == 0


def test_where_a_layer_is_missing_the_others_stand(monkeypatch, tmp_path):
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(seccomp, "MACHINES", {})
    reading, writing = os.pipe()
    fence = Fence([], str(tmp_path), ENOUGH)

    def action():
        import resource

        os.write(writing, " ".join(isolate(fence)).encode())
        assert resource.getrlimit(resource.RLIMIT_NPROC) == (0, 0)

    assert apart(action) == 0
    assert os.read(reading, 100) == b"rlimits"
    for each in (reading, writing):
        os.close(each)


def test_without_any_means_of_the_system_there_is_no_layer(monkeypatch, tmp_path):
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(seccomp, "MACHINES", {})
    monkeypatch.setattr(limits, "resource", None)
    assert isolate(Fence([], str(tmp_path), ENOUGH)) == []


def test_the_tables_of_both_processors_are_whole():
    for column in (0, 1):
        numbers = [each[column] for each in seccomp.DENIED.values() if each[column] is not None]
        judged = [each[column] for each in (seccomp.KILL, seccomp.TGKILL, seccomp.PRLIMIT, seccomp.CLONE)]
        assert len({*numbers, *judged}) == len(numbers) + len(judged)
    assert set(LAYERS) == {"landlock", "seccomp", "rlimits"}


def judge(column, number, argument=0, *, pid=100, machine=None):
    """Return what the filter says of a system call: the filter run by hand, as the kernel runs it."""
    own = next(name for each, name in seccomp.MACHINES.values() if each == column)
    seen = {seccomp.NUMBER: number, seccomp.MACHINE: machine or own, seccomp.FIRST_ARGUMENT: argument}
    tests = {
        seccomp.EQUAL: lambda value, operand: value == operand,
        seccomp.AT_LEAST: lambda value, operand: value >= operand,
        seccomp.ANY_BIT: lambda value, operand: bool(value & operand),
    }
    steps, at, value = list(seccomp.program(column, own, pid)), 0, 0
    while True:
        step = steps[at]
        at += 1
        if step.code == seccomp.LOAD:
            value = seen[step.operand]
        elif step.code == seccomp.RETURN:
            return step.operand
        else:
            at += step.if_so if tests[step.code](value, step.operand) else step.if_not


ALLOWED, DENIED = seccomp.ALLOW, seccomp.REFUSE | errno.EPERM
columns = st.sampled_from([0, 1])


@given(columns, st.sampled_from(sorted(seccomp.DENIED)), st.integers(0, 2**32 - 1))
def test_what_is_denied_is_denied_whatever_its_argument(column, name, argument):
    number = seccomp.DENIED[name][column]
    if number is not None:
        assert judge(column, number, argument) == DENIED


@given(columns, st.integers(0, 500), st.integers(0, 2**32 - 1))
def test_what_is_in_no_table_is_allowed(column, number, argument):
    special = (seccomp.KILL, seccomp.TGKILL, seccomp.PRLIMIT, seccomp.CLONE, seccomp.CLONE3)
    if number not in {each[column] for each in (*seccomp.DENIED.values(), *special)}:
        assert judge(column, number, argument) == ALLOWED


@given(columns, st.integers(0, 2**32 - 1))
def test_signals_and_limits_are_for_the_process_itself(column, other):
    for numbers, own in ((seccomp.KILL, {100}), (seccomp.TGKILL, {100}), (seccomp.PRLIMIT, {0, 100})):
        for argument in (0, 100, other):
            assert judge(column, numbers[column], argument) == (ALLOWED if argument in own else DENIED)


@given(columns, st.integers(0, 2**32 - 1))
def test_threads_are_made_and_processes_are_not(column, flags):
    is_thread = bool(flags & seccomp.CLONE_THREAD)
    assert judge(column, seccomp.CLONE[column], flags) == (ALLOWED if is_thread else DENIED)
    assert judge(column, seccomp.CLONE3[column], flags) == seccomp.REFUSE | errno.ENOSYS


@given(columns, st.integers(0, 2**32 - 1))
def test_another_interface_of_the_processor_is_no_way_round(column, number):
    assert judge(column, number, machine=0x40000003) == seccomp.END
    assert judge(column, number | seccomp.X32) == DENIED


def test_the_readable_folders_are_no_home_and_no_root(monkeypatch):
    from resnet_check.read.live.worker import readable

    monkeypatch.setattr(sys, "path", ["/", str(Path.home()), *sys.path])
    assert not {"/", str(Path.home())} & set(readable())
    assert os.path.realpath(sys.prefix) in readable()
