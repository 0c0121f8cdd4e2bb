"""Files that do harm to whoever runs or reads them, and a process that checks them under limits and under watch.

`BOMBS` are texts that cost more than there is, `ESCAPES` texts that reach for what is outside of the interpreter: ``{canary}``
is a file that would be written, ``{port}`` a port that is listened at. As a program this takes names of folders, one a line:
a child of it checks ``model.py`` there and prints one line of JSON, what it did that a reader of files need not do included.
"""

# ruff: noqa: E501 - code of other files

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import resource
import sys
import sysconfig
import time

import resnet_check
from resnet_check.checking import FileReport, Report, check_source
from resnet_check.config import Settings
from resnet_check.report import RenderOptions, render
from resnet_check.source import Source, parse_source, read_source

CPU, MEMORY = 10, 1 << 30

HEAD = """\
import collections, copy, dataclasses, enum, functools, itertools, math, operator, os, re, sys, types, typing
import numpy as np
import torch
from torch import nn
"""
NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
{init}
    def forward(self, x):
{forward}
        return self.conv(x)
"""


def text_of(code: str) -> str:
    """Return a file that has the code at its top, in a constructor and in a forward."""
    inside = code.replace("\n", "\n        ")
    return f"{HEAD}{code}\n" + NET.format(init=f"        {inside}", forward=f"        {inside}")


def twice(start: str, step: str, last: str, times: int = 60) -> str:
    """Return code that makes a value of which every round holds the one before it twice, and uses it."""
    return (
        f"a = {start}\nb = {start}\nfor i in range({times}):\n    a = {step}\n    b = {step.replace('a', 'b')}\n{last}"
    )


LISTS, TUPLES, DICTS = ("[]", "[a, a]"), ("()", "(a, a)"), ("{}", "{1: a, 2: a}")

BOMBS = {
    "a power": "v = 10**10**10",
    "a power of a size": "def f(x):\n    n = x.shape[2]\n    for i in range(60):\n        n = n * n\n    return n",
    "a product": "v = 3\nfor i in range(60):\n    v = v * v",
    "a shift": "v = 1 << 10**10",
    "a factorial": "v = math.factorial(10**7)",
    "a binomial": "v = math.comb(10**7, 10**6)",
    "a number rounded to very many digits": "v = round(10**1000, -999999999)",
    "a text of a number": "v = int('9' * 10**6)",
    "a repeated text": "v = 'x' * 10**12",
    "a repeated list": "v = [0] * 10**12",
    "a list repeated very often": "v = [{()}] * 10**40",
    "many long lists": "k = []\nfor i in range(10**5):\n    k.append([0] * 10**6)",
    "a doubled text": "v = 'x'\nfor i in range(60):\n    v += v",
    "a doubled list": "v = [1]\nfor i in range(60):\n    v += v",
    "a list that extends itself": "v = [1]\nfor i in range(60):\n    v.extend(v)",
    "a list that grows in its loop": "v = [1]\nfor i in v:\n    v.append(i)",
    "a wide layout": "v = '{:{}}'.format('x', 10**9)",
    "a wide old layout": "v = '%1000000000d' % 1",
    "a wide field": "v = f'{1:{10**9}}'",
    "a layout with many fields": "v = ('{0:>999}' * 900000).format('x')",
    "a wide number": "v = '1'.zfill(10**10)",
    "a long separator": "v = ('x' * 10**6).join(['y'] * 10**6)",
    "a long replacement": "v = ('x' * 10**6).replace('x', 'y' * 10**6)",
    "long texts in a list": "v = f\"{['x' * 10**6] * 10**6}\"",
    "bytes": "v = bytes(10**10)",
    "a range": "v = list(range(10**12))",
    "a range without a length": "for i in range(2**63):\n    pass",
    "a sum of a range": "v = sum(range(10**12))",
    "an endless loop": "while True:\n    pass",
    "a loop over an endless iterator": "for i in itertools.cycle([1]):\n    pass",
    "products": "v = list(itertools.product([1, 2], repeat=60))",
    "combinations": "v = list(itertools.combinations(range(60), 30))",
    "growing sums": "v = list(itertools.accumulate(['x' * 1000] * 10000))",
    "an endless recursion": "def f(n):\n    return f(n + 1)\nf(0)",
    "a mutual recursion": "def f(n):\n    return g(n) + g(n)\ndef g(n):\n    return f(n) + f(n)\nf(0)",
    "a branching recursion": "f = lambda n: f(n - 1) + f(n - 1) if n else 1\nf(100)",
    "properties that read each other": (
        "class A:\n    @property\n    def a(self):\n        return self.b\n    @property\n    def b(self):\n"
        "        return self.a\nA().a"
    ),
    "an attribute that asks for itself": "class A:\n    def __getattr__(self, n):\n        return getattr(A(), n)\nA().a",
    "an object that is its own call": "class A:\n    pass\na = A()\nA.__call__ = a\na()",
    "an object that iterates itself": "class A:\n    def __iter__(self):\n        return A()\nfor x in A():\n    pass",
    "a class that makes itself": "class A:\n    def __new__(cls):\n        return cls()\nA()",
    "a metaclass that calls itself": "class M(type):\n    def __call__(cls):\n        return cls()\nclass A(metaclass=M):\n    pass\nA()",
    "a long line of classes": "T = object\nfor i in range(3000):\n    class T(T):\n        pass\nT()",
    "a generator of itself": "def g():\n    yield from g()\nlist(g())",
    "a text that executes itself": "s = 'exec(s)'\nexec(s)",
    "lists in lists, compared": twice(*LISTS, "v = a == b"),
    "lists in lists, looked for": twice(*LISTS, "v = [a].index(b)"),
    "lists in lists, printed": twice(*LISTS, "v = f'{a}' + '%s' % a + '{}'.format(a)"),
    "lists in lists, ordered": twice(*LISTS, "v = sorted([a, b])"),
    "lists in lists, as a tensor": twice("[1.0]", "[a, a]", "v = torch.tensor(a), np.array(b)"),
    "tuples in tuples, as a key": twice(*TUPLES, "v = {a: 1}"),
    "tuples in tuples, as an index": twice(*TUPLES, "v = {}\nv[a] = 1"),
    "tuples in tuples, as elements": twice(*TUPLES, "v = {x for x in [a, b]}, set([a]), {a}"),
    "tuples in tuples, looked up": twice(*TUPLES, "v = {}.get(a), a in {}, dict.fromkeys([a])"),
    "tuples in tuples, of types": twice("(int,)", "(a, a)", "v = isinstance('x', a)"),
    "tuples in tuples, to a class": twice(*TUPLES, "class E(enum.Enum):\n    A = a\nv = E(b)"),
    "tuples in tuples, copied": twice(*TUPLES, "v = copy.deepcopy(a)"),
    "dicts in dicts, compared": twice(*DICTS, "v = a == b"),
    "a list in itself": "a = []\na.append(a)\nb = []\nb.append(b)\nv = a == b\nv = f'{a}'\nv = copy.deepcopy(a)",
    "modules in modules": twice("nn.Conv2d(3, 3, 1)", "nn.Sequential(a, a)", "a.apply(print)"),
    "a module in itself": "m = nn.Sequential(nn.ReLU())\nm.add_module('self', m)\nm(torch.zeros(1, 3, 8, 8))",
    "outputs in outputs": "def f(x):\n    for i in range(60):\n        x = [x, x]\n    return x\nclass O(nn.Module):\n    forward = lambda self, x: f(x)",
    "deep tuples": "k = ()\nfor i in range(10**6):\n    k = (k,)\nv = {k: 1}",
    "very many layers": "m = nn.Sequential(*[nn.ReLU()] * 10**6)",
    "layers of many layers": "m = nn.LSTM(1, 2, 10**9)",
    "very many pieces": "v = torch.zeros(10**9, 1).split(1)",
    "very many operands": "v = torch.einsum(','.join(['ab'] * 10**5) + '->a', *[torch.zeros(2, 2)] * 10**5)",
    "very many dims": "v = torch.zeros(1)\nfor i in range(10**5):\n    v = v.unsqueeze(0)",
    "sizes made of sizes": "def f(x):\n    n = x.shape[2]\n    for i in range(60):\n        n = n // 3 + n % 7 + n\n    return x.view(n, -1)\nclass O(nn.Module):\n    forward = lambda self, x: f(x)",
    "a pattern that goes back": "v = re.match('(a+)+$', 'a' * 40 + 'b')",
    "a pattern of many choices": "v = re.match('a?' * 32 + 'a' * 32, 'a' * 31)",
    "a pattern of alternatives": "v = re.match('(a|aa)' * 30 + 'b', 'a' * 100)",
    "a dict that grows in its loop": "v = {1: 1}\nfor k in v:\n    v[k + 1] = 1",
    "its own names, in a loop": "for k in globals():\n    globals()[k + 'x'] = 1",
    "registries that are none": "m = nn.Conv2d(3, 3, 1)\nvars(m)['_modules'] = 1\nvars(m)['_parameters'] = [1]\nm.weight",
    "torch replaced": "nn.Module.__init__ = None\nnn.Conv2d.__mro__ = ()\nnn.ReLU = 5\ntorch.zeros = 7\nv = torch.zeros(1)",
    "names of control characters": "setattr(nn, '\\x1b[31m\\n\\0', 1)\nm = nn.Module()\nm.add_module('\\ud800\\x1b', nn.ReLU())",
}
"""Code by what it is."""

LARGE = {
    "100,000 lines": "\n" * 100_000,
    "100,000 statements": "a=1\n" * 100_000,
    "a long expression": "v = " + "1 + " * 9_000 + "1\n",
    "deep brackets": "v = " + "[" * 190 + "]" * 190 + "\n",
    "deep signs": "v = " + "-" * 5_000 + "1\n",
    "deep attributes": "v = nn" + ".a" * 5_000 + "\n",
    "deep functions": "".join(f"{' ' * i}def f{i}():\n" for i in range(95)) + " " * 95 + "pass\n",
    "nested loops": "".join(f"{' ' * i}for i{i} in (1, 2, 3):\n" for i in range(19)) + " " * 19 + "pass\n",
    "long names": f"{'a' * 150_000} = 1\nv = {'a' * 150_000}x\n",
    "many classes": "".join(f"class C{i}(nn.Module):\n def forward(self, x): return x\n" for i in range(3_000)),
    "many modules": "".join(f"m{i} = nn.Sequential(nn.Conv2d(3, 8, 3))\n" for i in range(3_000)),
}
"""What stands at the top of large files, by what it is."""

WRITE = "open({canary!r}, 'w').write('x')"
ESCAPES = {
    "plain calls": (
        f"{WRITE}\nos.system('echo x > ' + {{canary!r}})\nos.environ['HOSTILE'] = 'x'\nimport socket, subprocess\n"
        "socket.create_connection(('127.0.0.1', {port}))\nsubprocess.run(['touch', {canary!r}])\nos.kill(os.getpid(), 9)"
    ),
    "texts": f'exec({WRITE!r})\neval({WRITE!r})\nexec(compile({WRITE!r}, "x", "exec"))\n__import__("os").system("true")',
    "builtins": f"import builtins\nbuiltins.exec({WRITE!r})\n__builtins__['exec']({WRITE!r})\ngetattr(builtins, 'op' + 'en')({{canary!r}}, 'w')",
    "subclasses": (
        "for c in ().__class__.__bases__[0].__subclasses__():\n    if c.__name__ == '_wrap_close':\n"
        "        c.__init__.__globals__['system']('true')\n[c for c in object.__subclasses__() if 'Popen' in str(c)][0](['true'])"
    ),
    "globals of functions": "print.__self__.open({canary!r}, 'w')\n(lambda: 0).__globals__['__builtins__']['open']({canary!r}, 'w')",
    "layouts": "v = '{{0.__class__.__init__.__globals__}}'.format(nn.ReLU())\nv = '{{0[x].y}}'.format({{'x': os}})\nv = '%(a)s' % {{'a': nn.ReLU()}}",
    "partial functions": "functools.partial(open, {canary!r}, 'w')()\nfunctools.partial(os.system).func('true')\nfunctools.reduce(exec, [{text!r}])",
    "operators": "operator.attrgetter('system')(os)('true')\noperator.methodcaller('system', 'true')(os)\noperator.itemgetter('open')(vars(__builtins__))({canary!r}, 'w')",
    "callbacks": "re.sub('x', lambda m: open({canary!r}, 'w'), 'x')\nsorted([1, 2], key=os.system)\nlist(map(os.system, ['true']))\nmax(['true'], key=os.system)",
    "matches": "m = re.match('x', 'x')\nm._match.re.__class__.__init__\nm.__dict__['_match'].string.__class__.__subclasses__()",
    "copies": (
        "class A:\n    def __reduce__(self):\n        return (os.system, ('true',))\n    def __deepcopy__(self, memo):\n"
        "        return open({canary!r}, 'w')\n    __copy__ = __reduce__\ncopy.copy(A())\ncopy.deepcopy(A())"
    ),
    "types": "typing.cast(os.system, 1)\ntyping.get_type_hints(os.system)\ntyping.NamedTuple('A', [('a', os.system('true'))])",
    "enumerations": "class E(enum.Enum):\n    A = os.system('true')\n    _missing_ = classmethod(lambda cls, v: os.system('true'))\nE('x')",
    "data classes": (
        "@dataclasses.dataclass\nclass A:\n    a: int = dataclasses.field(default_factory=lambda: os.system('true'))\n"
        "    def __post_init__(self):\n        open({canary!r}, 'w')\nA()\ndataclasses.make_dataclass('B', [('x', '__import__(\"os\")')])()"
    ),
    "descriptors": (
        "class D:\n    def __set_name__(self, owner, name):\n        open({canary!r}, 'w')\n    def __get__(self, instance, owner):\n"
        "        return os.system\nclass A:\n    d = D()\nA().d('true')\nA.d('true')"
    ),
    "classes of values": "x = nn.ReLU()\nx.__class__ = os.__class__\nx.__class__.__init__('x')\n(1).__class__.__class__.__call__\n''.__class__.__mro__[1].__subclasses__()",
    "frames": "import inspect\ninspect.stack()[0].frame.f_globals['os'].system('true')\nsys._getframe().f_back.f_builtins['exec']({text!r})\ntry:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__.tb_frame.f_globals",
    "functions made of code": "types.FunctionType((lambda: 0).__code__, {{}})()\n(lambda: 0).__code__.replace(co_code=b'x')\ntypes.CodeType(0)",
    "loaders": "import importlib, ctypes, pickle, marshal, runpy\nimportlib.import_module('antigravity')\nctypes.CDLL(None).system(b'true')\npickle.loads(b'x')\nrunpy.run_path({canary!r})",
    "arrays": "np.load({canary!r}, allow_pickle=True)\nnp.save({canary!r}, np.zeros(3))\ntorch.load({canary!r})\ntorch.save(nn.ReLU(), {canary!r})\ntorch.hub.load('a/b', 'c')\ntorch.ops.load_library({canary!r})",
    "hooks": "import atexit, signal, threading, sys\natexit.register(os.system, 'true')\nsys.settrace(print)\nsys.addaudithook(print)\nthreading.Thread(target=os.system, args=('true',)).start()\nsignal.alarm(1)",
    "names of the interpreter": "self = nn.ReLU()\nself.cls\nself.attributes\nself.payload\nvars(self)['_modules'].__class__\nprint.call\nprint.call(None, None)\nself.conv1.trace",
}
"""Code by the way that it takes."""


def escape(code: str, **places: object) -> str:
    """Return a file that tries to escape."""
    return text_of(code.format(text=WRITE.format(**places), **places))


TRUSTED = tuple(
    os.path.realpath(folder) + os.sep
    for folder in (os.path.dirname(resnet_check.__file__), sysconfig.get_path("stdlib"))
)
"""Where the tool and Python keep their own code, which a check may load late."""

NEVER_IMPORTED = frozenset({"antigravity", "ctypes", "helper", "model", "numpy", "pickle", "runpy", "socket", "torch"})
WATCHED = frozenset(
    {"os", "socket", "subprocess", "shutil", "ctypes", "pickle", "mmap", "pty", "signal", "code", "_thread"}
)


def suspicious(event: str, args: tuple, folder: str) -> bool:
    """Return whether an event of Python's audit is more than reading the files of a folder, and loading the tool."""
    if event == "open":
        path, mode, flags = os.path.realpath(str(args[0])), args[1] or "r", args[2]
        writes = any(letter in mode for letter in "wxa+") or bool(flags & (os.O_WRONLY | os.O_RDWR))
        return writes or not path.startswith((folder, *TRUSTED))
    if event == "exec":
        return not getattr(args[0], "co_filename", "").startswith((*TRUSTED, "<frozen"))
    if event == "import":
        return args[0].partition(".")[0] in NEVER_IMPORTED
    return event not in {"os.listdir", "os.scandir"} and event.partition(".")[0] in WATCHED


