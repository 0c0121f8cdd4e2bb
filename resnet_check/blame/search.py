"""Trying the candidates: the first change after which a mismatch is gone, and nothing else is wrong, is to blame."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from typing import NamedTuple

from resnet_check.blame import channels, invalid, sums, wiring
from resnet_check.blame.accepted import LARGEST, values_at
from resnet_check.blame.branches import (
    SHAPES,
    WEIGHTED,
    failing_op,
    in_batch,
    only_batch,
    reads_as_sequence,
    takes_channels,
    touches_input,
    unread,
)
from resnet_check.blame.change import Change
from resnet_check.blame.stated import built_shapes
from resnet_check.blame.tree import Tree
from resnet_check.graph.dim import Dim, factorise, symbols, value
from resnet_check.graph.records import RELATIONS, Guard, Model, Problem
from resnet_check.rules._explained import explained
from resnet_check.rules.base import FileContext

SECONDS = 2.5
"""The processor time for one file: a file with mistakes may cost more than one without."""

MAX_TRIES = 400

Key = tuple[str, int, int, str]


class Blame(NamedTuple):
    """One mistake: the problem by which it shows first, the change that mends it, and all problems that this ends.

    Without a proven change the problem itself is all that is known.
    """

    model: Model
    problem: Problem
    change: Change | None
    ended: tuple[Problem, ...]

    @property
    def owner(self) -> str:
        """The rule that reports this mistake, if that is none about shapes."""
        return self.change.owner if self.change is not None else ""


def blames(context: FileContext) -> list[Blame]:
    """Return the shape mistakes of a file, each once for each model that shows it."""
    known: list[Blame] | None = context.shared.get("blames")
    if known is None:
        known = _Search(context).run() if context.source.tree is not None else []
        context.shared["blames"] = known
    return known


def key(problem: Problem) -> Key:
    """Return what identifies a problem before and after a change."""
    return problem.kind, problem.site.line, problem.site.column, problem.module


def relevant(model: Model, *, stated: bool, fixed: bool) -> list[Problem]:
    """Return the problems of a model that are about shapes and rest on nothing guessed, in order.

    ``fixed`` says that nobody can build the model with other numbers than the file's.
    """
    if reads_as_sequence(model):
        return []
    numbers = GUESSES if model.trial else frozenset()
    found = []
    for problem in model.problems:
        if problem.kind not in SHAPES or "is None" in str(problem.facts.get("reason")):
            continue
        op = failing_op(model, problem)
        if op is not None and not is_refused(problem) and touches_input(model, op):
            if problem.kind.endswith("-channels"):
                continue  # reading goes on with the channels that its weights give
            if not (fixed and problem.kind == "broadcast" and problem.facts.get("dim") == 1 and takes_channels(model)):
                break  # what comes behind may be its consequence
        if not stated and mended_by_size(model, problem):
            break
        if problem.kind.endswith("-channels") and {value(problem.facts.get(n)) for n in NUMBERS} & numbers:
            break
        if any(isinstance(problem.facts.get(n), Dim) and in_batch((problem.facts[n],)) for n in NUMBERS):
            continue  # the batch was mixed with something else before: a mistake of another kind
        if problem.kind == "reshape" and only_batch(problem):
            continue
        inputs = problem.facts.get("shapes")
        if problem.kind == "linear-features" and inputs and not in_batch(inputs[0]):
            continue  # the batch is gone: likewise
        found.append(problem)
    return found


NUMBERS = ("got", "expected", "size")


def is_refused(problem: Problem) -> bool:
    """Return whether torch refuses a layer's own arguments, whatever the layer is given: a padding of 1.5."""
    return problem.kind == "invalid-layer" or isinstance(problem.facts.get("value"), float)


def is_stated(context: FileContext, model: Model) -> bool:
    """Return whether the file itself builds an input of the sizes that the model is looked at with, and for this model.

    Where another model of the file runs with it, it is rather meant for that one.
    """
    if context.source.tree is None or (model.trial and not all(m.trial for m in context.models)):
        return False
    sizes = tuple(value(size) for size in (model.input or ())[2:])
    if any(m.status == "complete" and [value(s) for s in (m.input or ())[2:]] == list(sizes) for m in context.models):
        return False
    return any(shape[2:] == sizes or shape[1:] == sizes for shape in built_shapes(context.source.tree))


GUESSES = frozenset({10, 7})
"""The numbers of classes that the reader tries for a class that needs one: channels of that number prove nothing."""


def mended_by_size(model: Model, problem: Problem) -> bool:
    """Return whether a condition holds for images of another size, so that a guessed one proves nothing."""
    guard = problem.facts.get("guard")
    if not isinstance(guard, Guard) or not ((symbols(guard.left) | symbols(guard.right)) - {"N"}):
        return False
    # A reshape with numbers of its own may be meant for a map, such as 7x7, that is no image.
    sizes = list(range(1 if problem.kind == "reshape" else LEAST, LARGEST + 1))
    test = RELATIONS[guard.relation]
    pairs = zip(values_at(model, guard.left, sizes), values_at(model, guard.right, sizes), strict=True)
    return any(left == left and right == right and test(left, right) for left, right in pairs)  # noqa: PLR0124 - not nan


