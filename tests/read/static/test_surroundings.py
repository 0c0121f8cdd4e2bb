"""What a model file finds around it: the environment, tables that decorators fill, the types of Python's own modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resnet_check.read.static import externals
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source, read_source

NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, {width}, 1, bias=False)
    def forward(self, x):
        return self.conv(x)
"""


def model_of(text: str, width: str) -> Any:
    source = (
        f"import enum, os\nimport numpy as np\nimport torch\nfrom torch import nn\n{text}\n{NET.format(width=width)}"
    )
    (model,) = read(parse_source("net.py", source.encode())).models
    return model


WIDTHS = {
    "a project's own variable is not set": ('WIDTH = int(os.environ.get("MY_WIDTH", 8))', "WIDTH", 8),
    "nor in the environment at all": (
        'WIDTH = int(os.environ["MY_WIDTH"]) if "MY_WIDTH" in os.environ else 4',
        "WIDTH",
        4,
    ),
    "`getenv` without a default is None": ("", '5 if os.getenv("MY_WIDTH") is None else 6', 5),
    "setting a variable is nothing": ('os.environ["KMP_DUPLICATE_LIB_OK"] = "TRUE"', "7", 7),
    "the type of a tensor is torch's": ("", "3 if type(torch.zeros(1)) is list else 4", 4),
    "the type of a parameter is torch's": ("", "3 if type(nn.Parameter(torch.zeros(1))) is nn.Parameter else 4", 3),
    "an enumeration is of the type of enumerations": (
        'class Kind(enum.Enum):\n    A = "a"',
        "3 if isinstance(Kind, enum.EnumMeta) and not isinstance(Kind.A, enum.EnumMeta) else 4",
        3,
    ),
    "a class with the methods of a collection is one": (
        """
from collections.abc import Collection
class Own:
    def __len__(self): return 1
    def __iter__(self): return iter([1])
    def __contains__(self, x): return x == 1
""",
        "3 if isinstance(Own(), Collection) and not isinstance(3, Collection) else 4",
        3,
    ),
    "differences of numbers": ("steps = np.diff([1, 4, 9]).tolist()", "steps[0] + steps[1]", 8),
    "parts of an array": (
        "parts = np.split(np.linspace(0, 1, 6), np.cumsum([2, 3]))",
        "len(parts[1]) + 2 * len(parts[2])",
        5,
    ),
    "an array of one number": ("ones = np.full((3,), 2).tolist()", "sum(ones)", 6),
    "a dictionary whose keys are attributes": (
        """
class Config(dict):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.__dict__ = self
""",
        "Config(width=8).width",
        8,
    ),
    "a dictionary that its own constructor fills": (
        """
class Config(dict):
    def __init__(self, **kwargs):
        super().__init__()
        for key, value in kwargs.items():
            self[key] = 2 * value
    def __getattr__(self, name):
        return self[name]
""",
        "Config(width=4).width",
        8,
    ),
    "a list that its own constructor fills": (
        """
class Steps(list):
    def __init__(self, number):
        list.__init__(self, range(number))
        self.append(7)
""",
        "len(Steps(4))",
        5,
    ),
    "attributes that pass through `__setattr__`": (
        """
class Config:
    def __init__(self):
        self.width = 7
        object.__setattr__(self, "depth", 2)
    def __setattr__(self, name, value):
        super().__setattr__(name, value + 1)
""",
        "Config().width + Config().depth",
        10,
    ),
}


@pytest.mark.parametrize(("text", "width", "expected"), WIDTHS.values(), ids=WIDTHS)
def test_a_width_is_what_python_makes_it(text: str, width: str, expected: int) -> None:
    model = model_of(text, width)
    assert (model.status, model.params) == ("complete", 3 * expected)


def test_a_class_that_looks_up_its_attributes_itself_is_not_known() -> None:
    text = (
        NET.format(width=8)
        + """
    def __getattribute__(self, name):
        return (lambda x: x) if name == "forward" else super().__getattribute__(name)
"""
    )
    (model,) = read(parse_source("net.py", f"from torch import nn\n{text}".encode())).models
    assert (model.status, model.accepted) == ("partial", None)


@pytest.mark.parametrize(
    "width", ['int(os.environ.get("LOCAL_RANK", 0)) + 1', 'int(os.environ["WIDTH"])', 'len(os.getenv("HOME"))']
)
def test_what_a_system_or_a_launcher_sets_is_not_known(width: str) -> None:
    model = model_of("", width)
    assert (model.status, model.params, model.problems) == ("partial", None, [])


