"""The environment of the program that is read: ``os.environ`` and ``os.getenv``.

A project's own variable (``TIMM_FUSED_ATTN``) is taken to be not set: that is how the file runs for one who only reads it,
and what its default is for. What a system or a launcher sets (``HOME``, ``LOCAL_RANK``) is not known.
"""

from __future__ import annotations

import re
from typing import Any

from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.python_types import OBJECT
from resnet_check.read.static.values import Class, Instance, Native, Opaque

USUAL = re.compile(
    r"(HOME|USER|USERNAME|LOGNAME|PATH|PWD|HOSTNAME|SHELL|LANG|TERM|TMPDIR|TEMP|TMP|DISPLAY|CI|VIRTUAL_ENV|NODE_RANK"
    r"|(LOCAL_|GROUP_)?RANK|(LOCAL_)?WORLD_SIZE|MASTER_(ADDR|PORT)|COLAB_\w*|KAGGLE_\w*|(AMLT|CUDA|CONDA|GITHUB|JUPYTER|KUBERNETES"
    r"|LC|LD|LIGHTNING|NCCL|OMP|OMPI|PMI|PYTHON|PYTORCH|SLURM|SM|TORCH|XDG|XLA)_?\w*)"
)
"""Variables that are often set where programs run."""


def variable(_: Interpreter, site: Any, _environment: Instance, name: Any, default: Any = None) -> Any:
    """Return the default of a project's own variable."""
    return default if is_own(name) else Opaque("the environment", site)


def contains(_: Interpreter, site: Any, _environment: Instance, name: Any) -> Any:
    """Return that a project's own variable is not set."""
    return False if is_own(name) else Opaque("the environment", site)


def item(_: Interpreter, site: Any, *_args: Any) -> Any:
    """Return the value of a variable that the program relies on to be set: not known."""
    return Opaque("the environment", site)


def is_own(name: Any) -> bool:
    """Return whether a variable is a project's own."""
    return isinstance(name, str) and USUAL.fullmatch(name.upper()) is None


ENVIRONMENT = Class(
    "_Environ",
    (OBJECT,),
    {
        "get": Native("get", variable, lenient=True),
        "setdefault": Native("setdefault", item, lenient=True),
        "__contains__": Native("__contains__", contains, lenient=True),
        "__getitem__": Native("__getitem__", item, lenient=True),
        "__setitem__": Native("__setitem__", lambda *_args: None, lenient=True),
        **{
            name: Native(name, item, lenient=True)
            for name in ("copy", "items", "keys", "pop", "update", "values", "__iter__")
        },
    },
    qualified="os._Environ",
)

ENVIRON = Instance(ENVIRONMENT, None)


def getenv(interpreter: Interpreter, site: Any, name: Any, default: Any = None) -> Any:
    """Return what ``os.environ.get`` returns."""
    return variable(interpreter, site, ENVIRON, name, default)
