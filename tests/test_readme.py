"""README says what is so; `python tests/test_readme.py` writes its generated parts anew."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import pytest

from resnet_check.config import KEYS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"

GENERATED = {
    "rules": ("rules --output-format markdown", "\n{}\n"),
    "sample": ("tests/models/blog_module.py --no-cache", "\n    $ resnet-check tests/models/blog_module.py\n\n{}\n"),
    "summary": (
        "summary tests/models/blog_sequential.py",
        "\n    $ resnet-check summary tests/models/blog_sequential.py\n\n{}\n",
    ),
}
"""The parts between markers: the command that makes each, and what is put around its output."""

SAMPLES = {"sample", "summary"}
"""The parts that show what a terminal shows."""


def output(command):
    done = subprocess.run(
        [sys.executable, "-m", "resnet_check", *command.split()], cwd=ROOT, capture_output=True, check=False,
        encoding="utf-8", env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def generated(part):
    command, around = GENERATED[part]
    text = output(command)
    if part in SAMPLES:
        text = re.sub(r"\d+\.\d\d s\)", "0.06 s)", text)
        text = "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())
    return around.format(text)


def diff():
    """Return the output of a diff, which a test of that command keeps."""
    text = (ROOT / "tests/golden/diff.txt").read_text(encoding="utf-8")
    lines = "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())
    return f"\n    $ resnet-check diff old.py new.py\n\n{lines}\n"


MADE = {**{part: partial(generated, part) for part in GENERATED}, "diff": diff}
"""What makes each of the parts between markers."""


def parts(text, part):
    """Return what stands before, between and after the markers of a part."""
    begin, end = f"<!-- {part}: begin -->\n", f"<!-- {part}: end -->"
    before, _, rest = text.partition(begin)
    inside, _, after = rest.partition(end)
    return before + begin, inside, end + after


@pytest.mark.parametrize("part", MADE)
def test_generated_parts_are_fresh(part):
    assert parts(README.read_text(encoding="utf-8"), part)[1] == MADE[part](), "run `python tests/test_readme.py`"


def test_a_newcomer_finds_exactly_two_commands():
    section = README.read_text(encoding="utf-8").partition("## Start")[2].partition("## What")[0]
    commands = re.findall(r"^    (.+)$", section, re.MULTILINE)
    assert commands == [
        "pip install . && resnet-check tests/models/blog_module.py",
        "pip install -c constraints.txt -e '.[test]' && pytest",
    ]
    assert (ROOT / "tests/models/blog_module.py").exists()


def test_every_option_is_named():
    text = README.read_text(encoding="utf-8")
    helps = "".join(output(f"{command} --help") for command in ("check", "summary", "show", "diff", "lock"))
    options = set(re.findall(r"^ +(--[a-z-]+)", helps, re.MULTILINE)) - {"--help", "--exit-zero"}
    assert {option for option in options if option not in text} == set()


def test_the_settings_shown_are_all_settings():
    block = re.search(r"```toml\n(.+?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    table = tomllib.loads(block[1])["tool"]["resnet-check"]
    assert set(table) == set(KEYS)
    for key, value in table.items():
        KEYS[key](value)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_files_that_are_named_are_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    named = re.findall(r"`((?:resnet_check|tests|\.ci|constraints)[\w./]*)`|\]\(([\w.]+)\)", text)
    guides = ("papers/author2026", "properties/the_name", "report/the_format", "rules/the_name")
    invented = {f"resnet_check/{name}.py" for name in guides}
    paths = {path for pair in named for path in pair if "/" in path or "." in path} - invented
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_the_section_on_changes_does_what_it_says(tmp_path):
    section = README.read_text(encoding="utf-8").partition("## See what a change changes")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```console\n(.+?)```", section, re.DOTALL)
    model = (ROOT / "tests/models/resnet_imagenet.py").read_text(encoding="utf-8")
    (tmp_path / "models").mkdir()
    for name in ("old.py", "new.py", "models/resnet.py"):
        (tmp_path / name).write_text(model, encoding="utf-8")

    def run(*words):
        return subprocess.run(
            words, cwd=tmp_path, check=False, capture_output=True, encoding="utf-8", timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT), "RESNET_CHECK_CACHE_DIR": str(tmp_path / ".cache")},
        )  # fmt: skip

    run("git", "init", "-q", "-b", "main")
    run("git", "add", ".")
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    assert run("git", *who, "commit", "-q", "-m", "first").returncode == 0
    commands = [shlex.split(line[2:], comments=True)[1:] for line in block.splitlines()]
    assert [words[0] for words in commands] == ["lock", "models", "diff", "diff", "models"]
    for words in commands:
        assert run(sys.executable, "-m", "resnet_check", *words).returncode == 0, words
    changed = model.replace("[3, 4, 6, 3]", "[3, 4, 5, 3]")
    for name in ("new.py", "models/resnet.py"):
        (tmp_path / name).write_text(changed, encoding="utf-8")
    statuses = [run(sys.executable, "-m", "resnet_check", *words).returncode for words in commands[1:]]
    assert statuses == [1, 1, 1, 1]


def test_the_section_on_tests_does_what_it_says(tmp_path):
    section = README.read_text(encoding="utf-8").partition("## In your tests")[2].partition("\n## ")[0]
    for language, name in (("toml", "pyproject.toml"), ("python", "test_models.py")):
        (block,) = re.findall(rf"```{language}\n(.+?)```", section, re.DOTALL)
        (tmp_path / name).write_text(block, encoding="utf-8")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "resnet.py").write_bytes((ROOT / "tests/models/resnet_imagenet.py").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "resnet_check.pytest_plugin", "-q", "-rA"], cwd=tmp_path, check=False,
        capture_output=True, encoding="utf-8", timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    passed = set(re.findall(r"^PASSED (.+)", done.stdout, re.MULTILINE))
    whole = {f"test_models.py::test_{name}" for name in ("at_another_size", "it_is_resnet50", "its_size")}
    assert whole | {"models/resnet.py::static-check", "models/resnet.py::resnet50"} <= passed
    assert "test_models.py::test_model[resnet18-batch-independence]" in passed


def main():
    text = README.read_text(encoding="utf-8")
    for part, make in MADE.items():
        before, _, after = parts(text, part)
        text = before + make() + after
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
