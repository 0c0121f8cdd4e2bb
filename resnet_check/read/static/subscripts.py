"""What stands in brackets, and ``in``: the items of lists, dicts, arrays, tensors and objects."""

from __future__ import annotations

from typing import Any

from resnet_check.read.static import tensors
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.operations import OBJECTS, compare, kind_of, truth, unwrap
from resnet_check.read.static.values import (
    Array,
    BoundMethod,
    Class,
    External,
    Function,
    Instance,
    Native,
    Opaque,
    Size,
    Tensor,
    is_opaque,
)
from resnet_check.read.static.weighing import charge, weigh


def contains(interpreter: Interpreter, container: Any, item: Any, node: Any, frame: Any) -> Any:
    """Return the truth of ``item in container``."""
    from resnet_check.read.static.calling import call

    if isinstance(container, Instance) and container.payload is None:
        found = container.cls.find("__contains__")
        if found is not None:
            return call(interpreter, BoundMethod(found[0], container), (item,), {}, node, frame)
    container = unwrap(container)
    if isinstance(container, Opaque):
        return container.of_kind("number")
    if isinstance(item, Opaque):
        return False if container in ((), [], {}) else item.of_kind("number")
    if isinstance(container, Class) and container.members is not None:
        return any(member is item for member in container.members.values())
    if isinstance(container, (list, tuple)):
        charge(interpreter, container)
        unsure: Any = False
        for element in container:
            known = truth(interpreter, compare(interpreter, "eq", element, item, node, frame), node, frame)
            if known is True:
                return True
            unsure = known if isinstance(known, Opaque) else unsure
        return unsure
    weigh(interpreter, item)
    try:
        return item in container
    except TypeError:
        if isinstance(container, (Instance, Tensor, *OBJECTS)) or isinstance(item, OBJECTS):
            return Opaque("membership in an object", frame.site(node), "number")
        return interpreter.error(
            "TypeError", "bad-call", frame.site(node), reason=f"`in` does not take {kind_of(container)}"
        )


def get_item(interpreter: Interpreter, owner: Any, index: Any, node: Any, frame: Any) -> Any:
    """Return ``owner[index]``."""
    from resnet_check.read.static.calling import call

    if isinstance(owner, Tensor):
        if is_opaque(index):
            return Opaque("an unknown index", frame.site(node), "tensor")
        if isinstance(owner, Array) and isinstance(index, (int, slice)) and is_list(owner):
            return array_item(owner, index)
        return tensors.operator_call(interpreter, "getitem", (owner, index), frame.site(node))
    if isinstance(owner, Instance):
        found = owner.cls.find("__getitem__")
        if found is not None:
            return call(interpreter, BoundMethod(found[0], owner), (index,), {}, node, frame)
        owner = unwrap(owner)
    if isinstance(owner, Opaque):
        return owner
    if isinstance(owner, Class):
        if owner.members is not None and isinstance(index, str):
            return owner.members.get(index, Opaque(f"no member {index}", frame.site(node)))
        return owner
    if isinstance(owner, (External, Native, Function)):
        return owner
    if is_opaque(index):
        return Opaque("an unknown index", frame.site(node))
    weigh(interpreter, index)
    return host_item(interpreter, owner, index, node, frame)


def is_list(array: Array) -> bool:
    """Return whether an array has one dimension and its numbers are known."""
    return array.data is not None and len(array.shape) == 1


def array_item(array: Array, index: Any) -> Any:
    """Return a number of an array, or some of them; what is past the end is not known."""
    assert array.data is not None  # noqa: S101 - asked before
    try:
        found = array.data[index]
    except (IndexError, TypeError):
        return Opaque("an element of an array", None, "number")
    return Array((len(found),), array.dtype, data=found) if isinstance(index, slice) else found


def host_item(interpreter: Interpreter, owner: Any, index: Any, node: Any, frame: Any) -> Any:
    """Return an element or a slice of a list, tuple, dict or string."""
    if not isinstance(owner, dict):
        index = tensors.concrete(interpreter, index)
    try:
        result = owner[index]
    except KeyError:
        return interpreter.error(
            "KeyError",
            "bad-call",
            frame.site(node),
            reason=f"there is no key {index!r}",
            message=index,
            of=getattr(getattr(node, "value", None), "id", None),
        )
    except IndexError:
        reason = f"index {index} is past the end of {len(owner)} elements"
        return interpreter.error("IndexError", "bad-call", frame.site(node), reason=reason)
    except (TypeError, ValueError):
        if not isinstance(owner, (list, tuple, dict, str, int, float, type(None), range)):
            return Opaque("an index into something that is not read", frame.site(node))
        return interpreter.error(
            "TypeError",
            "bad-call",
            frame.site(node),
            reason=f"{kind_of(owner)} has no element [{kind_of(index)}]",
            none=owner is None,
        )
    if isinstance(index, slice):
        charge(interpreter, result)
    return Size(result) if isinstance(owner, Size) and isinstance(index, slice) else result


def delete_item(interpreter: Interpreter, owner: Any, index: Any, node: Any, frame: Any) -> None:
    """Do ``del owner[index]``."""
    from resnet_check.read.static.calling import call

    if isinstance(owner, Instance):
        found = owner.cls.find("__delitem__")
        if found is not None:
            call(interpreter, BoundMethod(found[0], owner), (index,), {}, node, frame)
            return
        owner = unwrap(owner)
    weigh(interpreter, index)
    interpreter.mutates(owner)
    try:
        del owner[index]
    except (LookupError, TypeError):
        interpreter.lose(Opaque("something that is not read was deleted", frame.site(node)))
