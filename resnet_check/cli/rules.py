"""``resnet-check rules``: all rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from resnet_check.cli.output import write
from resnet_check.rules.selection import known_rules

if TYPE_CHECKING:
    from resnet_check.properties.base import Property
    from resnet_check.rules.base import Rule


def _text(rules: Sequence[Rule | Property]) -> str:
    wide = max(len(rule.name) for rule in rules)
    rows = (f"{rule.code}  {rule.name:<{wide}}  {rule.severity:<7}  {rule.title}" for rule in rules)
    return "\n".join((*rows, "", "`resnet-check explain RULE` shows a rule's page."))


def _json(rules: Sequence[Rule | Property]) -> str:
    import json

    rows = [
        {
            "code": rule.code,
            "name": rule.name,
            "severity": rule.severity,
            "title": rule.title,
            "page": rule.page.strip(),
        }
        for rule in rules
    ]
    return json.dumps(rows, indent=2)


def _markdown(rules: Sequence[Rule | Property]) -> str:
    rows = (f"| {rule.code} | `{rule.name}` | {rule.severity} | {_one_cell(rule.title)} |" for rule in rules)
    return "\n".join(("| code | name | severity | what is wrong |", "| --- | --- | --- | --- |", *rows))


def _one_cell(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


LISTS: dict[str, Callable[[Sequence[Rule | Property]], str]] = {"text": _text, "json": _json, "markdown": _markdown}
"""The formats of the list."""


@click.command()
@click.option("--output-format", type=click.Choice(list(LISTS)), default="text", help="Format of the list.")
def command(output_format: str) -> None:
    """List all rules; those of RC6 are properties, which `check --live` tries."""
    write(LISTS[output_format](known_rules()) + "\n")
