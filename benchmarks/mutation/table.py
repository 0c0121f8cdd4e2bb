"""The figures as a page of the documentation."""

from __future__ import annotations

import datetime as dt
from importlib.metadata import version

from mutation.judging import Row
from mutation.operators import OPERATORS

PAGE = """# Planted mistakes: what is found

{command} plants each mistake of the rules mechanically, with edits at the spans of the syntax tree: in the references, with
`--cases` in correct model files of every style, and with `--corpus` in files of public packages with residual networks in
which there is nothing to find; a mistake against what a file says of its network (RC4) only where it says something. The
goals are 97 % found and 92 % at the right line.
Torch then runs the correct file and the mutant with the same weights, images and random numbers; a mutant that behaves as
before (state, outputs at two sizes, gradients, running statistics, mode) is equivalent and does not count. A mistake is *found*
when an error or a warning is new (a note only where the mistake deserves no more: {notes}), *at the line* when
one of those names the line that was changed, or one that would mend it just as well, in its span or among its related
places, and *by the rule* when the rule is one of those that the mistake belongs to.

{date}, resnet-check {tool}, torch {torch}, Python {python}; seed {seed}, {files} files, {operators} kinds of mistake.

| mistake | rules | planted | equivalent | found | at the line | by the rule |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
{rows}

## Weak ones

{weak}
"""

