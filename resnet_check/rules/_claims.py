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
    r"(?P<net>(?:se_?)?res_?ne?x?t|pre_?(?:act_?)?res_?net|wide_?res_?net|wrn|plain)"
    r"[_-]?v?(?P<numbers>\d+(?:[_-]?\d+(?:x\d+d)?)?)(?:_?(?P<tweak>c|v?d))?"
    r"(?:_?(?:net|model|imagenet|cifar|cifar_?10|cifar_?100))?"
)
"""A whole name that claims a network and says nothing else: ``resnet50``, ``ResNet_18``, ``make_resnet34``, ``resnet50_d``."""

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


PROSE_CLAIMS = frozenset({"docstring", "file's docstring", "comment"})
"""Claims that are sentences: what they say of a network is less exact than a name."""


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

    @property
    def fits_blocks(self) -> bool:
        """Whether the network has the claimed one's kind and number of blocks in each stage."""
        net = self.identity.architecture
        return net.blocks == self.variant.blocks and net.kind == self.variant.kind


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
        for claim in of_docstring(where, model):
            yield Claim(identity, *claim)
        if by_name is None:
            for claim in of_file(context, where, model):
                yield Claim(identity, *claim)


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
    return None if found is None else of_words(found["net"], found["numbers"], (found["tweak"] or "")[-1:])


def of_words(net: str, numbers: str, tweak: str = "") -> Variant | None:
    """Return the published network of a family's word and its numbers; ``tweak`` is the letter of ResNet-C and ResNet-D."""
    letters = re.sub(r"[^a-z]", "", net.lower()).replace("wideresnet", "wrn").replace("preact", "pre")
    gated = letters.startswith("se")
    family = {"resnet": "resnet", "resnext": "resnext"}.get(letters.removeprefix("se"), letters)
    return variants().get("-".join(["se"] * gated + [family, *re.split(r"[_-]", numbers), *tweak]))


def of_prose(text: str | None) -> tuple[Variant, str] | None:
    """Return the published network that a text says something is, if it names one alone, and its word for it."""
    said = {match.group(0): match for match in PROSE.finditer(text or "")}
    if len({match.group(2) for match in said.values()}) != 1 or VAGUE.search(text or ""):
        return None
    word, match = next(iter(said.items()))
    variant = of_words(match.group(1), match.group(2))
    return None if variant is None else (variant, word)


Part = tuple[Variant, str, str, Site]
"""A Claim without the model that it is about."""


def of_docstring(where: Places, model: Model) -> Iterator[Part]:
    """Yield what the first paragraph of a model's docstring says it is."""
    node = definition(where, model)
    text = ast.get_docstring(node) if node is not None else None
    found = of_prose((text or "").partition("\n\n")[0])
    if node is not None and found is not None:
        yield (*found, "docstring", where.source.site(node.body[0]))


def of_file(context: FileContext, where: Places, model: Model) -> Iterator[Part]:
    """Yield what the file says of its only network: by its name, its docstring, a comment at the network's line."""
    if not alone(context, model) or where.source.tree is None:
        return
    named = Site(model.path, model.line, 1, model.line, 2)
    variant = of_name(basename(model.path).removesuffix(".py"))
    if variant is not None:
        yield variant, basename(model.path), "file", named
    found = of_prose((ast.get_docstring(where.source.tree) or "").partition("\n\n")[0])
    if found is not None:
        yield (*found, "file's docstring", where.source.site(where.source.tree.body[0]))
    lines = where.source.lines[max(model.line - 2, 0) : model.line]
    said = " ".join(line.partition("#")[2] for line in lines if "#" in line)
    found = of_prose(said)
    if found is not None:
        yield (*found, "comment", named)


def alone(context: FileContext, model: Model) -> bool:
    """Return whether a model is the only network of its file, however many functions give it."""
    others = [one.architecture for one in identities(context)]
    mine = next(one for one in others if one.net.model is model)
    return all(one.blocks == mine.blocks and one.kind == mine.kind for one in others)


def layers(claim: Claim) -> int:
    """Return the depth of the network that a claim is about, as the claimed network's family counts it."""
    return claim.identity.depth


def is_deep_enough(claim: Claim) -> bool:
    """Return whether the network counts as many layers as its claim says, with or without projections and classifier."""
    net, depth = claim.identity.architecture, claim.variant.depth
    if claim.fits_blocks or claim.by == "option":
        return claim.fits_blocks
    inside = sum(len(unit.convs) for unit in net.units)
    counts = {layers(claim), inside + 1, inside + 2, inside + 1 + net.projected * net.is_wide}
    return depth in counts


def subject(claim: Claim) -> str:
    """Return the model in words."""
    name = own_name(claim.model)
    return f"`{name}`" if claim.by in {"name", "option"} else f"`{name}`, called {claim.said} by its {claim.by},"


def listed(blocks: tuple[int, ...]) -> str:
    """Return the numbers of blocks in words."""
    return ", ".join(map(str, blocks))
