"""The patterns of ``match``."""

from __future__ import annotations

import ast
from typing import Any

from resnet_check.read.static import instances, operations
from resnet_check.read.static.attributes import get_attribute, has_attribute
from resnet_check.read.static.frames import Frame
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.targets import bind
from resnet_check.read.static.values import Opaque


def matches(interpreter: Interpreter, pattern: ast.pattern, subject: Any, frame: Frame) -> Any:
    """Return True or False, or an `Opaque` where that cannot be told; binds the names of the pattern."""
    if isinstance(pattern, ast.MatchAs):
        known = True if pattern.pattern is None else matches(interpreter, pattern.pattern, subject, frame)
        if known is True and pattern.name:
            bind(interpreter, pattern.name, subject, frame)
        return known
    if isinstance(subject, Opaque):
        return subject
    if isinstance(pattern, ast.MatchValue):
        value = interpreter.evaluate(pattern.value, frame)
        equal = operations.compare(interpreter, "eq", subject, value, pattern, frame)
        return operations.truth(interpreter, equal, pattern, frame)
    if isinstance(pattern, ast.MatchSingleton):
        return subject is pattern.value
    if isinstance(pattern, ast.MatchOr):
        return any_of(interpreter, pattern.patterns, subject, frame)
    if isinstance(pattern, ast.MatchSequence):
        return sequence(interpreter, pattern, subject, frame)
    if isinstance(pattern, ast.MatchClass):
        return instance(interpreter, pattern, subject, frame)
    if isinstance(pattern, ast.MatchMapping):
        return mapping(interpreter, pattern, subject, frame)
    return Opaque("a pattern that is not read", frame.site(pattern))


def any_of(interpreter: Interpreter, patterns: list[ast.pattern], subject: Any, frame: Frame) -> Any:
    for pattern in patterns:
        known = matches(interpreter, pattern, subject, frame)
        if known is not False:
            return known
    return False


def all_of(interpreter: Interpreter, pairs: list[tuple[ast.pattern, Any]], frame: Frame) -> Any:
    for pattern, subject in pairs:
        known = matches(interpreter, pattern, subject, frame)
        if known is not True:
            return known
    return True


def sequence(interpreter: Interpreter, pattern: ast.MatchSequence, subject: Any, frame: Frame) -> Any:
    if not isinstance(subject, (list, tuple)):
        return False
    star = next((i for i, p in enumerate(pattern.patterns) if isinstance(p, ast.MatchStar)), None)
    count = len(pattern.patterns)
    if star is None:
        if len(subject) != count:
            return False
        return all_of(interpreter, list(zip(pattern.patterns, subject, strict=True)), frame)
    after = count - star - 1
    if len(subject) < count - 1:
        return False
    middle = pattern.patterns[star]
    if isinstance(middle, ast.MatchStar) and middle.name:
        bind(interpreter, middle.name, list(subject[star : len(subject) - after]), frame)
    ends = [*zip(pattern.patterns[:star], subject[:star], strict=True)]
    ends += zip(pattern.patterns[star + 1 :], subject[len(subject) - after :], strict=True)
    return all_of(interpreter, ends, frame)


def instance(interpreter: Interpreter, pattern: ast.MatchClass, subject: Any, frame: Frame) -> Any:
    cls = interpreter.evaluate(pattern.cls, frame)
    known = instances.is_instance(subject, cls)
    if known is not True:
        return known
    pairs: list[tuple[ast.pattern, Any]] = [(p, subject) for p in pattern.patterns[:1]]
    for attribute, inner in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
        if not has_attribute(interpreter, subject, attribute, pattern, frame):
            return False
        pairs.append((inner, get_attribute(interpreter, subject, attribute, pattern, frame)))
    return all_of(interpreter, pairs, frame)


def mapping(interpreter: Interpreter, pattern: ast.MatchMapping, subject: Any, frame: Frame) -> Any:
    if not isinstance(subject, dict):
        return False
    pairs: list[tuple[ast.pattern, Any]] = []
    for key_node, inner in zip(pattern.keys, pattern.patterns, strict=True):
        key = interpreter.evaluate(key_node, frame)
        if key not in subject:
            return False
        pairs.append((inner, subject[key]))
    return all_of(interpreter, pairs, frame)
