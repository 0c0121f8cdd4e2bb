"""``--fix``, ``--unsafe-fixes`` and ``--diff``: which files are written, and what is said."""

import codecs
import io
import os
import stat
import subprocess

import pytest

from resnet_check.cli import fix as cli_fix
from resnet_check.fixing import mend
from tests.mended_texts import BIAS, COMMA, UNBIASED, WITHOUT_COMMA


@pytest.fixture
def files(tmp_path):
    """Give a function that writes files."""

    def write(**contents):
        for name, content in contents.items():
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"{name}.py").write_bytes(data)
        return tmp_path

    return write


def read(folder, name="net"):
    return (folder / f"{name}.py").read_bytes().decode()


def test_safe_fixes_are_written_and_what_remains_decides(files, run_cli):
    folder = files(net=COMMA, other=BIAS)
    outcome = run_cli("--fix", "--no-cache", "net.py", "other.py")
    assert (read(folder), read(folder, "other")) == (WITHOUT_COMMA, BIAS)
    assert outcome.status == 0
    assert "Fixed 1 finding.\n[*] 1 fixable with --fix --unsafe-fixes\n" in outcome.out
    assert "[fix: unsafe]" in outcome.out
    assert "module-not-built" not in outcome.out
    assert outcome.err == ""


def test_unsafe_fixes_are_written_when_they_are_asked_for(files, run_cli):
    folder = files(net=COMMA, other=BIAS)
    outcome = run_cli("--fix", "--unsafe-fixes", ".")
    assert (read(folder), read(folder, "other")) == (WITHOUT_COMMA, UNBIASED)
    assert outcome.status == 0
    assert "Fixed 2 findings.\n" in outcome.out
    assert run_cli("--fix", "--unsafe-fixes", ".").out.count("Fixed") == 0


def test_what_remains_fails(files, run_cli):
    folder = files(net=COMMA.replace("return self.conv(x)", "return self.nothing(self.conv(x))"))
    outcome = run_cli("--fix", "net.py")
    assert outcome.status == 1
    assert "Fixed 1 finding." in outcome.out
    assert "error[RC105]" in outcome.out
    assert read(folder) == WITHOUT_COMMA.replace("return self.conv(x)", "return self.nothing(self.conv(x))")


def test_a_difference_is_what_a_fix_makes(files, run_cli, tmp_path):
    folder = files(net=COMMA, other=BIAS)
    outcome = run_cli("--diff", "--unsafe-fixes", ".")
    assert (outcome.status, outcome.err) == (1, "")
    assert (read(folder), read(folder, "other")) == (COMMA, BIAS)
    assert outcome.out.startswith("--- net.py\n+++ net.py\n@@ ")
    subprocess.run(["patch", "-p0", "-s"], input=outcome.out, text=True, cwd=tmp_path, check=True)
    assert (read(folder), read(folder, "other")) == (WITHOUT_COMMA, UNBIASED)
    assert run_cli("--diff", "--unsafe-fixes", ".") == (0, "", "")


@pytest.mark.parametrize(
    ("options", "status", "lines"),
    [
        (["--diff"], 0, 0),
        (["--diff", "--unsafe-fixes"], 1, 1),
        (["--diff", "--unsafe-fixes", "--exit-zero"], 0, 1),
        (["--diff", "--fix", "--unsafe-fixes"], 1, 1),
        (["--diff", "--unsafe-fixes", "--ignore", "bias-before-norm"], 0, 0),
    ],
)
def test_the_difference_of_an_unsafe_fix(options, status, lines, files, run_cli):
    folder = files(net=BIAS.removesuffix("\n"))
    outcome = run_cli(*options, "net.py")
    assert outcome.status == status
    assert outcome.out.count("\n+ ") == lines
    assert outcome.out.count("\\ No newline at end of file\n") <= lines
    assert read(folder) == BIAS.removesuffix("\n")


def test_the_difference_goes_where_the_report_would(files, run_cli, tmp_path):
    files(net=COMMA)
    assert run_cli("--diff", "--output-file", "out.patch", "net.py") == (1, "", "")
    assert (tmp_path / "out.patch").read_text().startswith("--- net.py\n")


def test_unsafe_fixes_alone_are_a_mistake(files, run_cli):
    files(net=COMMA)
    outcome = run_cli("--unsafe-fixes", "net.py")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err == "resnet-check: --unsafe-fixes says which fixes to make: give --fix or --diff with it\n"


def test_standard_input_is_fixed_to_standard_output(files, run_cli):
    folder = files(net=COMMA)
    outcome = run_cli("--fix", "--stdin-filename", "net.py", "-", stdin=COMMA.encode())
    assert (outcome.status, outcome.out) == (0, WITHOUT_COMMA)
    assert "Fixed 1 finding." in outcome.err
    assert read(folder) == COMMA


