"""Identical sub-modules: what a constructor made once for the same arguments is copied, not worked out again.

A constructor may be remembered if nothing but its arguments decided what it made. `Interpreter.touched` counts what could
speak against that: values of the program that can change and were not made by the constructor itself, whatever was
written outside of it, mistakes, and decisions that were not understood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from resnet_check.graph.dim import Dim
from resnet_check.graph.records import Site
from resnet_check.read.static.values import (
    BoundMethod,
    Class,
    ClassMethod,
    External,
    Function,
    Instance,
    Native,
    Opaque,
    Partial,
    ProjectModule,
    Property,
    Size,
    StaticMethod,
    Tensor,
)

PLAIN = frozenset({int, float, complex, str, bytes, bool, type(None), type(...), type(NotImplemented), range, Dim})
"""Types of Python's own whose values never change."""

FIXED = PLAIN | {Class, External, ProjectModule, Opaque, StaticMethod, ClassMethod, Property}
"""Types of values that are the same for everybody who reads them: what changes inside of them is noted by itself."""

CHANGING = (list, dict, set, bytearray, Instance, Tensor)

PARTS_OF_BLOCK = 40
"""Modules in what is remembered of a file that only defines networks: blocks are built again and again, networks are not."""

ROOM = 20_000
"""Modules in all that is remembered for one file; networks get half of it."""


class NotPlainError(Exception):
    """Something cannot be remembered."""


def is_fixed(value: Any) -> bool:
    """Return whether reading a value from outside of a constructor tells it nothing that may be different later."""
    kind = type(value)
    if kind in FIXED or (kind is Function and not value.attributes):
        return True
    if kind is tuple or kind is Size or kind is frozenset:
        return all(map(is_fixed, leaves(value)))
    if kind is Native:
        cells = value.call.__closure__ if hasattr(value.call, "__closure__") else None
        return not cells or not any(isinstance(cell.cell_contents, CHANGING) for cell in cells)
    if kind is Partial:
        return is_fixed(value.function) and all(map(is_fixed, (*value.args, *value.kwargs.values())))
    return kind is Instance and value.cls.members is not None


def leaves(value: Iterable[Any]) -> Iterator[Any]:
    """Yield what a nested tuple holds; a tuple that is in it several times is looked into once."""
    todo, seen = [value], {id(value)}
    while todo:
        for part in todo.pop():
            if type(part) not in {tuple, Size, frozenset}:
                yield part
            elif id(part) not in seen:
                seen.add(id(part))
                todo.append(part)


def is_settled(value: Any, shared: dict[int, Any]) -> bool:
    """Return whether a list or the like holds only what never changes and others of that kind; ``shared`` gets them all.

    Whatever is among those may be read as if it never changed, since its changes are noted.
    """
    found: dict[int, Any] = {}
    todo = [value]
    while todo:
        part = todo.pop()
        if id(part) in shared or id(part) in found or is_fixed(part):
            continue
        kind = type(part)
        if kind is dict:
            todo.extend(part.values())
            todo.extend(part)
        elif kind is list or kind is tuple or kind is set:
            todo.extend(part)
        else:
            return False
        found[id(part)] = part
    shared.update(found)
    return True


