"""Fixes: what is mended, what is refused, and that nothing else changes."""

import ast
from pathlib import Path
from textwrap import dedent, indent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_check import fixing
from resnet_check.checking import check_source
from resnet_check.config import Settings
from resnet_check.finding import Edit, Fix
from resnet_check.fixing import mend
from resnet_check.graph.records import Site
from resnet_check.rules.base import Rule, all_rules
from resnet_check.source import parse_source
from tests.mended_texts import BIAS, COMMA, WITHOUT_COMMA

MODELS = Path(__file__).parent / "models"

CLEAN = WITHOUT_COMMA


def offered(report, _data=b""):
    return [finding for finding in report.findings if finding.fix]


def mended(text, wanted=offered):
    return mend("model.py", text.encode(), Settings(), wanted)


def checked(text):
    return check_source(parse_source("model.py", text.encode()), Settings())


# What is mended, and how.

MODEL = """\
import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    pass


def norm():
    return nn.BatchNorm2d(8)


class Net(nn.Module):
{init}
    def forward(self, x):
{forward}
"""
INIT = """\
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

"""
FORWARD = "        return self.conv(x)\n"


def model(init=INIT, forward=FORWARD):
    return MODEL.format(init=init, forward=forward).rstrip("\n") + "\n"


def written(body, kind):
    """Return a model with a body of a constructor or of a forward, given without its indentation."""
    text = indent(dedent(body).strip("\n") + "\n", "        ")
    return model(init=f"    def __init__(self):\n{text}") if kind == "init" else model(forward=text)


LINES = [
    ("init", "self.conv = nn.Conv2d(3, 3, 3)", "super().__init__()\nself.conv = nn.Conv2d(3, 3, 3)"),
    (
        "init",
        '"""Build it."""\nself.conv = nn.Conv2d(3, 3, 3)\nsuper().__init__()  # late',
        '"""Build it."""\nsuper().__init__()\nself.conv = nn.Conv2d(3, 3, 3)',
    ),
    ("init", "super(Block, self).__init__()\nself.conv = nn.Conv2d(3, 3, 3)", "super().__init__()\nself.conv = nn.Conv2d(3, 3, 3)"),
    ("init", "super().__init__\nself.conv = nn.Conv2d(3, 3, 3)", "super().__init__()\nself.conv = nn.Conv2d(3, 3, 3)"),
    (
        "init",
        "super().__init__()\nself.conv = nn.Sequential([nn.Conv2d(3, 3, 3), nn.ReLU()])",
        "super().__init__()\nself.conv = nn.Sequential(*[nn.Conv2d(3, 3, 3), nn.ReLU()])",
    ),
    (
        "init",
        "super().__init__()\nself.conv = nn.Sequential(nn.Conv2d(3, 3, 3) for _ in range(2))",
        "super().__init__()\nself.conv = nn.Sequential(*(nn.Conv2d(3, 3, 3) for _ in range(2)))",
    ),
    (
        "init",
        "super().__init__()\nself.conv = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU)",
        "super().__init__()\nself.conv = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU())",
    ),
    (
        "init",
        "super().__init__()\nself.conv = nn.Sequential(\n    nn.Conv2d(\n        3, 8, 3,\n    ),\n    norm(),\n)",
        "super().__init__()\nself.conv = nn.Sequential(\n    nn.Conv2d(\n        3, 8, 3, bias=False,\n    ),\n    norm(),\n)",
    ),
    (
        "init",
        "super().__init__()\nself.conv = nn.Sequential(nn.Conv2d(3, 8, 3, bias=True), nn.BatchNorm2d(8))",
        "super().__init__()\nself.conv = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))",
    ),
    (
        "init",
        "super().__init__()\nself.conv = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(3))",
        "super().__init__()\nself.conv = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))",
    ),
    ("init", "super().__init__()\nconv = nn.Conv2d(3, 3, 3)", "super().__init__()\nself.conv = nn.Conv2d(3, 3, 3)"),
    ("init", "super().__init__()\nself.conv = nn.Conv2D(3, 3, 3)", "super().__init__()\nself.conv = nn.Conv2d(3, 3, 3)"),
    ("forward", "x = self.conv(x)\ntorch.relu(x)", "x = self.conv(x)\nreturn torch.relu(x)"),
    ("forward", "out = self.conv(x)\nout = torch.relu(out)", "out = self.conv(x)\nout = torch.relu(out)\nreturn out"),
    ("forward", "x = self.conv(x)\nx.relu()\nreturn x", "x = self.conv(x)\nx = x.relu()\nreturn x"),
    ("forward", "return self.cnov(x)", "return self.conv(x)"),
    (
        "forward",
        "for _ in range(3):\n    x = self.conv(x)\n    return x",
        "for _ in range(3):\n    x = self.conv(x)\nreturn x",
    ),
    ("forward", "return F.dropout(self.conv(x), 0.5)", "return F.dropout(self.conv(x), 0.5, training=self.training)"),
    (
        "forward",
        "return F.dropout(self.conv(x), 0.5, training=True)",
        "return F.dropout(self.conv(x), 0.5, training=True)",
    ),
]  # fmt: skip
"""Bodies with a mistake, and what they are mended to."""


