"""Edits of a text: line ends, the last line, and which lie over each other."""

import pytest

from resnet_check.editing import edited, overlap
from resnet_check.finding import Edit


@pytest.mark.parametrize(
    ("text", "edit", "after"),
    [
        ("ab\ncd\n", Edit(2, 1, 2, 2, "x"), "ab\nxd\n"),
        ("ab\ncd\n", Edit(1, 3, 1, 3, "x"), "abx\ncd\n"),
        ("ab\ncd\n", Edit(1, 1, 2, 1, ""), "cd\n"),
        ("ab\r\ncd\r\n", Edit(2, 1, 2, 1, "x\n"), "ab\r\nx\r\ncd\r\n"),
        ("ab\rcd\r", Edit(2, 1, 2, 1, "x\n"), "ab\rx\rcd\r"),
        ("ab\x0c\u2028c\nd\n", Edit(2, 1, 2, 2, "x"), "ab\x0c\u2028c\nx\n"),
        ("ab\ncd\n", Edit(3, 1, 3, 1, "x\n"), "ab\ncd\nx\n"),
        ("ab\ncd", Edit(3, 1, 3, 1, "x\n"), "ab\ncd\nx"),
        ("ab\r\ncd", Edit(3, 1, 3, 1, "x\n"), "ab\r\ncd\r\nx"),
        ("ab\ncd", Edit(2, 1, 3, 1, ""), "ab\n"),
        ("ab", Edit(2, 1, 2, 1, "x\n"), "ab\nx"),
    ],
)  # fmt: skip
def test_an_edit_keeps_the_ends_of_lines(text, edit, after):
    assert edited(text, [edit]) == after


def test_edits_are_made_wherever_they_stand_in_the_list():
    edits = [Edit(2, 1, 2, 2, "y"), Edit(1, 1, 1, 1, "x"), Edit(1, 3, 1, 4, "")]
    assert edited("abc\ndef\n", edits) == "xab\nyef\n"


def test_the_last_line_may_move_up():
    moved = [Edit(2, 1, 3, 1, ""), Edit(3, 1, 3, 1, "x\n")]
    assert edited("ab\ncd", moved) == "ab\nx"


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (Edit(1, 1, 1, 3, ""), Edit(1, 2, 1, 4, ""), True),
        (Edit(1, 1, 1, 3, ""), Edit(1, 3, 1, 4, ""), False),
        (Edit(1, 1, 1, 3, ""), Edit(1, 2, 1, 2, "x"), True),
        (Edit(1, 1, 1, 3, ""), Edit(1, 3, 1, 3, "x"), False),
        (Edit(1, 2, 1, 2, "x"), Edit(1, 2, 1, 2, "y"), True),
        (Edit(1, 1, 3, 1, ""), Edit(2, 1, 2, 1, "x"), True),
        (Edit(1, 1, 2, 1, ""), Edit(3, 1, 4, 1, ""), False),
    ],
)  # fmt: skip
def test_overlaps(one, two, expected):
    assert overlap([one], [two]) is overlap([two], [one]) is expected
