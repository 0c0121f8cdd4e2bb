"""Reports whatever: findings whose paths and messages hold what no program expects, for the tests of every format."""

from hypothesis import strategies as st

from resnet_check.checking import FileReport, Report
from resnet_check.finding import Edit, Finding, Fix, Related
from resnet_check.report import RenderOptions, render

FINDING = Finding("bias-before-norm", "RC309", "note", "net.py", 2, 5, 2, 9, "this bias is cancelled", help="drop it")

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
nasty = texts | st.sampled_from(["%0A::error::x", "a\r\nb", "]]>", "<b>&", "\x1b[2J\x7f", "`|`", "\ufffe", "a,b:c"])
paths = st.lists(texts.filter(lambda text: "/" not in text), min_size=1, max_size=3).map("/".join) | st.sampled_from(
    ["a b/net.py", "ré/漢.py", "a\\b.py", "100%25.py", "a,b:c.py", "a\nb.py", "net\udce9.py"]
)
findings = st.builds(
    FINDING._replace,
    path=paths,
    message=nasty,
    help=nasty | st.just(""),
    severity=st.sampled_from(["error", "warning", "note"]),
    model=nasty | st.none(),
    module=nasty | st.none(),
    related=st.tuples(st.tuples(paths, st.integers(1, 9), nasty).map(lambda parts: Related(*parts))),
    fix=st.none() | st.builds(lambda text: Fix(text, (Edit(2, 5, 2, 9, text),), safe=True), nasty),
)
reports = st.lists(findings, max_size=4).map(
    lambda found: Report(tuple(FileReport(each.path, (), (each,)) for each in found))
)


def report_of(*found):
    return Report((FileReport("net.py", (), found),))


def shown(output_format, report, text=""):
    return render(output_format, report, RenderOptions(lines=lambda _path: text.split("\n")))