@pytest.mark.parametrize(("kind", "before", "after"), LINES)
def test_lines_are_mended(kind, before, after):
    assert mended(written(before, kind)).data.decode() == written(after, kind)


NAMES = [
    ("def _init_(self", "def __init__(self"),
    ("def foward(self, x)", "def forward(self, x)"),
    ("def forward(x)", "def forward(self, x)"),
]


@pytest.mark.parametrize(("before", "after"), NAMES)
def test_names_of_methods_are_mended(before, after):
    assert mended(model().replace(after, before)).data.decode() == model()


COMMENTS = [
    ("x = 1  # resnet-check: ignore[missing-norm] why\n", "x = 1\n"),
    ("x = 1  # resnet-check: ignore[missing-norm, RC201]\n", "x = 1\n"),
    ("x = 1  # resnet-check: ignore[missing-norm]  # noqa: E501\n", "x = 1  # noqa: E501\n"),
    ("x = 1  # resnet-check: ignore[missing-norm] see #12\n", "x = 1\n"),
    ("x = 1  # type: int  # resnet-check: ignore[missing-norm]\n", "x = 1  # type: int\n"),
    ("# resnet-check: ignore[missing-norm]\nx = 1\n", "x = 1\n"),
    ("if True:\n    # resnet-check: ignore[missing-norm]\n    x = 1\n", "if True:\n    x = 1\n"),
    ("# resnet-check: ignore-file[missing-norm]\nx = 1\n", "x = 1\n"),
    ("x = '# resnet-check: ignore[missing-norm]'\n", None),
    ("# resnet-check: ignore-file\nx = 1\n", None),
    ("x = 1  # resnet-check: ignore[RC3]\n", None),
    ("x = 1  # resnet-check: ignore[misspelled]\n", None),
    ("x = 1  # resnet-check: ignore\n", None),
]


@pytest.mark.parametrize(("before", "after"), COMMENTS)
def test_comments_without_effect_are_taken_out(before, after):
    assert mended(before).data.decode() == (before if after is None else after)


def test_a_name_without_effect_is_taken_out_of_a_comment():
    text = BIAS.replace("8, 3)", "8, 3)  # resnet-check: ignore[missing-norm, bias-before-norm] the checkpoint")
    assert mended(text).data.decode() == text.replace("missing-norm, ", "")


FIXABLE = [
    "unused-ignore",
    "forward-missing-return", "return-inside-loop", "missing-forward", "missing-super-init", "undefined-attribute",
    "unregistered-module", "sequential-missing-star", "module-not-built", "result-discarded", "late-binding-closure",
    "shortcut-shape-mismatch", "conv-channels-mismatch", "norm-channels-mismatch", "linear-features-mismatch",
    "fixed-input-size", "batch-mixed", "invalid-layer",
    "relu-before-add", "missing-norm", "broken-chain", "bias-before-norm", "stage-width-mismatch", "stem-mismatch",
    "inplace-breaks-backward", "inplace-changes-identity", "dropout-always-on",
]  # fmt: skip
"""The rules that know the mended line, at least sometimes."""


@pytest.mark.parametrize("rule", [rule for rule in all_rules() if rule.name in FIXABLE], ids=lambda rule: rule.name)
def test_what_the_examples_of_a_rule_offer_is_right_and_done_at_once(rule):
    fixes = 0
    for text in rule.bad:
        before = checked(text)
        result = mended(text)
        fixes += any(finding.rule == rule.name for finding in result.made)
        assert offered(result.report) == []
        assert len(result.report.findings) <= len(before.findings)
        assert mended(result.data.decode()) == result._replace(made=())
    assert fixes


# What is refused.

