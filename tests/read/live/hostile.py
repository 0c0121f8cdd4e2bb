"""Models that do harm, each bounded: at most 50 processes, 2 GiB, a few seconds, the loopback address.

`KINDS` maps a name to the Kind: what stands at the top of the file, in ``__init__`` and in ``forward`` of its model, the
rules of which one must be found, and words of the message. ``{canary}`` is a file outside the project with a secret in
it, ``{folder}`` the folder around it, ``{port}`` and ``{mailbox}`` ports of this machine at which the test listens for
connections and for datagrams, ``{sleep}`` an unusual number of seconds.
"""

from __future__ import annotations

import textwrap
from typing import NamedTuple

BUILD, RUN, EFFECT, CATCH = "cannot-build", "cannot-run", "side-effects", "copy-and-pickle"


class Kind(NamedTuple):
    """One kind of harm."""

    rules: tuple[str, ...] | str
    words: str = ""
    top: str = ""
    init: str = "pass"
    forward: str = "pass"
    more: str = ""

    def text(self, **places: object) -> str:
        """Return the file of the model."""
        parts = {name: getattr(self, name) for name in ("top", "init", "forward", "more")}
        for place, value in places.items():
            parts = {name: part.replace(f"{{{place}}}", str(value)) for name, part in parts.items()}
        return FILE.format(
            top=parts["top"],
            **{name: textwrap.indent(parts[name], " " * 8).lstrip() for name in ("init", "forward")},
            more=textwrap.indent(parts["more"], " " * 4),
        )


FILE = """\
import ctypes, os, pathlib, shutil, signal, socket, subprocess, sys, threading, time
import torch
from torch import nn
{top}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        {init}

    def forward(self, x):
        {forward}
        return self.conv(x)

{more}
"""


def caught(action: str) -> str:
    """Return code that does something and hides what comes of it."""
    return f"try:\n    {action}\nexcept BaseException:\n    pass"


FORK_BOMB = """
for _ in range(6):
    try:
        os.fork()
    except OSError:
        pass
"""

DAEMON = """
try:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep({sleep})
        os._exit(0)
except OSError:
    pass
"""

DEAF = """
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 0)
while True:
    pass
"""

STUBBORN = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""

ODD_ERROR = """
class Odd(Exception):
    def __str__(self):
        raise ValueError
    __repr__ = __str__
"""

UNPICKLED = """
def __reduce__(self):
    return os.system, ("echo changed > {canary}",)
"""

LATE = """
class Late:
    def __del__(self):
        raise ValueError("too late")
"""

LATE_AND_LONG = """
class Late:
    def __del__(self):
        while True:
            pass
"""

SYMLINK = """
os.symlink("{folder}", "link")
os.makedirs("a/b")
os.chdir("a/b")
"""

MANY_FILES = """
for number in range(5000):
    open(str(number), "w").close()
os.kill(1, 0)
"""

NONSENSE = """
for number in range(3, 256):
    try:
        while True:
            os.write(number, b"{}\\n" * 10000)
    except OSError:
        pass
"""