def test_standard_input_without_a_fix_comes_out_as_it_is(run_cli):
    outcome = run_cli("--fix", "-", stdin=BIAS.replace("\n", "\r\n").encode())
    assert outcome.out == BIAS.replace("\n", "\r\n")
    assert "bias-before-norm" in outcome.err or "RC309" in outcome.err


def test_the_difference_of_standard_input(run_cli):
    outcome = run_cli("--diff", "-", stdin=COMMA.encode())
    assert outcome.status == 1
    assert outcome.out.startswith("--- <stdin>\n+++ <stdin>\n")


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_file_keeps_its_bytes_and_its_rights(mark, files, run_cli, tmp_path):
    def data(text):
        return mark + text.replace("\n", "\r\n").encode()

    files(net=data(COMMA))
    path = tmp_path / "net.py"
    path.chmod(0o754)
    run_cli("--fix", "net.py")
    assert path.read_bytes() == data(WITHOUT_COMMA)
    assert stat.S_IMODE(path.stat().st_mode) == 0o754
    assert [name for name in os.listdir(tmp_path) if not name.startswith(".")] == ["net.py"]


def test_a_link_stays_one(files, run_cli, tmp_path):
    folder = files(net=COMMA)
    (tmp_path / "link.py").symlink_to("net.py")
    run_cli("--fix", "link.py")
    assert (tmp_path / "link.py").is_symlink()
    assert read(folder) == WITHOUT_COMMA


def test_a_file_that_changed_meanwhile_is_not_written(files, run_cli, tmp_path, monkeypatch):
    folder = files(net=COMMA, other=COMMA)

    def slowly(path, *rest):
        result = mend(path, *rest)
        if path == "net.py":
            (tmp_path / path).write_text(WITHOUT_COMMA + "\n# edited\n", encoding="utf-8")
        return result

    monkeypatch.setattr(cli_fix, "mend", slowly)
    outcome = run_cli("--fix", "net.py", "other.py")
    assert outcome.status == 2
    assert outcome.err == "resnet-check: cannot fix net.py: it changed while it was checked\n"
    assert (read(folder), read(folder, "other")) == (WITHOUT_COMMA + "\n# edited\n", WITHOUT_COMMA)


def test_a_file_that_may_not_be_written_is_not(files, run_cli, monkeypatch):
    folder = files(net=COMMA)
    monkeypatch.setattr(os, "access", lambda *_: False)
    outcome = run_cli("--fix", "net.py")
    assert outcome.status == 2
    assert outcome.err == "resnet-check: cannot fix net.py: it is no file that may be written\n"
    assert read(folder) == COMMA


def test_a_suppressed_finding_is_not_fixed(files, run_cli):
    text = COMMA.replace("3),", "3),  # resnet-check: ignore[module-not-built] an example")
    folder = files(net=text)
    assert run_cli("--fix", "--unsafe-fixes", "net.py").status == 0
    assert read(folder) == text


def test_a_known_finding_is_not_fixed(files, run_cli):
    folder = files(net=COMMA)
    run_cli("--write-baseline", "known.json", "net.py")
    twice = COMMA + COMMA.replace("Net", "Other").removeprefix("from torch import nn\n")
    files(net=twice)
    outcome = run_cli("--fix", "--baseline", "known.json", "net.py")
    assert outcome.status == 0
    assert read(folder) == COMMA + WITHOUT_COMMA.replace("Net", "Other").removeprefix("from torch import nn\n")
    assert "1 known finding in the baseline.\nFixed 1 finding." in outcome.out


def test_a_file_that_is_only_imported_is_not_fixed(files, run_cli):
    folder = files(part=COMMA.replace("Net", "Part"), net="from part import Part\n\n\ndef net():\n    return Part()\n")
    assert run_cli("--fix", "--unsafe-fixes", "net.py").status == 1
    assert read(folder, "part") == COMMA.replace("Net", "Part")
    assert run_cli("--fix", "net.py", "part.py").status == 0


def test_only_what_is_new_is_fixed(files, run_cli, tmp_path):
    folder = files(net=COMMA, other=BIAS)
    for words in ("init -q", "add .", "-c user.name=a -c user.email=a commit -q -m one"):
        subprocess.run(["git", *words.split()], cwd=tmp_path, check=True)
    files(other=COMMA)
    run_cli("--fix", "--since", "HEAD", ".")
    assert (read(folder), read(folder, "other")) == (COMMA, WITHOUT_COMMA)


def test_reports_that_are_read_by_programs_go_on(files, run_cli):
    files(net=BIAS)
    out = run_cli("--fix", "--output-format", "json", "net.py").out
    assert '"safe": false' in out
    assert io.StringIO(out).readline() == "{\n"