WEAK = {
    "1x1 in the middle of a bottleneck": "where a bottleneck lies under a name of another family, the name tells "
    "nothing.",
    "another block under this name": "an argument that the other block needs and does not get is a note where an "
    "imported class makes the call.",
    "arguments of a block swapped": "where the block fits with its arguments swapped too, the first layer behind it "
    "that does not is named.",
    "attribute misspelled where it is built": "where the attribute was set to None before, the block's sum is named.",
    "branch added to itself": "`f(x) + f(x)` uses a layer twice, which may be meant; `y + y` is always found.",
    "detached": "beside norms that the file freezes, a cut counts as meant.",
    "expansion of 2": "where the file writes the widths out as numbers, the first width that does not fit is named.",
    "fixed pool at the end": "silent where the file's own images leave a map of just that size.",
    "flatten forgotten": "a pool with a fixed kernel may leave a map that a later reshape takes.",
    "float channels": "where a class of one's own takes the channels, the line in it that fails is named.",
    "gate without a sigmoid": "the line that builds the gate is named, where the last layer of the gate is meant.",
    "groups that do not divide": "channels of a lazy layer are known late, and what reads it is named.",
    "in and out of a convolution swapped": "where another value of the layer behind mends it as well, that layer is "
    "named.",
    "in_channels of a stage wrong": "where the width of a stage changes as a whole, the classifier that asks for "
    "another one is named.",
    "kernel and stride swapped": "a kernel of 2 with a stride of 3 may be meant in a stem that no name describes.",
    "kernel grown, padding not": "where no sum compares the sizes, a smaller map is a design of its own.",
    "kernel of the stem wrong": "a stem of another kernel is a note at most: many networks with a published name "
    "change it for small images.",
    "later blocks with the stage's input width": "channels that go through an imported helper were named at the call "
    "of the helper.",
    "layer never applied": "where the shapes do not fit without it, the sum or the next layer is named.",
    "layer reads the block's input": "channels of a lazy layer are known late, and the sum is named.",
    "layer without self.": "where a local name of the same spelling exists, the line that reads the attribute is "
    "named.",
    "list instead of ModuleList": "a list of layers without parameters may stay one; where the layers are used is "
    "named too.",
    "max pool of the stem left out": "the line of the convolution in front of it is named.",
    "mean over the batch": "a head that only training uses is not followed.",
    "no addition": "what remains is a plain network, unless a name or its other blocks say that it was residual.",
    "norm left out of a Sequential": "where a helper built the convolution, the helper is named.",
    "norm used twice": "norms that are lazy or chosen by `getattr` may be shared on purpose.",
    "padding forgotten in a block": "where no sum compares the sizes, a smaller map is a design of its own.",
    "padding of the max pool forgotten": "in a network that is wider than its name says, the name tells nothing.",
    "parentheses forgotten": "the call that hands the input to the constructor is named.",
    "pool on the shortcut drops an odd border": "a note where the file's own images stay even; in three dimensions "
    "the wrong pool was planted, which is another mistake.",
    "projection left out in forward": "the line that builds the projection is named as unused as well.",
    "projection never built": "where a dictionary holds the parts, the shortcut is not read as one.",
    "projection where nothing changes": "silent where every block projects: option C of He et al. 2015.",
    "ReLU after the sum dropped": "networks without a published name may leave the sum as it is, as those for "
    "super-resolution do.",
    "ReLU at the end of the branch": "where a gate follows the convolutions, or `getattr` reaches them, the branch "
    "is not read as a chain of layers.",
    "ReLU between two convolutions dropped": "where a dictionary holds the parts, or functions take the weights, the "
    "branch is not read as a chain.",
    "ReLU moved before the sum": "where a gate follows the convolutions, the branch is not read as a chain of layers.",
    "ReLU of the stem dropped": "before a max pool, a gate or a block that begins with an activation the stem may "
    "stay linear.",
    "ReLU on the logits": "whether five numbers are scores of classes is not known without words for it.",
    "ReLU on the shortcut": "a shortcut through a function of the file, or re-parametrised, is not read as a "
    "projection.",
    "return dropped": "where the last statement is an `if`, its line is named and not that of the function.",
    "return in one branch only": "a `forward` of a mix-in is only followed in eval mode.",
    "return inside the loop": "a list of maps of which only the first comes back may be meant.",
    "running channels not updated": "in tables of MobileNet blocks the first convolution that does not fit is named.",
    "shortcut added twice": "a sum of three is a design of its own where the network has no published name.",
    "softmax before the loss": "a softmax on a head that only training uses, or a loss in another function, is not "
    "followed.",
    "stage twice as wide": "where the shortcut does not project for want of another width, the shortcut is named.",
    "stage without its stride": "the last stage keeps its size on purpose in networks for re-identification and "
    "segmentation: a note.",
    "stride a stage too early": "a block whose identity cannot halve the map fails at its sum, which is named.",
    "stride handed to padding": "where the shapes do not fit any more, the sum is named and not always the call.",
    "stride in the second convolution": "a note where no name says which network this is.",
    "stride on every block": "where the blocks' own shortcuts allow it, only a published name tells.",
    "trailing comma": "not reached where `forward` itself raises first.",
    "view with -1 for the batch": "a reshape under a condition on the input's shape is not followed.",
}
"""Why an operator is not found, or not at its line, as often as the others."""

LEVEL = 0.9
"""The share at the line below which an operator is called weak."""


def page(rows: list[Row], files: int, seed: int, date: dt.date, python: str) -> str:
    """Return the page, one row an operator."""
    total = Row("**all**", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True)))  # type: ignore[arg-type]
    weak = [row.operator for row in rows if row.real and row.at_line < LEVEL * row.real]
    return PAGE.format(
        command="`python benchmarks/mutants.py`",
        notes=", ".join(f'"{each.name}"' for each in OPERATORS.values() if each.note),
        date=date,
        tool=version("resnet-check"),
        torch=version("torch"),
        python=python,
        seed=seed,
        files=files,
        operators=len(rows),
        rows="\n".join([*(_row(row, " ".join(OPERATORS[row.operator].rules[:3])) for row in rows), _row(total, "")]),
        weak="\n".join(f"- **{name}**: {WEAK.get(name, 'not explained yet.')}" for name in weak) or "None.",
    )


def _row(row: Row, rules: str) -> str:
    shares = (f"{count} ({100 * count / row.real:.0f} %)" if row.real else "-" for count in row[3:])
    return f"| {row.operator} | {rules} | {row.planted} | {row.equivalent} | {' | '.join(shares)} |"