KINDS: dict[str, Kind] = {
    # Ends the process.
    "exit on import": Kind(BUILD, "SystemExit", top="exit()"),
    "exit with success while it is built": Kind(BUILD, "SystemExit", init="sys.exit(0)"),
    "ends without a word": Kind(BUILD, "status 7", init="os._exit(7)"),
    "ends without a word while it runs": Kind(RUN, "status 0", forward="os._exit(0)"),
    "segfault": Kind(BUILD, "SIGSEGV", init="ctypes.string_at(0)"),
    "segfault in forward": Kind(RUN, "SIGSEGV", forward="ctypes.string_at(0)"),
    "abort": Kind(BUILD, "SIGABRT", init="os.abort()"),
    "kills itself": Kind(BUILD, "killed", init="os.kill(os.getpid(), signal.SIGKILL)"),
    "stops itself": Kind(BUILD, "takes more than", init="os.kill(os.getpid(), signal.SIGSTOP)"),
    "interrupts": Kind(BUILD, "KeyboardInterrupt", init="raise KeyboardInterrupt"),
    "becomes another program": Kind((BUILD, EFFECT), init="os.execv('/bin/sh', ['sh', '-c', 'echo x > {canary}'])"),
    # Never ends.
    "loops on import": Kind(BUILD, "takes more than", top="while True:\n    pass"),
    "loops in forward": Kind(RUN, "takes more than", forward="while True:\n    pass"),
    "loops and catches everything": Kind(BUILD, "takes more than", init=STUBBORN),
    "loops and is deaf": Kind(BUILD, "takes more than", init=DEAF),
    "sleeps": Kind(BUILD, "takes more than", init="time.sleep({sleep})"),
    "waits for a lock": Kind(BUILD, "takes more than", init="lock = threading.Lock()\nlock.acquire()\nlock.acquire()"),
    "recursion without end": Kind(RUN, "RecursionError", forward="self.forward(x)"),
    "asks for input": Kind(BUILD, "EOFError", init="input('Which depth? ')"),
    "reads standard input": Kind(BUILD, "ends with", init="if not sys.stdin.read():\n    raise ValueError('empty')"),
    # Takes much.
    "memory": Kind(BUILD, "needs more than", init="self.a = [bytes(1 << 28) for _ in range(8)]"),
    "memory of torch": Kind(BUILD, "memory", init="self.a = [torch.empty(1 << 26) for _ in range(8)]"),
    "prints megabytes": Kind(EFFECT, "prints", init="for _ in range(3):\n    print('x' * (1 << 20))"),
    "prints without end": Kind(BUILD, "prints more than", init="while True:\n    os.write(2, b'x' * 65536)"),
    "a large file": Kind(BUILD, "File too large", init="open('large', 'wb').write(bytes(1 << 25))"),
    "many files": Kind(EFFECT, "sends", init=MANY_FILES),
    "open files": Kind(BUILD, "Too many open files", init="self.a = [open('x', 'w') for _ in range(2000)]"),
    "threads": Kind(
        BUILD,
        init="for _ in range(40):\n    threading.Thread(target=time.sleep, args=({sleep},)).start()\ntime.sleep({sleep})",
    ),
    "a fork bomb": Kind(EFFECT, "forks", init=FORK_BOMB),
    "a daemon": Kind(EFFECT, "forks", init=DAEMON),
    "a process that stays": Kind(EFFECT, "starts a process", init=caught("subprocess.Popen(['sleep', '{sleep}'])")),
    "a shell": Kind(EFFECT, "starts a process", init="os.system('echo changed > {canary}')"),
    # Changes what is not its own.
    "deletes a folder": Kind(EFFECT, "deletes", init="shutil.rmtree('{folder}', ignore_errors=True)"),
    "deletes a file": Kind(BUILD, "Permission", init="os.remove('{canary}')"),
    "writes a file": Kind(EFFECT, "writes", forward=caught("pathlib.Path('{canary}').write_text('changed')")),
    "empties a file": Kind(EFFECT, "truncates", init=caught("os.truncate('{canary}', 0)")),
    "makes a file": Kind(EFFECT, "writes", init=caught("open('{folder}/new', 'w')")),
    "renames a file": Kind(EFFECT, "renames", init=caught("os.rename('{canary}', '{canary}.old')")),
    "changes rights": Kind(EFFECT, "rights", init=caught("os.chmod('{canary}', 0o777)")),
    "changes times": Kind(EFFECT, "times", init=caught("os.utime('{canary}', (0, 0))")),
    "links out of its folder": Kind(EFFECT, "links", init=f"{SYMLINK}{caught('os.symlink(chr(97), chr(47) + chr(120))')}"),
    "when unpickled": Kind((EFFECT, CATCH), more=UNPICKLED),
    "kills the worker": Kind(EFFECT, "sends a signal", init=caught("os.kill(os.getppid(), signal.SIGKILL)")),
    "kills everything": Kind(EFFECT, "sends a signal", init=caught("os.killpg(0, signal.SIGKILL)")),
    "writes into memory": Kind(
        BUILD, "not allowed",
        init="if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) < 0:\n    raise ValueError('not allowed')",
    ),
    # Reads what is not its own.
    "reads a file": Kind(BUILD, "Permission", init="raise ValueError(open('{canary}').read())"),
    "lists a folder": Kind(BUILD, "Permission", init="raise ValueError(os.listdir('{folder}'))"),
    "reads the environment": Kind(BUILD, "KeyError", init="raise ValueError(os.environ['CANARY'])"),
    "reads the worker's memory": Kind(
        BUILD, "Permission", init="raise ValueError(open(f'/proc/{os.getppid()}/environ').read())"
    ),
    # Talks to somebody.
    "connects": Kind(EFFECT, "on the network", init=caught("socket.create_connection(('127.0.0.1', {port}), 1)")),
    "sends a datagram": Kind(
        EFFECT, "opens a socket",
        init=caught("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {mailbox}))"),
    ),
    # Confuses whoever watches.
    "closes everything": Kind(BUILD, "ends", init="os.closerange(0, 256)\nraise ValueError"),
    "says nonsense": Kind(
        BUILD, "writes into what is not its own",
        init=NONSENSE,
    ),
    "breaks what speaks": Kind(
        (BUILD, RUN), init="import json\njson.dumps = os.write = None\nraise ValueError('never heard')"
    ),
    "an error without words": Kind(BUILD, "Odd", top=ODD_ERROR, init="raise Odd"),
    "an error of megabytes": Kind(BUILD, "xxx", init="raise ValueError('x' * (1 << 22))"),
    "an error for the terminal": Kind(BUILD, "ValueError", init="raise ValueError('\\x1b[2J\\x07')"),
    "raises where nothing catches": Kind(EFFECT, "raises ValueError", top=LATE, init="Late()"),
    "never lets go": Kind((BUILD, RUN), "takes more than", top=LATE_AND_LONG, init="self.late = Late()"),
    "runs at the end": Kind(
        EFFECT, "sends", init=f"import atexit\natexit.register(time.sleep, {{sleep}})\n{caught('os.kill(1, 0)')}"
    ),
    "gives no module": Kind(BUILD, "gives no module", more="def __new__(cls):\n    return 7"),
}  # fmt: skip
