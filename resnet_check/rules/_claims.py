"""What a file claims about its models: the network that a name, a docstring or a comment says it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from os.path import basename
from typing import NamedTuple

from resnet_check.graph.records import Model, Site
from resnet_check.papers import find, variants
from resnet_check.papers.comparing import Identity
from resnet_check.papers.records import Variant
from resnet_check.rules._networks import identities
from resnet_check.rules._places import FUNCTIONS, Places, places
from resnet_check.rules.base import FileContext

NAME = re.compile(
    r"(?:(?:build|make|get|create|my|our|custom)_?)?"
    r"(?P<net>(?:se_?)?res_?ne?x?t|wide_?res_?net|wrn|plain)[_-]?v?(?P<numbers>\d+(?:[_-]?\d+(?:x\d+d)?)?)"
    r"(?:_?(?:net|model|imagenet|cifar|cifar_?10|cifar_?100))?"
)
"""A whole name that claims a network and says nothing else: ``resnet50``, ``ResNet_18``, ``make_resnet34``."""

PROSE = re.compile(
    r"\b(ResNet|ResNeXt)[- ]?(\d{2,4})\b(?![-_. ]?(?:[A-Za-z]*[- ]?(?:like|style|based|ish)|\d|x)|[-_][A-Za-z]\b)",
    re.IGNORECASE,
)
"""A network in a sentence; "ResNet-50-like" is none, "ResNet-50-D" is another one."""

VAGUE = re.compile(
    r"\b(like|style|based|inspired|similar|variants?|modified|adapted|instead|than|smaller|tiny|mini|light|from|blocks of)\b",
    re.IGNORECASE,
)
"""Words that make a sentence about a network no claim to be it."""

FREE = re.compile(
    r"(num_?|n_?)?(class|label|categor|out|in_?ch|chan|in_?c$|pretrain|progress|dropout|drop)|kwargs", re.IGNORECASE
)
"""Arguments that decide nothing about the blocks."""


class Claim(NamedTuple):
    """One claim about a model, and where it stands. ``said`` is its word for the network, ``by`` what kind of claim it is."""

    identity: Identity
    variant: Variant
    said: str
    by: str
    site: Site

    @property
    def model(self) -> Model:
        """The model that the claim is about."""
        return self.identity.architecture.net.model


def claims(context: FileContext) -> tuple[Claim, ...]:
    """Return the claims of the file about the models that are chains of residual blocks."""
    if "claims" not in context.shared:
        context.shared["claims"] = tuple(_claims(context))
    found: tuple[Claim, ...] = context.shared["claims"]
    return found


def _claims(context: FileContext) -> Iterator[Claim]:
    where = places(context)
    for identity in identities(context):
        model = identity.architecture.net.model
        if model.trial and not is_settled(where, model):
            continue
        named = Site(model.path, model.line, 1, model.line, 2)
        if context.like is not None:
            wanted = find(context.like)
            yield Claim(identity, wanted, wanted.title, "option", named)
            continue
        by_name = of_name(own_name(model))
        if by_name is not None:
            yield Claim(identity, by_name, own_name(model), "name", named)
        for variant, said, site in of_docstring(where, model):
            yield Claim(identity, variant, said, "docstring", site)
        if by_name is None and basename(model.path) != model.path and alone(context, model):
            of_file = of_name(basename(model.path).removesuffix(".py"))
            if of_file is not None:
                yield Claim(identity, of_file, basename(model.path), "file", named)


def is_settled(where: Places, model: Model) -> bool:
    """Return whether a model that was built with guesses was guessed nothing about its blocks."""
    if "(" in model.name:
        return True  # built with a key of the file's own table
    node = definition(where, model)
    if isinstance(node, ast.ClassDef):
        node = next((m for m in node.body if isinstance(m, FUNCTIONS) and m.name == "__init__"), None)
    if node is None:
        return False
    arguments = [*node.args.posonlyargs, *node.args.args]
    required = arguments[: len(arguments) - len(node.args.defaults)]
    required += [a for a, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if default is None]
    return all(FREE.match(argument.arg) for argument in required if argument.arg != "self")


def definition(where: Places, model: Model) -> ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the class or function that is a model."""
    nodes = (*where.classes, *where.functions)
    return next(
        (node for node in nodes if node.name == model.name and node.lineno <= model.line <= node.body[0].lineno), None
    )


def own_name(model: Model) -> str:
    """Return the name that says what a model is: of ``make('resnet50')`` the key."""
    key = re.fullmatch(r"\w+\('([^']+)'\)", model.name)
    return key[1] if key else model.name


def of_name(name: str) -> Variant | None:
    """Return the published network that a whole name claims, or None."""
    found = NAME.fullmatch(name.lower().replace("-", "_"))
    return None if found is None else of_words(found["net"], found["numbers"])


def of_words(net: str, numbers: str) -> Variant | None:
    """Return the published network of a family's word and its numbers."""
    letters = re.sub(r"[^a-z]", "", net.lower()).replace("wideresnet", "wrn")
    gated = letters.startswith("se")
    family = {"resnet": "resnet", "resnext": "resnext"}.get(letters.removeprefix("se"), letters)
    return variants().get("-".join(["se"] * gated + [family, *re.split(r"[_-]", numbers)]))


def of_docstring(where: Places, model: Model) -> Iterator[tuple[Variant, str, Site]]:
    """Yield the networks that the first paragraph of a model's docstring says it is, if it names one alone."""
    node = definition(where, model)
    text = ast.get_docstring(node) if node is not None else None
    if not node or not text:
        return
    first = text.partition("\n\n")[0]
    said = {match.group(0): match for match in PROSE.finditer(first)}
    if len({match.group(2) for match in said.values()}) != 1 or VAGUE.search(first):
        return
    word, match = next(iter(said.items()))
    variant = of_words(match.group(1), match.group(2))
    if variant is not None:
        yield variant, word, where.source.site(node.body[0])


def alone(context: FileContext, model: Model) -> bool:
    """Return whether a model is the only network of its file."""
    others = {one.architecture.net.model.name for one in identities(context)}
    return others == {model.name}
