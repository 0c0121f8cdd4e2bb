"""What a child says is taken for what it is, or for nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_check.read.live.protocol import (
    LONGEST,
    Done,
    Effect,
    Ended,
    Figures,
    Limits,
    Raised,
    Ready,
    Request,
    Stage,
    Tried,
    decode,
    encode,
    said,
)

texts = st.text(max_size=30)
lines = st.none() | st.integers(-5, 10**6)
records = st.one_of(
    st.builds(Stage, texts),
    st.builds(Raised, texts, texts, texts, lines, st.booleans()),
    st.builds(Effect, texts, lines),
    st.builds(Figures, lines, lines, st.none() | st.lists(st.integers() | st.none())),
    st.builds(Tried, texts, texts, texts, texts, texts, lines),
    st.builds(Ready, st.lists(texts)),
    st.builds(Ended, texts, st.integers(), st.floats(0, 9), st.floats(0, 9), st.integers(), st.lists(texts)),
    st.builds(
        Request,
        texts,
        texts,
        texts,
        texts,
        st.integers(),
        st.none() | st.lists(st.integers()),
        limits=st.lists(st.floats(allow_nan=False)),  # what is not equal to itself is never heard as it was said
    ),
    st.just(Done()),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@given(records)
def test_what_is_said_is_heard(record):
    line = encode(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == record


@given(st.binary(max_size=80))
def test_nonsense_is_nothing(line):
    assert decode(line) is None


@given(records, st.data())
def test_a_value_of_another_kind_is_nothing(record, data):
    content = json.loads(encode(record))
    fields = [name for name in record._fields if name != "output"]
    if fields:
        content[data.draw(st.sampled_from(fields))] = {"not": "this"}
        assert decode(json.dumps(content)) is None


@given(records, texts, values)
def test_a_field_too_many_or_too_few_is_nothing(record, name, value):
    content = json.loads(encode(record))
    if name not in content:
        assert decode(json.dumps({**content, name: value})) is None
    for known in record._fields:
        assert decode(json.dumps({key: each for key, each in content.items() if key != known})) is None


@pytest.mark.parametrize(
    "line", ["[" * 10_000, '{"record": "done"} x', '{"record": ["done"]}', '"done"', "null", "NaN"]
)
def test_odd_lines(line):
    assert decode(line) is None


def test_a_child_speaks_for_itself_only():
    spoken = [encode(each).decode() for each in (Ready(["landlock"]), Ended("exit"), Stage("run"), Done())]
    assert said(spoken) == (Stage("run"), Done())


def test_a_long_text_is_cut():
    (record,) = said([encode(Effect("x" * 10_000, None)).decode()])
    assert len(record.what) == LONGEST


def test_limits_survive_the_way():
    limits = Limits(wall=1.5, cpu=2, memory=1 << 33)
    request = decode(encode(Request("p", "q", "n", "class", 1, limits=list(limits))))
    assert request.bounds == limits
