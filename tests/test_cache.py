"""The cache: used while nothing has changed, forgotten when anything has, and never in the way."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_check import cache
from resnet_check.checking import FileReport, ModelReport
from resnet_check.config import Settings
from resnet_check.finding import Edit, Finding, Fix, Related
from resnet_check.graph.records import Unknown

texts = st.text(max_size=8)
numbers = st.integers(1, 10**12)
findings = st.builds(
    Finding,
    texts, texts, st.sampled_from(["error", "note"]), texts, numbers, numbers, numbers, numbers, texts, texts, texts,
    st.none() | texts,
    related=st.lists(st.builds(Related, texts, numbers, texts), max_size=2).map(tuple),
    fix=st.none() | st.builds(Fix, texts, st.just((Edit(1, 1, 1, 2, "x"),)), st.booleans()),
)  # fmt: skip
sizes = st.lists(st.none() | numbers, max_size=4)
models = st.builds(
    ModelReport,
    texts,
    texts,
    numbers,
    texts,
    st.lists(st.builds(Unknown, texts, numbers, texts), max_size=2).map(tuple),
    input=st.none() | sizes.map(tuple),
    output=st.none() | sizes | st.lists(sizes) | st.dictionaries(texts, sizes),
    params=st.none() | numbers,
    accepted_sizes=st.none() | st.lists(st.tuples(numbers, numbers), max_size=2).map(tuple),
)
reports = st.builds(
    FileReport, st.just("a.py"), st.lists(models, max_size=2).map(tuple), st.lists(findings, max_size=3).map(tuple)
)


@given(reports)
def test_a_report_comes_back_as_it_was(tmp_path_factory, report):
    entry = str(tmp_path_factory.mktemp("cache") / "entry")
    cache._store(entry, report)
    assert cache._load(entry) == report


class Check:
    """A check that counts how often it runs."""

    def __init__(self, *dependencies):
        self.report = FileReport("a.py", dependencies=dependencies)
        self.runs = 0

    def __call__(self):
        self.runs += 1
        return self.report


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_folder", lambda: str(tmp_path / "entries"))
    return tmp_path / "entries"


def test_a_file_is_checked_once():
    check = Check()
    for _ in range(3):
        assert cache.cached("a.py", b"x", Settings(), check) == check.report
    assert check.runs == 1


@pytest.mark.parametrize(
    "other",
    [
        ("b.py", b"x", Settings()),
        ("a.py", b"y", Settings()),
        ("a.py", b"x", Settings(select=("RC1",))),
        ("a.py", b"x", Settings(like="resnet-50")),
        ("a.py", b"x", Settings(ignore=("RC1",))),
        ("a.py", b"x", Settings(input=(3, 32, 32))),
        ("a.py", b"x", Settings(per_file_ignores=(("a.py", ("RC1",)),), root=".")),
    ],
)
def test_whatever_goes_into_a_check_tells_entries_apart(other):
    check = Check()
    cache.cached("a.py", b"x", Settings(), check)
    cache.cached(*other, check)
    assert check.runs == 2


@pytest.mark.parametrize("part", ["__version__", "_newest_change"])
def test_another_version_of_the_tool_has_entries_of_its_own(monkeypatch, part):
    check = Check()
    cache.cached("a.py", b"x", Settings(), check)
    monkeypatch.setattr(cache, part, "2" if part == "__version__" else lambda: 2)
    cache.cached("a.py", b"x", Settings(), check)
    assert check.runs == 2


def test_settings_that_change_no_result_share_entries():
    check = Check()
    cache.cached("a.py", b"x", Settings(), check)
    cache.cached("a.py", b"x", Settings(fail_on="error", jobs=3, exclude=("b",)), check)
    assert check.runs == 1


@pytest.mark.parametrize("change", ["edit", "delete", "create"])
def test_an_entry_rests_on_the_files_that_were_imported(change):
    blocks, missing = Path("blocks.py"), Path("missing.py")
    blocks.write_text("x = 1\n", encoding="utf-8")
    check = Check("blocks.py", "missing.py")
    for _ in range(2):
        cache.cached("a.py", b"x", Settings(), check)
    assert check.runs == 1
    if change == "edit":
        blocks.write_text("x = 2\n", encoding="utf-8")
    elif change == "delete":
        blocks.unlink()
    else:
        missing.write_text("", encoding="utf-8")
    cache.cached("a.py", b"x", Settings(), check)
    assert check.runs == 2


@pytest.mark.parametrize("damage", [b"", b"x", b"\xff\n{}", b"null", b'\n{"report": 1}'])
def test_a_damaged_entry_is_as_if_it_were_not_there(folder, damage):
    check = Check()
    cache.cached("a.py", b"x", Settings(), check)
    (entry,) = folder.iterdir()
    whole = entry.read_bytes()
    for content in (damage, whole[:-3], whole.replace(b"a.py", b"b.py")):
        entry.write_bytes(content)
        cache.cached("a.py", b"x", Settings(), check)
    assert check.runs == 4
    assert entry.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_no_mistake(monkeypatch):
    monkeypatch.setattr(cache, "_folder", lambda: "/proc/nothing/here")
    check = Check()
    for _ in range(2):
        cache.cached("a.py", b"x", Settings(), check)
    assert check.runs == 2


def test_failures_are_not_kept():
    check = Check()
    check.report = FileReport("a.py", failures=("internal error",))
    for _ in range(2):
        cache.cached("a.py", b"x", Settings(), check)
    assert check.runs == 2


def test_entries_are_plain_text(folder):
    cache.cached("a.py", b"x", Settings(), Check())
    (entry,) = folder.iterdir()
    assert json.loads(entry.read_bytes().partition(b"\n")[2])["report"][0] == "a.py"


def test_the_command_line_uses_the_cache_unless_told_not_to(run_cli, folder):
    Path("a.py").write_text("x = 1\n", encoding="utf-8")
    run_cli("a.py", "--no-cache")
    assert not folder.exists()
    first = run_cli("a.py", "--output-format", "json")
    assert len(list(folder.iterdir())) == 1
    assert run_cli("a.py", "--output-format", "json") == first


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({"RESNET_CHECK_CACHE_DIR": "/c", "XDG_CACHE_HOME": "/x"}, "linux", "/c"),
        ({"XDG_CACHE_HOME": "/x"}, "linux", "/x/resnet-check"),
        ({"HOME": "/h"}, "linux", "/h/.cache/resnet-check"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "darwin", "/h/Library/Caches/resnet-check"),
        ({"LOCALAPPDATA": "/l"}, "win32", "/l/resnet-check"),
    ],
)
def test_where_entries_are_kept(environment, platform, expected):
    assert cache.user_folder(environment, platform) == expected


MODEL = """
import helper
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, x):
        return self.con(x)
