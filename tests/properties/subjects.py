"""Subjects from texts of model files, as the live reader makes them from a file."""

from __future__ import annotations

import contextlib
import importlib.util
import linecache
import sys
from pathlib import Path

from resnet_check.graph.dim import value
from resnet_check.properties import Subject
from resnet_check.read.live.tracer import trace
from resnet_check.read.static.reader import read
from resnet_check.source import read_source


def subject(text: str, name: str = "build", path: str = "model.py", **more: object) -> Subject:
    """Write a model file and return the Subject of one of its models."""
    Path(path).write_text(text, encoding="utf-8")
    return subject_of(path, name, **more)


def subject_of(path: str, name: str = "build", **more: object) -> Subject:
    """Return the Subject of a model of a file: its factory, and what the static reader makes of it."""
    linecache.checkcache()
    static = next((m for m in read(read_source(path)).models if m.name == name), None)
    spec = importlib.util.spec_from_file_location("model_of_a_test", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    factory = getattr(module, name)
    shape = None if static is None or static.input is None else tuple(value(size) for size in static.input[1:])
    traced = None
    with contextlib.suppress(Exception):  # what cannot be built has no Graph
        traced = None if shape is None else trace(factory(), name=name, path=path, input_shape=shape)
    return Subject(factory, name, path, model=traced, static=static, **more)