WRONG = [
    pytest.param(CLEAN, "nn.Conv2d(3, 8, 3)", "nn.Conv2d(3, 8, 3", True, id="no Python"),
    pytest.param(CLEAN, "nn.Conv2d(3, 8, 3)", "nn.Conv2d(3, 8, 5)", True, id="a safe fix that changes the model"),
    pytest.param(CLEAN, "nn.Conv2d(3, 8, 3)", "nn.Conv2d(3, 9, 3)", False, id="another output"),
    pytest.param(CLEAN, "nn.Conv2d(3, 8, 3)", "nn.Conv2d(3, 8, 3, bias=False)", False, id="other parameters"),
    pytest.param(CLEAN, "nn.Conv2d(3, 8, 3)", "nn.Conv2d(3, 8, 3", False, id="no Python, unsafe"),
    pytest.param(CLEAN, "nn.Conv2d(3, 8, 3)", "nn.Conv2d(4, 8)", False, id="a model that runs no more"),
    pytest.param(CLEAN, "nn.Conv2d(3, 8, 3)", "make(3)", False, id="a model that is not understood any more"),
    pytest.param(CLEAN, "class Net(", "class Other(", True, id="another name"),
]  # fmt: skip


def offering(old, new, *, safe):
    """Return a rule that finds a text, and offers another one for it."""

    def check(context):
        for number, line in enumerate(context.source.lines, 1):
            if old in line:
                start = line.index(old) + 1
                site = (context.source.path, number, start, number, start + len(old))
                fix = Fix("write it so", (Edit(*site[1:], new),), safe=safe)
                yield reporter(Site(*site), "here", fix=fix)

    from resnet_check.rules.base import Reporter

    reporter = Reporter("RC999", "wrong", "note")
    return Rule("RC999", "wrong", "note", check, page="Wrong.")


@pytest.mark.parametrize(("text", "old", "new", "safe"), WRONG)
def test_a_fix_that_does_not_hold_is_not_made(text, old, new, safe, use_rules):
    use_rules(*all_rules(), offering(old, new, safe=safe))
    result = mended(text)
    assert result.data.decode() == text
    assert [(finding.rule, finding.fix) for finding in result.report.findings] == [("wrong", None)]


def test_what_a_mistake_hid_comes_to_light_with_a_safe_fix_only(use_rules):
    hiding = COMMA.replace("3),", "3),\n        self.bn = nn.BatchNorm2d(4)").replace(
        "self.conv(x)", "self.bn(self.conv(x))"
    )
    for safe in (True, False):
        use_rules(*all_rules(), offering("3),", "3)", safe=safe))
        result = mended(hiding, wanted=lambda report, _: [f for f in offered(report) if f.rule == "wrong"])
        assert bool(result.made) is safe


def test_a_warning_that_a_mistake_hid_is_no_reason_against_any_fix():
    text = (MODELS / "blog_module.py").read_text(encoding="utf-8")
    result = mended(text)
    assert [model.status for model in result.report.models] == ["complete", "complete"]
    assert "ResidualBlock(outchannel, outchannel)" in result.data.decode()
    assert {finding.rule for finding in result.report.findings} >= {"missing-activation"}


def test_a_fix_whose_finding_stays_is_not_made(use_rules):
    use_rules(offering("8", "8 ", safe=True))
    assert mended(CLEAN).data.decode() == CLEAN


def test_a_fix_that_brings_a_warning_is_not_made(use_rules):
    use_rules(*all_rules(), offering("return self.conv(x)", "self.conv(x)\n        return x", safe=False))
    assert mended(CLEAN).data.decode() == CLEAN


NORM = """\
from torch import nn

EPS = 0.1


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8, {0})

    def forward(self, x):
        return self.bn(x)
"""


@pytest.mark.parametrize(("eps", "made"), [("0.1", True), ("EPS", False)])
def test_an_unsafe_fix_changes_only_models_that_it_stands_in(eps, made, use_rules):
    use_rules(*all_rules(), offering("0.1", "0.2", safe=False))
    text = NORM.format(eps) if eps == "EPS" else NORM.format(eps).replace("EPS = 0.1\n", "")
    assert bool(mended(text).made) is made


def test_what_holds_is_made_beside_what_does_not(use_rules):
    use_rules(*all_rules(), offering("import nn", "import nn )", safe=True))
    result = mended(COMMA)
    assert result.data.decode() == WITHOUT_COMMA
    assert [finding.rule for finding in result.made] == ["module-not-built"]


def test_fixes_over_each_other_take_turns(use_rules):
    use_rules(offering("3, 8", "3,  8", safe=True), offering("8, 3", "8,  3", safe=True))
    result = mended(CLEAN)
    assert result.data.decode() == CLEAN.replace("3, 8, 3", "3,  8,  3")
    assert len(result.made) == 2