def test_a_parametrized_weight_is_its_length_and_its_direction() -> None:
    text = NET.replace(
        "nn.Conv2d(3, {width}, 1, bias=False)", "nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3))"
    )
    (model,) = read(parse_source("net.py", f"from torch import nn\n{text}".encode())).models
    assert (model.status, model.params) == ("complete", 8 + 8 * 27 + 8)
    names = [name for module in model.modules for name in module.parameters]
    assert sorted(names) == ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]


TABLES = {
    "an object whose method decorates": """
class Table:
    def __init__(self):
        self.items = {}
    def add(self, name):
        def keep(function):
            self.items[name] = function
            return function
        return keep
    def __getitem__(self, name):
        if name not in self.items:
            raise ValueError(name)
        return self.items[name]

TABLE = Table()

@TABLE.add("wide")
def wide(x):
    return 2 * x
""",
    "a function that decorates": """
TABLE = {}

def keep(function):
    TABLE[function.__name__] = function
    return function

@keep
def wide(x):
    return 2 * x
""",
    "a function that makes a decorator": """
TABLE = {}

def keep(name):
    def inner(function):
        TABLE[name] = function
        return function
    return inner

@keep("wide")
def other(x):
    return 2 * x
""",
    "a call": """
TABLE = {}

def keep(name, function):
    TABLE.update({name: function})

keep("wide", lambda x: 2 * x)
""",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
def test_a_table_of_an_imported_file_is_filled_as_its_top_level_fills_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "tables.py").write_text(text, encoding="utf-8")
    net = tmp_path / "net.py"
    body = NET.format(width="TABLE['wide'](4)")
    net.write_text(f"from torch import nn\nfrom tables import TABLE\n{body}", encoding="utf-8")
    (model,) = read(read_source(str(net))).models
    assert (model.status, model.params) == ("complete", 24)


OPTIONAL = """
try:
    from somewhere_else import Fast, slow as plain
    HAS = True
except ImportError:
    HAS = False
"""


@pytest.mark.parametrize(
    ("width", "status"), [("Fast.width if HAS else 8", "complete"), ("Fast.width", "partial"), ("plain(3)", "partial")]
)
def test_a_name_of_a_package_that_is_not_here_is_unknown_and_no_mistake(width: str, status: str) -> None:
    model = model_of(OPTIONAL, width)
    assert (model.status, model.problems) == (status, [])


@pytest.mark.parametrize("name", sorted(name for name in externals.VALUES if "." in name and name[0] != "b"))
def test_every_known_name_can_be_reached_through_its_modules(name: str) -> None:
    parts = name.split(".")
    above = [".".join(parts[:count]) for count in range(1, len(parts))]
    assert [each for each in above if each not in externals.NAMESPACES and externals.look_up(each) is None] == []


SPECIFIED = """
import inspect

def keep(cls):
    made = cls.__init__
    specified = inspect.getfullargspec(made)
    assert specified.defaults is None and specified.args == ["self"]

    def init(self, **given):
        self.given = {**specified.kwonlydefaults, **given}
        made(self, **given)

    cls.__init__ = init
    return cls

@keep
class Holder:
    def __init__(self, *, width=8, **others):
        self.width = width
"""


def test_a_decorator_reads_how_a_constructor_is_called() -> None:
    model = model_of(SPECIFIED, 'Holder(more=1).given["width"] + Holder(width=ord("c") - ord(chr(97))).width')
    assert (model.status, model.params) == ("complete", 3 * 10)


STORE = """
class Store:
    def __init__(self):
        self.kept = {"width": 6}
    def __getattr__(self, name):
        if name in self.__dict__.get("kept", {}):
            return self.kept[name]
        return self.__getattribute__(name)
"""


@pytest.mark.parametrize(
    ("width", "found"),
    [
        ("Store().width", ("complete", 18)),
        ("3 if hasattr(Store(), 'depth') else 4", ("complete", 12)),
        ("Store().depth", ("partial", None)),
    ],
)
def test_a_look_up_of_ones_own_ends_where_that_of_python_does(width: str, found: tuple[str, int | None]) -> None:
    model = model_of(STORE, width)
    assert (model.status, model.params) == found