LEAST = 16


def takes_no_arguments(cls: ast.ClassDef | None) -> bool:
    """Return whether a class has a constructor of its own that takes nothing."""
    body = [] if cls is None else cls.body
    return any(
        isinstance(node, ast.FunctionDef) and node.name == "__init__" and len(ast.unparse(node.args).split(",")) == 1
        for node in body
    )


class _Search:
    """The search through one file."""

    def __init__(self, context: FileContext) -> None:
        self.context = context
        assert context.source.tree is not None  # noqa: S101 - checked by the caller
        self.root: ast.Module = context.source.tree
        self.tree = Tree(context.source, self.root)
        self.started = time.thread_time()
        self.proven: list[Change] = []
        self.settled: dict[tuple[object, ...], tuple[Change, set[tuple[object, ...]]]] = {}
        """The change that ended a kind of problem at a place in one model, and all that ended with it."""
        self.tries = 0

    def run(self) -> list[Blame]:
        found: list[Blame] = []
        models = [(m, [p for p in self.relevant(m) if not explained(self.context, m, p)]) for m in self.context.models]
        for model, problems in sorted(
            ((m, p) for m, p in models if p), key=lambda pair: (pair[0].trial, len(pair[0].ops))
        ):
            found.extend(self.of_model(model, problems))
        return found

    def relevant(self, model: Model) -> list[Problem]:
        """Return the problems of a model that a change may end."""
        fixed = not model.trial and takes_no_arguments(self.tree.classes().get(model.name))
        return relevant(model, stated=is_stated(self.context, model), fixed=fixed)

    def is_over(self) -> bool:
        """Whether the budget of tries or time is used up."""
        return self.tries >= MAX_TRIES or time.thread_time() - self.started > SECONDS

    def of_model(self, model: Model, problems: list[Problem]) -> Iterator[Blame]:
        """Yield the mistakes of one model, one after the other; each is mended before the next is looked for."""
        left, kept = list(problems), []
        every = {key(p) for p in model.problems}
        said = False
        try:
            while left:
                first = left[0]
                change, gone = self.mend(model, first, every, {key(p) for p in left})
                if change is None:
                    ended = tuple(p for p in left if p.site == first.site)
                    if not said:
                        yield Blame(model, first, None, ended)
                    said = True
                    left = [p for p in left if p.site.line != first.site.line and not follows(model, first, p)]
                    continue
                yield Blame(model, first, change, tuple(p for p in left if key(p) in gone))
                left = [p for p in left if key(p) not in gone]
                every -= gone
                if left:
                    change.make()
                    kept.append(change)
                    self.tree = Tree(self.context.source, self.root)
        finally:
            for change in reversed(kept):
                change.revert()
            if kept:
                self.tree = Tree(self.context.source, self.root)

    def mend(self, model: Model, problem: Problem, every: set[Key], open_: set[Key]) -> tuple[Change | None, set[Key]]:
        """Return the change that ends a problem, and which problems end with it."""
        best: tuple[Change | None, set[Key]] = (None, set())
        second: tuple[Change | None, set[Key]] | None = None
        if self.context.reread is None:
            return best
        if self.is_over():
            settled, ended = self.settled.get(key(problem)[:3], (None, set()))
            return settled, {each for each in open_ if each[:3] in ended}
        for change in (*self.proven, *self.candidates(model, problem)):
            if self.is_over():
                break
            self.tries += 1
            gone = self.attempt(model, change, problem, every)
            if gone >= open_ and not self.mends_largest(model, change, problem):
                second = second or (change, gone)
                continue
            if len(gone) > len(best[1]):
                best = change, gone
            if gone >= open_:
                break
        best = max(best, second or best, key=lambda found: len(found[1]))
        if best[0] is not None and best[0] not in self.proven:
            self.proven.append(best[0])
        if best[0] is not None:
            self.settled.setdefault(key(problem)[:3], (best[0], {each[:3] for each in best[1]}))
        return best

    def size_for(self, model: Model, problem: Problem) -> tuple[int, ...] | None:
        """Return the sizes of the input at which changes are tried.

        These are the ones being looked at, unless they were guessed and a linear layer counts positions: then they are
        those that leave one position.
        """
        if model.input is None:
            return None
        size = tuple(value(s) for s in model.input[1:])
        found = one_position(model, problem, stated=is_stated(self.context, model))
        return size if found is None else (size[0], *(found for _ in size[1:]))

    def mends_largest(self, model: Model, change: Change, problem: Problem) -> bool:
        """Return whether a change also ends the problem in the largest other model that shows it."""
        wanted = key(problem)[:3]
        others = [
            m for m in self.context.models if m.name != model.name and any(key(p)[:3] == wanted for p in m.problems)
        ]
        if not others:
            return True
        largest = max(others, key=lambda m: len(m.ops))
        first = next(p for p in largest.problems if key(p)[:3] == wanted)
        return bool(self.attempt(largest, change, first, {key(p) for p in largest.problems}))

    def candidates(self, model: Model, problem: Problem) -> list[Change]:
        """Return the changes that may end a problem, the most ordinary mistakes first, each once."""
        found = sorted(
            generate(self.tree, model, problem, stated=is_stated(self.context, model)), key=lambda change: change.cost
        )
        seen: set[tuple[object, ...]] = set()
        unique = []
        for change in found:
            mark = (
                (change.edits, change.site.line, change.site.column, change.advice) if change.edits else (id(change),)
            )
            if mark not in seen:
                seen.add(mark)
                unique.append(change)
        return unique

    def attempt(self, model: Model, change: Change, problem: Problem, every: set[Key]) -> set[Key]:
        """Return the problems that a change ends, none if it does not end this one or if it brings another."""
        assert self.context.reread is not None  # noqa: S101 - checked by the caller
        size = self.size_for(model, problem)
        wanted = key(problem)
        change.make()
        try:
            read = self.context.reread(frozenset({model.name}), size, lambda p: key(p) == wanted or key(p) not in every)
        finally:
            change.revert()
        after = next((m for m in read if m.name == model.name), None)
        if after is None or (after.status == "partial" and len(after.ops) < len(model.ops)):
            return set()
        if after.status == "failed" and not after.problems:
            return set()
        if problem.kind == "broadcast" and not equal_operands(after, problem):
            return set()
        if change.wires and len(unread(after)) >= len(unread(model)):
            return set()
        rest = {key(p) for p in after.problems}
        return every - rest if wanted not in rest and rest < every else set()


