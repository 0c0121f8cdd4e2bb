"""Each spelling of a network has its form, each change that matters another one; torch says so too."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resnet_check.equality.canonical import canonical
from tests.equality.spellings import (
    DIFFERENT,
    NETWORK,
    SAME,
    Change,
    changed,
    compared,
    live,
    model,
    outputs,
    transplanted,
)

BY_NAME = {"ids": lambda change: change.name}
SIZES = (32, 49)
MANY = st.lists(st.sampled_from(SAME), max_size=8)


@pytest.mark.parametrize("change", SAME, **BY_NAME)
def test_another_spelling_is_equal(change: Change) -> None:
    """The form, every size, and the outputs in doubles after the weights went over by the map."""
    text = changed(change)
    found = compared(text, NETWORK)
    assert found.equal, (found.first, found.reason)
    assert canonical(model(text)).digest == canonical(model(NETWORK)).digest
    assert found.sizes == ((1, 1024),)
    ours, theirs = transplanted(text, NETWORK, found)
    for size in SIZES:
        assert torch.allclose(outputs(ours, size), outputs(theirs, size), rtol=0, atol=1e-9)


@pytest.mark.parametrize("change", DIFFERENT, **BY_NAME)
def test_a_change_is_seen(change: Change) -> None:
    """It is said to differ, in words, whichever of the two is the reference."""
    text = changed(change)
    found = compared(text, NETWORK)
    assert found.equal is False, found.reason
    assert found.first is not None
    assert change.words in found.first.words
    assert compared(NETWORK, text).equal is False
    assert canonical(model(text)).digest != canonical(model(NETWORK)).digest


@pytest.mark.parametrize("change", DIFFERENT, **BY_NAME)
def test_torch_sees_the_change_too(change: Change) -> None:
    """With the same weights wherever they fit, the outputs are others: these changes are none of spelling."""
    ours, theirs = live(changed(change), 1), live(NETWORK, 2)
    mine, others = ours.state_dict(), theirs.state_dict()
    with torch.no_grad():
        for path in mine.keys() & others.keys():
            if mine[path].shape == others[path].shape:
                mine[path].copy_(others[path])
    first, second = outputs(ours, 48, scale=100), outputs(theirs, 48, scale=100)
    assert first.shape != second.shape or not torch.allclose(first, second, rtol=0, atol=1e-9)


def distinct(changes: list[Change]) -> list[Change]:
    """Return changes of different parts of the text."""
    kept: list[Change] = []
    for change in changes:
        text = NETWORK
        for other in [*kept, change]:
            if other.old not in text:
                break
            text = text.replace(other.old, other.new)
        else:
            if all(change.old not in other.new and other.old not in change.old for other in kept):
                kept.append(change)
    return kept


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(MANY.map(distinct), MANY.map(distinct))
def test_spellings_combine(ours: list[Change], theirs: list[Change]) -> None:
    """Any number of them, on both sides."""
    text, reference = changed(*ours), changed(*theirs)
    found = compared(text, reference)
    assert found.equal, (found.first, found.reason)
    first, second = transplanted(text, reference, found)
    assert torch.allclose(outputs(first, 32), outputs(second, 32), rtol=0, atol=1e-9)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(MANY, st.sampled_from(DIFFERENT))
def test_a_change_is_seen_in_any_spelling(spellings: list[Change], change: Change) -> None:
    """What matters is told apart from what does not."""
    text = changed(*distinct([change, *spellings]))
    assert compared(text, NETWORK).equal is False
