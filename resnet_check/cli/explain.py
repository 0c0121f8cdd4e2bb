"""``resnet-check explain RULE``: one rule's page."""

from __future__ import annotations

import click

from resnet_check.cli.output import write
from resnet_check.rules.selection import known_rules, matches, require_known


@click.command(no_args_is_help=True)
@click.argument("rules", nargs=-1, required=True, metavar="RULE...")
def command(rules: tuple[str, ...]) -> None:
    """Show the page of a rule: what it means, a bad and a good example, how to fix it, its source.

    A RULE is a name, a code, or a group of codes such as RC3.
    """
    require_known(rules, "explain")
    codes = {code for rule in rules for code in matches(rule)}
    pages = (
        f"{rule.code} {rule.name} ({rule.severity})\n\n{rule.page.strip()}\n"
        for rule in known_rules()
        if rule.code in codes
    )
    write("\n\n".join(pages))
