"""The fuzzer: the same inputs for the same seed, mostly Python, and every sort of failure is seen and made smaller."""

import importlib
import os
from pathlib import Path
from random import Random

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def fuzz():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("fuzz")


@pytest.fixture(scope="module")
def corpus(fuzz):
    text = (Path(__file__).parent / "models" / "blog_module.py").read_text(encoding="utf-8")
    return fuzz.Corpus([text], fuzz.bank_of([text]))


@pytest.mark.parametrize("kind", ["tokens", "grammar", "search"])
def test_a_seed_gives_the_same_inputs_again(fuzz, corpus, kind):
    first, again, other = (list(fuzz.inputs(fuzz.Task(kind, seed, 0, 8), corpus, [])) for seed in (1, 1, 2))
    assert first == again != other
    assert list(fuzz.inputs(fuzz.Task(kind, 1, 5, 8), corpus, [])) == first[5:]


def test_what_the_grammar_gives_is_nearly_always_python(fuzz):
    texts = [fuzz.generated(Random(seed), 5) for seed in range(60)]  # noqa: S311 - nothing is kept secret
    sources = [fuzz.parse_source("a.py", text.encode("utf-8", "surrogatepass")) for text in texts]
    assert sum(source.tree is not None for source in sources) >= 54


def test_the_search_keeps_what_comes_to_new_lines(fuzz):
    lines = fuzz.Lines()
    assert lines.run(fuzz.check, "x = 1\n") == ("", True)
    assert lines.run(fuzz.check, "x = 1\n") == ("", False)
    assert lines.run(fuzz.check, "x = [i for i in range(3)]\n") == ("", True)


def test_an_exception_is_told_with_its_place(fuzz, monkeypatch):
    monkeypatch.setattr(fuzz.checking, "_read", None)
    assert fuzz.check("x = 1\n").startswith("TypeError at checking.py:")


def test_a_failing_input_is_made_smaller(fuzz, monkeypatch):
    monkeypatch.setattr(fuzz, "check", lambda text: "lost" if "needle" in text else "")
    text = "\n".join(f"a{i} = {i}" for i in range(30)) + "\nif hay + needle: pass\n" + "b = 1\n" * 30
    assert fuzz.smaller(fuzz.Failure("tokens", 0, "lost", text)).strip() == "needle"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # other threads of the tests hold nothing that is used
def test_an_input_that_ends_its_process_is_a_failure_and_the_rest_is_tried(fuzz, corpus, monkeypatch):
    fatal = list(fuzz.inputs(fuzz.Task("tokens", 0, 0, 6), corpus, []))[3]
    monkeypatch.setattr(fuzz, "check", lambda text: os._exit(3) if text == fatal else f"seen {text[:0]}".strip())
    found = list(fuzz.run(fuzz.Task("tokens", 0, 0, 6), corpus))
    assert [failure.number for failure in found] == [0, 1, 2, 3, 4, 5]
    assert (found[3].what, found[3].text) == ("the process ended with 3", fatal)
