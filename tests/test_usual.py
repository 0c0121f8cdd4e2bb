"""A command line with no more than paths, switches and choices means the same with and without click."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_check.cli.check import command
from resnet_check.cli.check_paths import CHOICES, SWITCHES, Options, usual
from resnet_check.cli.main import COMMANDS

CHOSEN = [
    words
    for option, (_, known) in CHOICES.items()
    for word in known
    for words in ([option, word], [f"{option}={word}"])
]
WORDS = [*([word] for word in (*SWITCHES, "model.py", "models", "-", "check", "a b.py", "näher.py", "a=b.py")), *CHOSEN]
PATHS = [word for (word,) in (words for words in WORDS if len(words) == 1) if not word.startswith("--")]


def understood(words):
    """Return what click makes of the words after `check`."""
    options = dict(command.make_context("check", list(words)).params)
    return options.pop("paths"), Options(**options)


@given(st.lists(st.sampled_from(WORDS), max_size=6), st.sampled_from(PATHS), st.integers(0, 6))
def test_click_understands_the_same(parts, path, place):
    words = [word for part in (*parts[:place], [path], *parts[place:]) for word in part]
    assert usual(["check", *words]) == understood(words)
    if words[0] not in COMMANDS:
        assert usual(words) == usual(["check", *words])


def test_every_switch_is_an_option_of_the_command():
    flags = [option for option in command.params if getattr(option, "is_flag", False)]
    assert set(SWITCHES) == {name for option in flags for name in option.opts}
    assert set(CHOICES) <= {name for option in command.params for name in option.opts}


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["check"],
        ["--no-cache"],
        ["--help"],
        ["--version"],
        ["model.py", "--help"],
        ["model.py", "-x"],
        ["model.py", "--select", "RC1"],
        ["model.py", "--select=RC1"],
        ["model.py", "--no-cach"],
        ["model.py", "--no-cache=yes"],
        ["model.py", "--output-format"],
        ["model.py", "--output-format", "none-such"],
        ["model.py", "--output-format="],
        ["--", "model.py"],
        *([name, "resnet-50"] for name in COMMANDS if name != "check"),
    ],
)
def test_every_other_command_line_is_left_to_click(words):
    assert usual(words) is None