def test_a_safe_fix_leaves_an_unsafe_one():
    text = COMMA.replace("3),", "3),\n        self.bn = nn.BatchNorm2d(8)").replace(
        "self.conv(x)", "self.bn(self.conv(x))"
    )
    safe = mended(text, wanted=lambda report, _: [f for f in offered(report) if f.fix.safe])
    assert safe.data.decode() == text.replace("3),", "3)")
    assert [(f.rule, f.fix.safe) for f in safe.report.findings] == [("bias-before-norm", False)]


@pytest.mark.parametrize("prefix", ["# -*- coding: utf-7 -*- +AGE-\n", "# -*- coding: nonsense -*-\n"])
def test_a_file_that_cannot_be_written_back_stays(prefix):
    data = (prefix + BIAS).encode()
    assert mend("model.py", data, Settings(), offered).data == data


# What holds for every file.

MISTAKES = {
    "comma": ("self.{0} = nn.Conv2d(3, 3, 1)", "self.{0} = nn.Conv2d(3, 3, 1),"),
    "class": ("self.{0} = nn.ReLU()", "self.{0} = nn.ReLU"),
    "star": ("self.{0} = nn.Sequential(*[nn.Conv2d(3, 3, 1)])", "self.{0} = nn.Sequential([nn.Conv2d(3, 3, 1)])"),
    "bias": (
        "self.{0} = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.BatchNorm2d(3))",
        "self.{0} = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))",
    ),
    "comment": ("self.{0} = nn.ReLU()", "self.{0} = nn.ReLU()  # resnet-check: ignore[missing-norm] once"),
    "shape": ("self.{0} = nn.Conv2d(3, 3, 1)", "self.{0} = nn.Conv2d(4, 3, 1)"),
}
"""A layer without a mistake and with it."""

layers = st.lists(st.tuples(st.sampled_from(sorted(MISTAKES)), st.booleans()), min_size=1, max_size=5)
certain = layers.filter(lambda kinds: ("shape", True) not in kinds)
"""Layers whose mistakes have but one mended form: numbers that do not fit can be made to in several ways."""

ends = st.sampled_from(["\n", "\r\n"])
encodings = st.sampled_from(["utf-8", "utf-8-sig", "latin-1"])


def network(kinds, *, mended=False):
    names = [f"layer{number}" for number, _ in enumerate(kinds)]
    built = (MISTAKES[kind][wrong and not mended].format(n) for n, (kind, wrong) in zip(names, kinds, strict=True))
    init = indent("\n".join(["super().__init__()", "self.stem = nn.Conv2d(3, 3, 1)", *built]), "        ")
    called = "self.stem(x)"
    for name in names:
        called = f"self.{name}({called})"
    return model(f"    def __init__(self):\n{init}\n", f"        return {called}  # é\n")


@settings(max_examples=12)
@given(certain, ends, encodings, st.booleans())
def test_mistakes_leave_in_whatever_number_and_nothing_else_changes(kinds, end, encoding, closed):
    def data(text):
        coded = f"# coding: {encoding.removesuffix('-sig')}\n{text}"
        return (coded if closed else coded.removesuffix("\n")).replace("\n", end).encode(encoding)

    result = mend("model.py", data(network(kinds)), Settings(), offered)
    assert result.data == data(network(kinds, mended=True))
    assert [finding.rule for finding in result.report.findings] == []
    assert len(result.made) >= sum(wrong for _, wrong in kinds) - sum(k == ("comment", True) for k in kinds)
    assert mend("model.py", result.data, Settings(), offered) == result._replace(made=())


@settings(max_examples=12)
@given(layers)
def test_shapes_are_made_to_fit(kinds):
    result = mended(network(kinds))
    assert result.report.findings == ()
    assert [found.status for found in result.report.models if found.name == "Net"] == ["complete"]
    assert mended(result.data.decode()) == result._replace(made=())


@settings(max_examples=50)
@given(st.text(alphabet="ab \n\r#[],'\"é", max_size=40), st.sampled_from(["missing-norm", "RC201", "RC999", "RC3"]))
def test_deleting_comments_changes_no_code(before, name):
    text = f"x = 1  # {before.replace(chr(10), ' ').replace(chr(13), ' ')}# resnet-check: ignore[{name}]\n"
    after = mended(text).data.decode()
    assert ast.dump(ast.parse(after)) == ast.dump(ast.parse(text))
    assert mended(after).data.decode() == after


def test_time_is_bounded(monkeypatch):
    monkeypatch.setattr(fixing, "MAX_SECONDS", -1.0)
    assert mended(COMMA).data.decode() == COMMA
