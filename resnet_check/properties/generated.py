"""Generated inputs: hypothesis draws the cases, and the smallest one that fails is what is reported."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from resnet_check.properties.base import DoesNotApply, Failed, Raised
from resnet_check.properties.subject import Case, Subject

EXAMPLES = 0.1
"""How many examples are drawn for each of those that the user's hypothesis profile asks for (100 if it does not say)."""

SECONDS = 0.6
"""How much CPU time the examples of one property may take; the first one is always tried."""

LARGEST_SEED = 2**16 - 1


def for_all(
    subject: Subject,
    check: Callable[[Case], None],
    *,
    batches: tuple[int, int] = (2, 4),
    sizes: Sequence[tuple[int, ...]] = (),
    raising: bool = False,
) -> None:
    """Try a check on generated cases; raise the `Failed` of the smallest case on which it fails.

    ``batches`` are the least and the greatest number of images, ``sizes`` those to draw from, the smallest first (none:
    `Subject.sizes`). Cases in which the model itself raises count with ``raising`` only: one property says so, not all.
    """
    import hypothesis
    from hypothesis import strategies as st
    from hypothesis.errors import HypothesisException

    failures: dict[Case, Failed] = {}
    raised: list[Raised] = []
    passed: set[Case] = set()
    started = time.process_time()

    def tried(case: Case) -> None:
        if case in failures:
            raise failures[case]
        late = time.process_time() - started > SECONDS and (passed or failures)
        if case in passed or late:
            return
        try:
            check(case)
        except Failed as failed:
            if isinstance(failed, Raised) and not raising:
                raised.append(failed)
                return
            failures[case] = failed
            raise
        passed.add(case)

    cases = st.builds(
        Case, st.integers(*batches), st.sampled_from(sizes or subject.sizes), st.integers(0, LARGEST_SEED)
    )
    user = hypothesis.settings.default or hypothesis.settings()
    settings = hypothesis.settings(
        parent=user,
        max_examples=max(1, round(user.max_examples * EXAMPLES)),
        phases=[phase for phase in user.phases if phase is not hypothesis.Phase.explain],  # it traces every line
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        verbosity=hypothesis.Verbosity.quiet,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    test = hypothesis.seed(subject.seed)(settings(hypothesis.given(cases)(tried)))
    # Late cases pass unseen, which hypothesis takes for a test that cannot make up its mind: what was seen counts.
    with contextlib.suppress(Failed, HypothesisException, BaseExceptionGroup):
        test()
    if raised and not passed and not failures:
        raise DoesNotApply(raised[0].message)
    if failures:
        case = min(failures, key=lambda c: (c.batch, c.size, c.seed))
        smallest = failures[case]
        raise Failed(smallest.message, example=smallest.example or words(subject, case), line=smallest.line)


def words(subject: Subject, case: Case) -> str:
    """Return a case for a person, with what it takes to make its input again."""
    whole = "x".join(str(size) for size in (case.batch, *_rest(subject, case)))
    return f"an input of {whole} with seed {case.seed}"


def _rest(subject: Subject, case: Case) -> tuple[int, ...]:
    from resnet_check.graph.dim import value

    shape = tuple(value(size) for size in subject.shapes[0][1:])
    return (*shape[: -len(case.size)], *case.size) if subject.free else shape
