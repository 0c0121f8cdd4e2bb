"""``argparse``: a script's command line, taken with its defaults."""

from __future__ import annotations

from typing import Any

from resnet_check.read.static.interpreter import Interpreter, exception_value
from resnet_check.read.static.python_types import OBJECT, TYPES
from resnet_check.read.static.values import Class, Instance, Native, Opaque, Raised

NAMESPACE = Class("Namespace", (OBJECT,), {}, qualified="argparse.Namespace")


def init(_: Interpreter, __: Any, parser: Instance, *args: Any, **kwargs: Any) -> None:
    del args, kwargs
    parser.attributes["defaults"] = {}


def add_argument(interpreter: Interpreter, site: Any, parser: Instance, *names: Any, **kwargs: Any) -> Any:
    """Note an option with its default."""
    flags = [n for n in names if isinstance(n, str)]
    long = next((n for n in flags if n.startswith("--")), flags[0] if flags else "")
    name = kwargs.get("dest", long.lstrip("-").replace("-", "_"))
    action = kwargs.get("action")
    if "default" in kwargs:
        default = kwargs["default"]
        if isinstance(default, str) and isinstance(kwargs.get("type"), Class) and kwargs["type"] is not TYPES["str"]:
            from resnet_check.read.static.hosted import call_value

            default = call_value(interpreter, site, kwargs["type"], default)
    elif action in {"store_true", "store_false"}:
        default = action == "store_false"
    elif long.startswith("-") and not kwargs.get("required"):
        default = None
    else:
        default = Opaque(f"the command line's `{name}`", site)
    parser.attributes["defaults"][name] = default
    return Opaque("an option", site)


def set_defaults(_: Interpreter, __: Any, parser: Instance, **kwargs: Any) -> None:
    parser.attributes["defaults"].update(kwargs)


def parse(_: Interpreter, site: Any, parser: Instance, *args: Any, **kwargs: Any) -> Instance:
    """Return the options as if none were given."""
    del args, kwargs
    made = Instance(NAMESPACE, site)
    made.attributes.update(parser.attributes["defaults"])
    return made


def same(_: Interpreter, __: Any, parser: Instance, *args: Any, **kwargs: Any) -> Instance:
    """A group of options belongs to its parser."""
    del args, kwargs
    return parser


def leave(_: Interpreter, site: Any, *args: Any, **kwargs: Any) -> None:
    """``sys.exit`` and what calls it: nothing behind it runs."""
    del args, kwargs
    raise Raised(exception_value("SystemExit", ""), site, explicit=True)


def unread(_: Interpreter, site: Any, *args: Any, **kwargs: Any) -> Opaque:
    del args, kwargs
    return Opaque("the command line", site)


UNREAD = "add_subparsers convert_arg_line_to_args format_help format_usage get_default parse_intermixed_args register"
"""Methods of a parser that are not followed."""

PARSER = Class(
    "ArgumentParser",
    (OBJECT,),
    {
        name: Native(name, function, lenient=True)
        for name, function in {
            "__init__": init,
            "add_argument": add_argument,
            "set_defaults": set_defaults,
            "parse_args": parse,
            "parse_known_args": lambda i, s, p, *_a, **_k: (parse(i, s, p), []),
            "add_argument_group": same,
            "add_mutually_exclusive_group": same,
            "print_help": lambda *_a: None,
            "print_usage": lambda *_a: None,
            "error": leave,
            "exit": leave,
            **dict.fromkeys(UNREAD.split(), unread),
        }.items()
    },
    qualified="argparse.ArgumentParser",
)