def follows(model: Model, first: Problem, later: Problem) -> bool:
    """Return whether an operation gets what a failing one gives, without a layer with weights in between."""
    broken, op = failing_op(model, first), failing_op(model, later)
    todo, seen = [] if op is None or broken is None else list(op.inputs), set()
    while todo:
        current = model.ops[todo.pop()]
        if broken is not None and current.index == broken.index:
            return True
        if current.index not in seen and current.kind not in WEIGHTED:
            seen.add(current.index)
            todo.extend(current.inputs)
    return False


def one_position(model: Model, problem: Problem, *, stated: bool) -> int | None:
    """Return the size of images that leaves one position in front of a linear layer that fails at a guessed size."""
    got = problem.facts.get("got")
    if problem.kind != "linear-features" or not isinstance(got, Dim) or stated:
        return None
    sizes = list(range(LEAST, 513))
    rank = len(model.input or ()) - 2
    least = factorise(got)[0]
    fitting = [size for size, features in zip(sizes, values_at(model, got, sizes), strict=True) if features == least]
    return min(fitting, key=lambda size: abs(size - 224)) if fitting and rank > 0 else None


def equal_operands(model: Model, problem: Problem) -> bool:
    """Return whether the sums at a place add tensors of one shape: sizes of one that spread are no repair."""
    return all(
        len({tuple(value(size) for size in model.ops[i].shape) for i in op.inputs}) == 1
        for op in model.ops
        if op.site.line == problem.site.line
        and op.path == problem.module
        and len(op.inputs) == 2
        and op.kind == problem.facts.get("operator", op.kind)
    )


def generate(tree: Tree, model: Model, problem: Problem, *, stated: bool) -> Iterator[Change]:
    """Yield candidates for a problem."""
    op = failing_op(model, problem)
    got, expected = problem.facts.get("got"), problem.facts.get("expected")
    if one_position(model, problem, stated=stated) is not None:
        got = factorise(got)[0]
    got, expected = value(got), value(expected)
    yield from wiring.of_other_rules(tree, model)
    if problem.kind in {"invalid-layer", "indivisible"}:
        yield from invalid.candidates(tree, problem)
    if op is None:
        return
    if problem.kind == "empty-output" and op.kind in {"avg_pool", "max_pool"}:
        yield from wiring.adaptive(tree, model, op)
    if problem.kind == "reshape":
        yield from wiring.reshapes(tree, op)
    if problem.kind in {"broadcast", "cat-sizes"}:
        yield from sums.candidates(tree, model, op)
        yield from wiring.operands(tree, model, op)
    elif problem.kind in {"conv-channels", "norm-channels", "linear-features", "channels", "matmul-features"}:
        yield from wiring.operands(tree, model, op)
        yield from wiring.concatenations(tree, model, op)
        if isinstance(got, int) and isinstance(expected, int):
            if problem.kind == "linear-features":
                yield from wiring.heads(tree, model, op, got, expected)
            yield from channels.candidates(tree, model, op, got, expected)
