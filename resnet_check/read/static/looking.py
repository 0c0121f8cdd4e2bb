"""Choosing the input at which a model is looked at, by trying: channels from the stem, sizes that it accepts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from resnet_check.graph.dim import Dim, column, value
from resnet_check.graph.records import Op, Site
from resnet_check.read.static import doubtful, inputs, passes
from resnet_check.read.static.trace import Registry
from resnet_check.read.static.values import Instance

if TYPE_CHECKING:
    import ast

    from resnet_check.read.static.interpreter import Interpreter

Looked = tuple[tuple[Any, ...], passes.Pass]


LEAST = 16
"""No network is meant for smaller images only: what differs at every size but these is a mistake."""

BOARD = 3
"""The smallest board of a game: a network that keeps the size of its input may be meant for one."""

WAVE = (16_000,)
"""A second of sound, where a network begins with a spectrogram."""

FRAMES = 8
"""How many images a model gets that takes several: it is as good as any other number."""


class Looker:
    """Tries inputs on one model."""

    def __init__(self, interpreter: Interpreter, root: Instance, registry: Registry, site: Site) -> None:
        self.interpreter = interpreter
        self.root = root
        self.registry = registry
        self.site = site
        self.guessed = False
        """Whether nothing says what the input is."""

    def look(self, tree: ast.Module, asked: tuple[int, ...] | None, *, sizes_only: bool = False) -> Looked:
        """Return the shape of the input that the file means, and the pass with it.

        With ``sizes_only`` the channels asked for do not count, those of the stem do.
        """
        rank, channels = inputs.stem_of(self.root)
        stated = [asked] if asked is not None else inputs.stated(self.root, tree, rank)
        if stated:
            looked = self.attempt(stated[0][0] if asked is not None and not sizes_only else channels, stated[0][1:])
            if asked is None and not inputs.given_shapes(self.root) and too_deep(looked[1]):
                return self.without_channels(tree, rank) or looked
            return looked
        self.guessed = True
        looked = self.attempt(channels, inputs.DEFAULTS[rank])
        _, done = looked
        if done.raised is None and doubtful.input_is_wrong(done):
            return self.of_another_kind(tree, channels, rank, first_kind(done)) or looked
        meant = reshaped(done)
        if meant is not None:
            other = self.run(meant[0], meant[1:])
            if not other[1].fatal:
                return other
        if not size_matters(done):
            small = looked if rank != 2 or reduces_early(done) else self.attempt(channels, (32, 32))
            return looked if small[1].fatal and not done.fatal else small
        for sizes in self.promising(looked, rank):
            other = self.attempt(channels, sizes)
            if not other[1].fatal:
                return other
        return (self.of_another_kind(tree, channels, rank, "") if doubtful.refuses_input(done) else None) or looked

    def without_channels(self, tree: ast.Module, rank: int) -> Looked | None:
        """Return what an input without a dimension for the channels gives, if forward adds that dimension itself."""
        looked = self.unchanneled(tree, rank)
        return None if refuses(looked[1]) else looked

    def unchanneled(self, tree: ast.Module, rank: int) -> Looked:
        """Return what an input without a dimension for the channels gives."""
        return self.run(None, next((s for s in inputs.stated_shapes(tree) if len(s) == rank), inputs.DEFAULTS[rank]))

    def of_another_kind(self, tree: ast.Module, channels: int, rank: int, why: str) -> Looked | None:
        """Return what the first input that is accepted gives: without channels, an image for features, or a signal.

        If none is, it is the one that came through several layers, as the right one does where the network has a mistake.
        ``why`` is the kind of problem that an image has: channels may be looked for at the end, or several images.
        """
        looked = self.unchanneled(tree, rank) if rank else self.attempt(channels, inputs.DEFAULTS[2])
        if not refuses(looked[1]):
            return looked
        signals = [] if rank == 1 else [(each, inputs.DEFAULTS[1]) for each in (channels, None)]
        signals.append((None, WAVE))
        shapes = [passes.free_shape(*signal) for signal in signals]
        if rank == 2:
            batch, _, *sizes = passes.free_shape(channels, inputs.DEFAULTS[2])
            likely = {"conv-channels": (batch, *sizes, channels), "bad-call": (batch, FRAMES, channels, *sizes)}
            shapes += [shape for kind, shape in likely.items() if why == kind]
        tried = [looked]
        for shape in shapes:
            tried.append(self.run_on(shape))
            if not refuses(tried[-1][1]):
                return tried[-1]
        best = max(tried, key=lambda each: layers_passed(each[1]))
        return best if layers_passed(best[1]) >= SEVERAL else None

    def promising(self, looked: Looked, rank: int) -> list[tuple[int, ...]]:
        """Return the usual sizes, and then those at which the conditions that failed would hold."""
        done = looked[1]
        names = [str(size) for size in looked[0] if isinstance(size, Dim) and str(size) != "N"]
        found = [size for size in inputs.FALLBACKS if rank]
        least = LEAST if reduces(done) else BOARD
        mended = [size for size in passes.mended_sizes(done, names) if size >= least]
        if mended:
            nearest = min(mended, key=lambda s: abs(s - inputs.FALLBACKS[0]))
            usual = [s for s in found if s in mended][:4]
            found = [*usual, nearest, *[s for s in found if s not in mended][:8]]
        oblong = [] if mended or rank != 2 else oblong_sizes(done)
        return [*oblong, *[(size,) * rank for size in found]]

    def attempt(self, channels: int, sizes: tuple[int, ...]) -> Looked:
        """Run forward, with the channels that the stem turns out to take."""
        shape, done = self.run(channels, sizes)
        wanted = stem_expects(done)
        for other in [] if wanted is None else input_channels(channels, *wanted):
            if other != channels:
                other_shape, other_done = self.run(other, sizes)
                if stem_expects(other_done) is None:
                    return other_shape, other_done
        return shape, done

    def run(self, channels: int | None, sizes: tuple[int, ...]) -> Looked:
        """Run forward once."""
        return self.run_on(passes.free_shape(channels, sizes))

    def run_on(self, shape: tuple[Any, ...]) -> Looked:
        """Run forward once on an input of any shape."""
        return shape, passes.run(self.interpreter, self.root, self.registry, shape, self.site, training=False)


OF_THE_CODE = frozenset(
    {"forward-missing-return", "missing-forward", "missing-super-init", "module-not-built", "sequential-missing-star"}
)
"""Mistakes that no input brings about, and none mends."""


def refuses(done: passes.Pass) -> bool:
    """Return whether torch stops for a reason that another input could mend."""
    return done.raised is not None or any(p.kind not in passes.NOT_FATAL | OF_THE_CODE for p in done.problems)


SEVERAL = 3
"""How many layers with weights take an input of the right kind before a mistake further in stops it."""


def layers_passed(done: passes.Pass) -> int:
    """Return how many layers with weights took what they got before torch would stop."""
    fatal = next((p for p in done.problems if p.kind not in passes.NOT_FATAL), None)
    end = None if fatal is None else fatal.facts.get("op_index")
    return sum(has_weights(op, done.trace.ops) for op in done.trace.ops[:end])


def first_kind(done: passes.Pass) -> str:
    """Return the kind of the first problem with which torch stops, an empty text where there is none."""
    return next((p.kind for p in done.problems if p.kind not in passes.NOT_FATAL), "")


def too_deep(done: passes.Pass) -> bool:
    """Return whether a layer got a tensor of more dimensions than it takes before anything with weights ran."""
    fatal = next((p for p in done.problems if p.kind not in passes.NOT_FATAL), None)
    return fatal is not None and fatal.kind == "wrong-rank" and bool(fatal.facts.get("early"))


def reshaped(done: passes.Pass) -> tuple[int, ...] | None:
    """Return the channels and the sizes that forward itself gives the input first of all, where it names numbers."""
    for op in done.trace.ops[1:]:
        if op.inputs[:1] == (0,):
            numbers = op.shape[1:] if op.kind in {"reshape", "view"} and len(op.shape) > 2 else ()
            whole = tuple([size for size in numbers if isinstance(size, int)])
            return whole if whole and len(whole) == len(numbers) else None
    return None


RESIZING = frozenset({"conv", "max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool", "interpolate", "mean"})


def reduces(done: passes.Pass) -> bool:
    """Return whether something gives images of another size than the one it gets."""
    ops = done.trace.ops
    return any(op.kind in RESIZING and op.shape[2:] != ops[op.inputs[0]].shape[2:] for op in ops if op.inputs)


def oblong_sizes(done: passes.Pass) -> list[tuple[int, ...]]:
    """Return a height and a width, as near to each other as can be, for which a linear layer counts the positions.

    A number of positions that is a square but for a power of two is rather one of channels that are counted wrongly.
    """
    for problem in done.problems:
        got, expected = problem.facts.get("got"), problem.facts.get("expected")
        if problem.kind == "linear-features" and isinstance(got, Dim) and isinstance(expected, int):
            before = done.trace.ops[problem.facts["op_index"]].inputs[0]
            channels = channels_before(done.trace.ops, before)
            positions, rest = divmod(expected, channels)
            odd = positions >> ((positions & -positions).bit_length() - 1) if positions else 1
            if rest or math.isqrt(odd) ** 2 == odd:
                return []
            heights = range(math.isqrt(positions), BOARD - 1, -1)
            height = next((h for h in heights if positions % h == 0), 0)
            sides = [side_for(got, channels, s) for s in (height, positions // height)] if height else []
            return [tuple(s for s in sides if s is not None)] if None not in sides and sides else []
    return []


def channels_before(ops: list[Op], index: int) -> int:
    """Return the channels of the map that is flattened before a linear layer."""
    while len(ops[index].shape) < 4 and ops[index].inputs:
        index = ops[index].inputs[0]
    channels = ops[index].shape[1] if len(ops[index].shape) == 4 else 1
    return channels if isinstance(channels, int) else 1


def side_for(features: Dim, channels: int, side: int) -> int | None:
    """Return the largest size of a square image whose map has sides of this length where it is flattened."""
    sizes = list(range(passes.MAX_SIZE, 0, -1))
    columns = dict.fromkeys(passes.SPATIAL[2], sizes) | {"N": [passes.BATCH] * len(sizes)}
    found = column(features, columns, {})
    return next((s for s, count in zip(sizes, found, strict=True) if count == channels * side * side), None)


def input_channels(channels: int, got: int, expected: int) -> list[int]:
    """Return the channels of the input that could give the first layer what it expects.

    What stands before it may multiply the channels (a rearrangement of space into depth) or add some (coordinates).
    """
    found = [channels + expected - got]
    if got and channels * expected % got == 0:
        found.insert(0, channels * expected // got)
    return [c for c in found if c > 0]


def stem_expects(done: passes.Pass) -> tuple[int, int] | None:
    """Return the channels that the first layer with weights got and wants, when they do not fit."""
    for problem in done.problems:
        if problem.kind in {"conv-channels", "linear-features", "norm-channels"}:
            index = problem.facts.get("op_index")
            got, expected = value(problem.facts.get("got")), problem.facts.get("expected")
            if index is None or not isinstance(got, int) or not isinstance(expected, int):
                return None
            ops = done.trace.ops
            return None if any(has_weights(op, ops) for op in ops[:index]) else (got, expected)
    return None


def has_weights(op: Op, ops: list[Op]) -> bool:
    """Return whether an Op applies weights that are trained, not a fixed filter."""
    return op.kind in WEIGHTED and (len(op.inputs) == 1 or ops[op.inputs[1]].kind == "parameter")


WEIGHTED = frozenset({"conv", "linear", "batch_norm", "conv_transpose"})


def reduces_early(done: passes.Pass) -> bool:
    """Return whether the stem reduces the image before the first residual sum, as stems for large images do."""
    for op in done.trace.ops:
        if op.kind == "add":
            return False
        if op.kind in {"conv", "max_pool", "avg_pool"}:
            stride = op.attributes.get("stride")
            if any(isinstance(s, int) and s > 1 for s in (stride if isinstance(stride, (tuple, list)) else (stride,))):
                return True
    return True


def size_matters(done: passes.Pass) -> bool:
    """Return whether the pass failed in a way that another size could mend."""
    if done.raised is not None:
        return True
    return done.fatal and any(
        isinstance(g.left, Dim) or isinstance(g.right, Dim) for g in done.guards if not g.held or not g.required
    )