class Arguments:
    """The arguments of a call as a key, and the lists and the like among them, which the callee may keep or change."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.parts: list[Any] = []
        self.known: dict[int, int] = {}
        self.key = (*map(self.freeze, args), *((name, self.freeze(value)) for name, value in kwargs.items()))

    def freeze(self, value: Any) -> Any:
        """Return a value that is equal for equal arguments only; raises `NotPlainError` where there is none."""
        kind = type(value)
        if kind in PLAIN:
            return kind, value
        if kind is Class or (kind in {Function, Native} and is_fixed(value)):
            return value
        if kind is tuple or kind is Size:
            return (kind, *map(self.freeze, value))
        if kind not in {list, dict, Partial}:
            raise NotPlainError
        if id(value) in self.known:
            return "again", self.known[id(value)]
        self.known[id(value)] = len(self.parts)
        self.parts.append(value)
        return (kind, *map(self.freeze, inside(value)))


def inside(value: Any) -> Iterable[Any]:
    """Return what a list, a dict or a partial function holds."""
    if isinstance(value, Partial):
        return value.function, value.args, value.kwargs
    return [part for pair in value.items() for part in pair] if isinstance(value, dict) else value


class Memory(NamedTuple):
    """What a constructor made: the object, every module that it built, the place of its call and its arguments."""

    made: Instance
    modules: list[Instance]
    site: Site
    parts: list[Any]


def construct(
    interpreter: Any, cls: Class, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site, make: Any
) -> Any:
    """Return what ``make`` gives for a class of modules and arguments: a copy where the same was made before."""
    if interpreter.exposed:
        return make()
    try:
        arguments = Arguments(args, kwargs)
    except NotPlainError:
        return make()
    key = cls, arguments.key
    memory = interpreter.repeats.get(key)
    if memory is not None:
        return again(interpreter, memory, arguments, site)
    before, start = interpreter.touched, len(interpreter.instances)
    made = make()
    built = interpreter.instances[start:]
    kept = interpreter.touched == before and isinstance(made, Instance) and made.cls is cls
    if kept and is_room(interpreter, len(built)):
        with suppress(NotPlainError):
            if not arguments.parts or Arguments(args, kwargs).key == arguments.key:
                interpreter.repeats[key] = remember(interpreter, made, built, arguments, site)
                interpreter.remembered += len(built)
    return made


def is_room(interpreter: Any, parts: int) -> bool:
    """Return whether so many modules more are worth remembering."""
    block = parts <= PARTS_OF_BLOCK
    room = ROOM if block else ROOM // 2 if interpreter.rebuilds else 0
    return bool(interpreter.remembered + parts <= room)


def remember(interpreter: Any, made: Instance, built: list[Instance], arguments: Arguments, site: Site) -> Memory:
    """Return a Memory that nothing else shares; raises `NotPlainError` for what cannot be copied."""
    copy = Copy(site, site, interpreter.shared, arguments.parts, arguments.parts)
    return Memory(copy.value(made), [copy.value(module) for module in built], site, arguments.parts)


def again(interpreter: Any, memory: Memory, arguments: Arguments, site: Site) -> Instance:
    """Return what a constructor made, as if it had made it at another place."""
    copy = Copy(memory.site, site, interpreter.shared, memory.parts, arguments.parts)
    made: Instance = copy.value(memory.made)
    interpreter.tick(len(memory.modules))
    interpreter.instances.extend(map(copy.value, memory.modules))
    return made


class Copy:
    """Copies objects of the program, with other arguments: what one call led to is led to by another one.

    ``shared`` are the lists and the like that both share.
    """

    def __init__(self, old: Site, new: Site, shared: dict[int, Any], parts: list[Any], others: list[Any]) -> None:
        self.sites: dict[int, Site] = {}
        self.old = old
        self.new = new
        self.shared = shared
        self.seen = dict(zip(map(id, parts), others, strict=True))

    def site(self, site: Site | None) -> Any:
        """Return a place as it is reached from the new call."""
        if site is None or self.old is self.new:
            return site
        known = self.sites.get(id(site))
        if known is None:
            known = self.sites[id(site)] = self.moved(site)
        return known

    def moved(self, site: Site) -> Site:
        """Return a place with the calls that lead there from the new one."""
        if site == self.old:
            return self.new
        caller = self.site(site.caller)
        return site if caller is site.caller else Site(*site[:5], caller)

    def value(self, value: Any) -> Any:
        """Return a copy of a value; raises `NotPlainError` where that would not be the same to the program."""
        kind = type(value)
        if kind in PLAIN or kind is Class:
            return value
        known = self.seen.get(id(value))
        if known is not None:
            return known
        if id(value) in self.shared:
            return value
        return COPIES[kind](self, value) if kind in COPIES else fixed(value)


def copy_instance(copy: Copy, value: Instance) -> Instance:
    if value.cls.members is not None:
        return value
    if value.inputs or value.running:
        raise NotPlainError
    made = copy.seen[id(value)] = Instance(value.cls, copy.site(value.built))
    if value.payload is not None:
        made.payload = copy.value(value.payload)
    for name, site in value.sites.items():
        made.sites[name] = copy.site(site)
    made.attributes = copy_dict(copy, value.attributes)
    return made


def copy_tensor(copy: Copy, value: Tensor) -> Tensor:
    if value.trace is not None:
        raise NotPlainError
    made = copy.seen[id(value)] = Tensor(value.shape, value.dtype, parameter=value.parameter, data=value.data)
    made.requires_grad, made.name, made.uniform = value.requires_grad, value.name, value.uniform
    made.older, made.renewed = value.older, value.renewed
    if value.fill is not None:
        made.fill = value.fill[0], copy.site(value.fill[1])
    for name in ("base", "same", "attributes"):
        if getattr(value, name) is not None:
            setattr(made, name, copy.value(getattr(value, name)))
    return made


def copy_opaque(copy: Copy, value: Opaque) -> Opaque:
    made = copy.seen[id(value)] = Opaque(value.reason, copy.site(value.site), value.kind)
    return made


def copy_list(copy: Copy, value: list[Any]) -> list[Any]:
    made: list[Any] = []
    copy.seen[id(value)] = made
    made.extend(map(copy.value, value))
    return made


def copy_dict(copy: Copy, value: dict[Any, Any]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    copy.seen[id(value)] = made
    for key, part in value.items():
        name = key if type(key) in PLAIN else copy.value(key)
        made[name] = part if type(part) in PLAIN else copy.value(part)
    return made


def copy_set(copy: Copy, value: set[Any]) -> set[Any]:
    made = copy.seen[id(value)] = {part for part in value if is_fixed(part)}
    if len(made) != len(value):
        raise NotPlainError
    return made


def copy_tuple(copy: Copy, value: tuple[Any, ...]) -> tuple[Any, ...]:
    return type(value)(map(copy.value, value))


def copy_bound(copy: Copy, value: BoundMethod) -> BoundMethod:
    made = copy.seen[id(value)] = BoundMethod(fixed(value.function), copy.value(value.instance))
    return made


def copy_partial(copy: Copy, value: Partial) -> Partial:
    made = Partial(copy.value(value.function), copy_tuple(copy, value.args), copy_dict(copy, value.kwargs))
    copy.seen[id(value)] = made
    return made


COPIES: dict[type, Callable[[Copy, Any], Any]] = {
    Instance: copy_instance,
    Tensor: copy_tensor,
    Opaque: copy_opaque,
    list: copy_list,
    dict: copy_dict,
    set: copy_set,
    tuple: copy_tuple,
    Size: copy_tuple,
    BoundMethod: copy_bound,
    Partial: copy_partial,
}


def fixed(value: Any) -> Any:
    """Return a value that copies share."""
    if not is_fixed(value) or (type(value) is Function and not at_top(value)):
        raise NotPlainError
    return value


def at_top(function: Function) -> bool:
    """Return whether a function sees no names but those of its file."""
    frame = function.frame
    return frame.names is frame.file.names or (frame.class_scope and frame.outer is frame.file.frame)
