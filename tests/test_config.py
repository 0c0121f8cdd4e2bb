"""Settings: where they come from, what they may say, and what is said of mistakes in them."""

from pathlib import Path

import pytest

from resnet_check.config import Settings, find_settings, load_settings, parse_size
from resnet_check.errors import CannotCheckError
from resnet_check.rules.selection import selected


def write(path, text):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_without_a_file_the_defaults_hold():
    assert find_settings(".") == Settings()


def test_the_nearest_file_with_a_table_holds():
    write("pyproject.toml", '[tool.resnet-check]\nfail-on = "error"\n')
    write("sub/pyproject.toml", '[tool.other]\nname = "resnet-check"\n')
    Path("sub/deeper").mkdir()
    assert find_settings("sub/deeper").fail_on == "error"
    assert find_settings("sub/deeper").root == str(Path.cwd())


def test_a_file_of_its_own_is_the_stronger():
    write("pyproject.toml", '[tool.resnet-check]\nfail-on = "error"\n')
    write("resnet-check.toml", 'fail-on = "note"\n')
    assert find_settings(".").fail_on == "note"


def test_every_key_is_read():
    write(
        "resnet-check.toml",
        'select = ["RC0"]\nextend-select = ["syntax-error"]\nignore = ["RC003"]\nexclude = ["old"]\nfail-on = "note"\n'
        'input = "1x28x28"\njobs = 2\n[per-file-ignores]\n"tests/*" = ["too-complex"]\n',
    )
    settings = find_settings(".")
    assert settings == Settings(
        select=("RC0",),
        extend_select=("syntax-error",),
        ignore=("RC003",),
        per_file_ignores=(("tests/*", ("too-complex",)),),
        exclude=("old",),
        fail_on="note",
        input=(1, 28, 28),
        jobs=2,
    )


WRONG = [
    ("[tool.resnet-check]\nselct = []\n", "pyproject.toml:2: unknown key `selct` (did you mean `select`?)"),
    (
        '[tool.resnet-check]\n"per-file-ignore" = {}\n',
        ":2: unknown key `per-file-ignore` (did you mean `per-file-ignores`?)",
    ),
    ("[tool.resnet-check]\nignore = 'x'\n", "pyproject.toml:2: `ignore`: must be a list of strings"),
    ("[tool.resnet-check]\nfail-on = 'never'\n", ":2: `fail-on`: must be one of note, warning, error"),
    ("[tool.resnet-check]\njobs = true\n", ":2: `jobs`: must be a number from 1"),
    ("[tool.resnet-check]\ninput = 224\n", ":2: `input`: must be a string"),
    ("[tool.resnet-check]\ninput = '224'\n", "`224` is no input size: write channels and sizes like 3x224x224"),
    (
        "[tool.resnet-check]\nexclude = []\nignore = ['sintax-error']\n",
        ":3: unknown rule `sintax-error` (did you mean `syntax-error`?)",
    ),
    ("[tool.resnet-check.per-file-ignores]\nx = ['nothing-like-it']\n", ":1: unknown rule `nothing-like-it`"),
    ("[tool]\nresnet-check = 1\n", "`tool.resnet-check` must be a table"),
    ("[tool.resnet-check\n", "pyproject.toml: not valid TOML"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_mistake_is_named_with_its_line(run_cli, text, words):
    write("pyproject.toml", text)
    write("model.py", "x = 1\n")
    outcome = run_cli("model.py")
    assert outcome.status == 2
    assert words in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_file_that_the_command_line_names_must_be_there(run_cli):
    write("model.py", "x = 1\n")
    outcome = run_cli("model.py", "--config", "nothing.toml")
    assert (outcome.status, outcome.err) == (2, "resnet-check: no such configuration file: nothing.toml\n")


def test_settings_of_a_named_file_replace_those_that_would_be_found():
    write("pyproject.toml", '[tool.resnet-check]\nfail-on = "error"\n')
    write("ci/strict.toml", 'fail-on = "note"\n')
    assert load_settings("ci/strict.toml").fail_on == "note"


def test_patterns_are_relative_to_the_file_that_holds_them():
    settings = Settings(per_file_ignores=(("old/*.py", ("RC1",)),), ignore=("RC2",), root=str(Path.cwd()))
    assert settings.ignored_in("old/model.py") == ("RC2", "RC1")
    assert settings.ignored_in("new/model.py") == ("RC2",)


@pytest.mark.parametrize("text", ["3x224x224", "3x32x32", "1x16x112x112", "1x1000"])
def test_sizes(text):
    assert "x".join(map(str, parse_size(text))) == text


@pytest.mark.parametrize("text", ["", "3", "3x0x5", "3*224*224", "axb", "3x224x", "1x2x3x4x5", "3x9999999"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match="no input size"):
        parse_size(text)


def codes(select=None, extend_select=(), ignore=()):
    return [rule.code for rule in selected(select, extend_select, ignore) if rule.code.startswith("RC0")]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({}, ["RC001", "RC002", "RC003"]),
        ({"select": ("RC001",)}, ["RC001"]),
        ({"select": ("syntax-error", "rc002")}, ["RC001", "RC002"]),
        ({"ignore": ("RC0",)}, []),
        ({"ignore": ("RC0",), "select": ("RC003",)}, ["RC003"]),
        ({"ignore": ("RC003",), "select": ("RC0",)}, ["RC001", "RC002"]),
        ({"ignore": ("RC003",), "select": ("unused-ignore",)}, []),
        ({"ignore": ("RC0",), "extend_select": ("RC002",)}, ["RC002"]),
    ],
)
def test_of_two_selectors_the_more_specific_decides(selection, expected):
    assert codes(**selection) == expected


def test_an_unknown_rule_cannot_be_selected(run_cli):
    outcome = run_cli("--select", "sintax-error", ".")
    assert outcome.status == 2
    assert outcome.err == "resnet-check: --select: unknown rule `sintax-error` (did you mean `syntax-error`?)\n"


def test_load_settings_reads_only_the_tool_s_table_of_a_project_file():
    write("other/pyproject.toml", "[project]\nname = 'x'\n")
    with pytest.raises(CannotCheckError):
        load_settings("nothing/pyproject.toml")
    assert load_settings("other/pyproject.toml") == Settings()
