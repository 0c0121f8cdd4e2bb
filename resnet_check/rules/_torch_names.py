"""Names of ``torch.nn`` and ``torch.nn.functional`` that are misspelled: ``nn.Conv2D``, ``nn.Batchnorm2d``, ``F.Relu``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from resnet_check.rules._places import Places
from resnet_check.rules._spelling import nearest_name

if TYPE_CHECKING:
    from resnet_check.source import Source

FURTHER = {
    "torch.nn": (
        "AdaptiveLogSoftmaxWithLoss Buffer Container DataParallel Module ModuleDict ModuleList Parameter ParameterDict"
        " ParameterList RNNBase RNNCellBase Sequential Transformer TransformerDecoder TransformerDecoderLayer"
        " TransformerEncoder TransformerEncoderLayer UninitializedBuffer UninitializedParameter NLLLoss2d attention"
        " backends common_types cpp factory_kwargs functional grad init intrinsic modules parallel parameter qat"
        " quantizable quantized utils"
    ),
    "torch.nn.functional": (
        "Tensor assert_int_or_pair boolean_dispatch conv_tbc fractional_max_pool2d_with_indices"
        " fractional_max_pool3d_with_indices grad math multi_head_attention_forward torch warnings"
    ),
}
"""What the two modules hold beside the layers and functions of the operator table."""


def misspelled_names(found: Places) -> Iterator[tuple[ast.Attribute, str]]:
    """Yield each name that its module does not have, with the one that was meant."""
    aliases = module_aliases(found.source)
    for node in found.nodes if aliases else ():
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            continue
        module = aliases.get(dotted(node.value))
        if module is None or node.attr[:1] == "_" or known(module, node.attr):
            continue
        meant = nearest_name(node.attr, names_of(module), least=0.92)
        if meant is not None and not guarded(found, node):
            yield node, meant


def may_be_misspelled(source: Source) -> bool:
    """Return whether the text reads a name of the two modules that they do not have; looks at the text only."""
    aliases = module_aliases(source)
    if not aliases:
        return False
    pattern = rf"\b({'|'.join(map(re.escape, aliases))})\.([A-Za-z]\w*)"
    used = set(re.findall(pattern, source.text))
    return any(not known(aliases[alias], name) for alias, name in used)


def known(module: str, name: str) -> bool:
    """Return whether a module of torch has a name."""
    from resnet_check.graph.operators import Table
    from resnet_check.graph.operators.base import FUNCTIONS, LAYERS

    return name in further(module) or f"{module}.{name}" in Table(LAYERS if module == "torch.nn" else FUNCTIONS)


@cache
def further(module: str) -> frozenset[str]:
    """Return what a module has beside layers and functions."""
    return frozenset(FURTHER[module].split())


@cache
def names_of(module: str) -> frozenset[str]:
    """Return the names of a module of torch."""
    from resnet_check.graph import operators

    functions, layers = operators.load()
    listed = layers if module == "torch.nn" else functions
    return further(module) | {name.rpartition(".")[2] for name in listed if name.rpartition(".")[0] == module}


def module_aliases(source: Source) -> dict[str, str]:
    """Return under which names the file knows the two modules, by the imports at its top level."""
    aliases: dict[str, str] = {}
    for node in source.tree.body if source.tree is not None else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in FURTHER and alias.asname:
                    aliases[alias.asname] = alias.name
                elif alias.name.partition(".")[0] == "torch" and not alias.asname:
                    aliases |= {module: module for module in FURTHER}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if name in FURTHER:
                    aliases[alias.asname or alias.name] = name
    return aliases


def dotted(node: ast.expr) -> str:
    """Return a dotted name as text, or nothing."""
    if isinstance(node, ast.Attribute):
        above = dotted(node.value)
        return f"{above}.{node.attr}" if above else ""
    return node.id if isinstance(node, ast.Name) else ""


def guarded(found: Places, node: ast.Attribute) -> bool:
    """Return whether the code around asks first whether the name is there, or the file puts it there itself."""
    for around in found.around(node):
        if isinstance(around, ast.Try):
            return True
        if isinstance(around, (ast.If, ast.IfExp)) and any(
            (isinstance(n, ast.Name) and n.id == "hasattr") or (isinstance(n, ast.Attribute) and "version" in n.attr)
            for n in ast.walk(around.test)
        ):
            return True
    return any(
        isinstance(n, ast.Attribute) and n.attr == node.attr and not isinstance(n.ctx, ast.Load) for n in found.nodes
    )