def watched(folder: str) -> dict:
    """Check the model of a folder and return what came of it."""
    events: list[str] = []
    watching = True

    def hook(event: str, args: tuple) -> None:
        if watching and suspicious(event, args, folder):
            events.append(f"{event} {args!r}"[:200])

    environment, start = dict(os.environ), time.process_time()
    sys.addaudithook(hook)
    report, text = checked(read_source(os.path.join(folder, "model.py")))
    watching = False
    return {
        "failures": report.failures,
        "models": [model.name for model in report.models],
        "findings": [f"{finding.rule}: {finding.message}"[:200] for finding in report.findings],
        "events": events,
        "changed": dict(os.environ) != environment,
        "control": any(ord(letter) < 32 and letter != "\n" for letter in text),
        "seconds": time.process_time() - start,
    }


def checked(source: Source) -> tuple[FileReport, str]:
    """Return what is found in a file, and what is printed of it."""
    report = check_source(source, Settings())
    options = RenderOptions()
    return report, "".join(render(form, Report((report,)), options) for form in ("text", "json", "sarif"))


def main() -> None:
    """Check the folders that are named on standard input, each in a child."""
    checked(parse_source("warm.py", text_of("undefined").encode()))
    importlib.import_module("inspect")  # it makes its named tuples by executing texts
    for package in (
        "",
        "anatomy",
        "blame",
        "equality",
        "graph",
        "graph.operators",
        "papers",
        "read",
        "read.static",
        "rules",
        "report",
    ):
        name = f"resnet_check.{package}".rstrip(".")
        for module in pkgutil.iter_modules(importlib.import_module(name).__path__, f"{name}."):
            if module.name.rpartition(".")[2] not in {"__main__", "pytest_plugin"}:
                importlib.import_module(module.name)
    for line in sys.stdin:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.write(writer, json.dumps(watched(line.rstrip("\n"))).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as answer:
            found = answer.read()
        _, status, _ = os.wait4(child, 0)
        sys.stdout.write(
            f"{found.decode() if not status else json.dumps({'died': os.waitstatus_to_exitcode(status)})}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