"""


def command(*arguments, **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-m", "resnet_check", *arguments, "--output-format", "concise"], **options)


def project(count):
    for number in range(count):
        Path(f"m{number}.py").write_text(f"{MODEL}# {number}\n", encoding="utf-8")
    return sorted(path.name for path in Path().glob("m*.py"))


def test_runs_at_the_same_time_share_a_cache():
    files = project(12)
    runs = [command(*files) for _ in range(4)]
    found = {(run.communicate(timeout=120), run.returncode) for run in runs}
    ((out, err), status), *others = found
    assert (others, err, status) == ([], b"", 1)
    entries = list(Path(".cache").iterdir())
    assert len(entries) == len(files)
    assert all(cache._load(str(entry)) is not None for entry in entries)
    assert command(*files).communicate(timeout=60)[0] == out


STORE = """
import sys
from resnet_check import cache
from resnet_check.checking import FileReport
print(flush=True)
while True:
    cache._store(sys.argv[1], FileReport("a.py", failures=("x" * 10_000_000,)))
"""


def test_a_killed_run_leaves_entries_that_are_whole_or_not_there(folder):
    entry = str(folder / "entry")
    seen = []
    for pause in (0.0, 0.01, 0.02, 0.04, 0.08):
        with subprocess.Popen([sys.executable, "-c", STORE, entry], stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(pause)
            writer.kill()
        seen.append(cache._load(entry))
        assert writer.returncode == -signal.SIGKILL
    assert {report is None or len(report.failures[0]) == 10_000_000 for report in seen} == {True}
    cache._store(entry, FileReport("b.py"))
    assert cache._load(entry) == FileReport("b.py")


def test_what_a_killed_run_of_the_same_number_left_is_no_obstacle(folder):
    folder.mkdir()
    entry = folder / "entry"
    Path(f"{entry}.{os.getpid()}").write_bytes(b"half")
    for _ in range(2):
        cache._store(str(entry), FileReport("a.py"))
    assert cache._load(str(entry)) == FileReport("a.py")
    assert os.listdir(folder) == ["entry"]


def small_files_only():
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))


@pytest.mark.parametrize(
    ("environment", "limit"),
    [
        ({"RESNET_CHECK_CACHE_DIR": "taken"}, None),
        ({"RESNET_CHECK_CACHE_DIR": "taken/below"}, None),
        ({"RESNET_CHECK_CACHE_DIR": "", "XDG_CACHE_HOME": "", "HOME": "/proc"}, None),
        ({"RESNET_CHECK_CACHE_DIR": "full"}, small_files_only),
    ],
)
def test_where_nothing_can_be_kept_files_are_checked_all_the_same(environment, limit):
    Path("taken").write_text("", encoding="utf-8")
    (name,) = project(1)
    expected = command(name, "--no-cache").communicate(timeout=60)
    for _ in range(2):
        run = command(name, env={**os.environ, **environment}, preexec_fn=limit)
        assert (run.communicate(timeout=60), run.returncode) == (expected, 1)
    assert not Path("full").exists() or os.listdir("full") == []


@pytest.mark.parametrize("make", [os.mkfifo, lambda name: os.symlink("/dev/zero", name), os.mkdir])
def test_what_is_no_file_where_an_import_looks_is_not_opened(make):
    make("helper.py")
    (name,) = project(1)
    for _ in range(2):
        run = command(name)
        assert (run.communicate(timeout=30)[1], run.returncode) == (b"", 1)
    assert len(list(Path(".cache").iterdir())) == 1
