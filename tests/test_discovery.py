"""Which files a path stands for."""

import os
from pathlib import Path

import pytest

from resnet_check.discovery import find_files, ignored_by, nothing_ignored
from resnet_check.errors import CannotCheckError


def touch(*paths):
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")


def found(*paths, exclude=(), force=False):
    return find_files(paths, lambda _folder: ignored_by(exclude, ".") if exclude else nothing_ignored, force=force)


def test_a_folder_stands_for_its_python_files_in_order():
    touch("b.py", "a/z.py", "a/b/c.py", "a/notes.md", "a/stub.pyi")
    assert found(".") == ["a/b/c.py", "a/z.py", "b.py"]


def test_a_file_is_checked_whatever_its_name():
    touch("model.txt", "venv/model.py")
    assert found("model.txt", "venv/model.py") == ["model.txt", "venv/model.py"]


def test_files_keep_the_order_given_and_come_once():
    touch("b.py", "a.py")
    assert found("b.py", ".", "./b.py") == ["b.py", "a.py"]


@pytest.mark.parametrize("folder", [".git", ".venv", "node_modules", "__pycache__", "venv/lib", "site-packages"])
def test_other_people_s_folders_are_not_entered(folder):
    touch("a.py", f"{folder}/b.py")
    assert found(".") == ["a.py"]


def test_ignore_files_are_honoured_at_every_level():
    touch("a.py", "old.py", "sub/old.py", "sub/kept.py", "sub/gen/x.py", "gen/y.py")
    Path(".gitignore").write_text("old.py\ngen/\n", encoding="utf-8")
    Path("sub/.gitignore").write_text("!old.py\n", encoding="utf-8")
    assert found(".") == ["a.py", "sub/kept.py", "sub/old.py"]


def test_ignore_files_above_the_folder_hold_within_a_repository():
    touch("models/a.py", "models/old.py")
    Path(".gitignore").write_text("/models/old.py\n", encoding="utf-8")
    assert found("models") == ["models/a.py", "models/old.py"]
    Path(".git").mkdir()
    assert found("models") == ["models/a.py"]


def test_exclude_patterns():
    touch("a.py", "old/b.py", "new/b_test.py")
    assert found(".", exclude=["old", "*_test.py"]) == ["a.py"]


@pytest.mark.parametrize(("force", "expected"), [(False, ["a.py", "old/b.py", "c_test.py"]), (True, ["a.py"])])
def test_a_named_file_is_excluded_by_force_only(force, expected):
    touch("a.py", "old/b.py", "c_test.py")
    assert found("a.py", "old/b.py", "c_test.py", exclude=["old", "*_test.py"], force=force) == expected


def test_links_in_a_circle_end():
    touch("a/b.py")
    os.symlink("..", "a/loop")
    os.symlink("a/b.py", "link.py")
    os.symlink("nowhere", "broken.py")
    assert found(".") == ["a/b.py", "link.py"]


def test_a_pipe_in_a_folder_is_left_alone():
    touch("a.py")
    os.mkfifo("pipe.py")
    assert found(".") == ["a.py"]


@pytest.mark.parametrize(
    ("path", "words"), [("nothing.py", "no such file or folder: nothing.py"), (".", "no Python files in .")]
)
def test_what_stands_for_no_file_is_refused(path, words):
    with pytest.raises(CannotCheckError, match=words):
        found(path)


def test_standard_input_is_no_file():
    assert found("-") == ["-"]
