"""The action: its scripts run as the runner would run them, and its shape where it needs GitHub."""

import json
import os
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from resnet_check import __version__

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
SCRIPTS = {name: step for name, step in STEPS.items() if "run" in step}
DEFAULTS = {name: each["default"] for name, each in ACTION["inputs"].items()}

pytestmark = pytest.mark.usefixtures("project")

GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> gh.log
case "$*" in *--paginate*) printf '%s' "$BEFORE" ;; esac
"""
"""GitHub's command line: it writes down what it is asked for, and knows the comments of ``BEFORE``."""


class Runner:
    """A job that runs the scripts of the action: what they give out is what later expressions see."""

    def __init__(self, run, temp):
        self.run = run
        self.temp = temp
        self.files = {name: temp / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in self.files.values():
            path.touch()

    def outputs(self):
        lines = self.files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def step(self, name, *, status=0, environment=None, **inputs):
        values = {f"inputs.{key.replace('_', '-')}": value for key, value in {**DEFAULTS, **inputs}.items()}
        values |= {f"steps.check.outputs.{key}": value for key, value in self.outputs().items()}
        values |= {"steps.python.outputs.python-path": sys.executable, "github.event.pull_request.number": "7"}
        step = SCRIPTS[name]
        variables = {key: values[re.fullmatch(r"\$\{\{ (\S+) \}\}", value)[1]] for key, value in step["env"].items()}
        script = self.temp / "script.sh"
        script.write_text(step["run"], encoding="utf-8")
        done = self.run(
            "bash", "--noprofile", "--norc", "-eo", "pipefail", script,
            RUNNER_TEMP=self.temp, GITHUB_ACTION_PATH=ROOT, GITHUB_REPOSITORY="me/project", GITHUB_JOB="models",
            CI="true", **self.files, **variables, **(environment or {}),
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def runner(run, tmp_path_factory):
    """A runner on which the tool is installed."""
    runner = Runner(run, tmp_path_factory.mktemp("runner"))
    (runner.temp / "resnet-check").mkdir()
    (runner.temp / "resnet-check" / "resnet_check").symlink_to(ROOT / "resnet_check")
    return runner


@pytest.mark.parametrize("version", ["", __version__])
def test_it_installs_itself_or_a_release(run, wheel, tmp_path_factory, version):
    runner = Runner(run, tmp_path_factory.mktemp("runner"))
    offline = {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheel.parent, "PIP_NO_BUILD_ISOLATION": "0"}
    runner.step("Install", version=version, environment=offline)
    assert (runner.temp / "resnet-check" / "resnet_check" / "py.typed").exists()
    assert (runner.temp / "resnet-check" / f"resnet_check-{__version__}.dist-info").exists()


def test_a_broken_model_fails_with_annotations_a_summary_and_reports(runner):
    out = runner.step("Check", status=1)
    annotation, *rest = out.splitlines()
    assert annotation.startswith("::error title=resnet-check (RC204),file=models/broken.py,line=9,endLine=9,col=")
    pause = re.fullmatch("::stop-commands::([0-9a-f]{32})", rest[0])[1]
    assert rest[1].startswith("error[RC204]: ")
    assert rest[-1] == f"::{pause}::"
    assert runner.files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8").startswith("### resnet-check: 1 error\n")
    outputs = runner.outputs()
    assert outputs["status"] == "1"
    (found,) = json.loads(Path(outputs["sarif"]).read_text(encoding="utf-8"))["runs"]
    assert [result["ruleId"] for result in found["results"]] == ["RC204"]
    assert Path(outputs["comment"]).read_text(encoding="utf-8").startswith("### resnet-check: 1 error\n")


def test_a_good_project_passes(runner):
    out = runner.step("Check", paths="models/good.py\n")
    assert "Nothing found in models/good.py (1 model checked" in out
    assert runner.outputs()["status"] == "0"


def test_what_is_given_reaches_the_check(runner, run):
    Path("a b").mkdir()
    Path("a b/net.py").write_bytes(Path("models/broken.py").read_bytes())
    written = run(sys.executable, "-m", "resnet_check", "models", "--write-baseline", "known.json", PYTHONPATH=ROOT)
    assert written.returncode == 0
    runner.step("Check", paths="models\nmodels/good.py", baseline="known.json")
    runner.step("Check", paths="a b\n\nmodels/good.py", status=1)
    runner.step("Check", paths="a b", args="--select RC3,RC4\n --no-cache")
    runner.step("Check", paths="a b", fail_on="error", status=1)
    assert "no such file or folder: none\n" in runner.step("Check", paths="none", status=2)
    assert runner.outputs()["status"] == "2"


def test_a_pull_request_is_told_what_it_brings(runner, git):
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "models"]):
        assert git(*words).returncode == 0
    runner.step("Check", status=1)
    runner.step("Check", since="HEAD")
    good = Path("models/good.py")
    good.write_text(good.read_text(encoding="utf-8").replace("(8, 10)", "(8, 100)"), encoding="utf-8")
    runner.step("Check", since="HEAD")
    assert "parameters: 1,132 instead of 322" in Path(runner.outputs()["comment"]).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["$(touch hit)", "`touch hit`", "'; touch hit; '", '"; touch hit; "', "* && touch hit"]
)
def test_nothing_that_is_given_is_run(runner, text):
    for name in ("paths", "args", "baseline", "since", "fail_on"):
        runner.step("Check", status=2, **{name: text})
    assert not Path("hit").exists()


def test_no_module_of_the_checked_project_is_run(runner):
    for name in ("click", "pathspec", "secrets", "rich"):
        Path(f"{name}.py").write_text("open('hit', 'w')\n", encoding="utf-8")
    runner.step("Check", paths="models/good.py", args="--statistics")
    assert not Path("hit").exists()


def test_a_name_of_a_file_is_no_command(runner):
    Path("::error::x.py").write_bytes(Path("models/broken.py").read_bytes())
    lines = runner.step("Check", paths="::error::x.py\nmodels/good.py", status=1).splitlines()
    stopped = next(number for number, line in enumerate(lines) if line.startswith("::stop-commands::"))
    assert [line for line in lines[:stopped] if line.startswith("::")] == lines[:stopped]
    assert "file=%3A%3Aerror%3A%3Ax.py,line=9" in lines[0]
    assert any(line.startswith("::error::x.py: Net: ") for line in lines[stopped:-1])


@pytest.mark.parametrize("before", ["", "https://api.example/comments/3\nhttps://api.example/comments/9\n"])
def test_the_comment_replaces_the_one_before(runner, tmp_path_factory, before):
    commands = tmp_path_factory.mktemp("bin")
    (commands / "gh").write_text(GH, encoding="utf-8")
    (commands / "gh").chmod(0o755)
    runner.step("Check", status=1)
    runner.step("Comment", environment={"PATH": f"{commands}:{os.environ['PATH']}", "BEFORE": before})
    report = Path(runner.outputs()["comment"])
    asked, told = Path("gh.log").read_text(encoding="utf-8").splitlines()
    comments = "repos/me/project/issues/7/comments"
    own = '.[] | select(.user.type == "Bot" and (.body | startswith(env.MARK))) | .url'
    assert asked == f"api --paginate {comments} --jq {own}"
    where = f"PATCH {before.splitlines()[0]}" if before else f"POST {comments}"
    assert told == f"api --silent --method {where} --field body=@{report}.comment"
    body = Path(f"{report}.comment").read_text(encoding="utf-8")
    assert body == "<!-- resnet-check: models -->\n" + report.read_text(encoding="utf-8")


def test_no_script_holds_an_expression():
    for step in SCRIPTS.values():
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"


def test_the_steps_that_need_github():
    assert list(STEPS) == ["Python", "Install", "Check", "Upload", "Comment"]
    python, upload, comment = STEPS["Python"], STEPS["Upload"], STEPS["Comment"]
    assert python["uses"].startswith("actions/setup-python@v")
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@v")
    assert upload["with"]["sarif_file"] == "${{ steps.check.outputs.sarif }}"
    for step, wanted in ((upload, "sarif"), (comment, "comment")):
        condition = f"${{{{ !cancelled() && inputs.{wanted} == 'true' && steps.check.outputs.{wanted} != ''"
        assert step["if"].startswith(condition)
    assert "github.event.pull_request.head.repo.full_name == github.repository" in comment["if"]


def test_every_expression_names_something_that_is_there():
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    named = {
        name
        for expression in re.findall(r"\$\{\{(.+?)\}\}", text, re.DOTALL)
        for name in re.findall(r"[\w.-]+\.[\w.-]+", expression)
    }
    inputs = {f"inputs.{name}" for name in ACTION["inputs"]}
    outputs = {f"steps.check.outputs.{name}" for name in ("status", "sarif", "comment")}
    elsewhere = {name for name in named if name.startswith("github.")} | {"steps.python.outputs.python-path"}
    assert named == inputs | outputs | elsewhere
    written = set(re.findall(r'echo "(\w+)=', STEPS["Check"]["run"]))
    assert {f"steps.check.outputs.{name}" for name in written} == outputs


def test_the_workflow_of_the_readme(runner, readme_block):
    workflow = yaml.safe_load(readme_block("In GitHub Actions", "yaml"))
    (job,) = workflow["jobs"].values()
    checkout, ours = job["steps"]
    assert checkout["uses"].startswith("actions/checkout@v")
    assert ours["uses"].endswith(f"/resnet-check@v{__version__}")
    given = {name: str(value).lower() if isinstance(value, bool) else value for name, value in ours["with"].items()}
    assert set(given) <= set(ACTION["inputs"])
    for name, permission in (("sarif", "security-events"), ("comment", "pull-requests")):
        assert given[name] == "true"
        assert workflow["permissions"][permission] == "write"
        assert f"`{permission}: write`".replace(": ", " - ") in ACTION["inputs"][name]["description"]
    runner.step("Check", status=1, **given)


def test_the_gitlab_job_of_the_readme(run, environment, readme_block):
    (job,) = yaml.safe_load(readme_block("In GitHub Actions", "yaml", 1)).values()
    install, check = job["script"]
    assert install == f"pip install resnet-check=={__version__}"
    done = run("bash", "-ec", check, PATH=f"{environment}:{os.environ['PATH']}", CI="true")
    assert done.returncode == 1, done.stderr
    reports = job["artifacts"]["reports"]
    (issue,) = json.loads(Path(reports["codequality"]).read_text(encoding="utf-8"))
    assert issue["location"] == {"path": "models/broken.py", "lines": {"begin": 9, "end": 9}}
    cases = ET.parse(reports["junit"]).iter("testcase")  # noqa: S314 - our own
    assert {(case.get("file"), case.get("name")): len(case) for case in cases} == {
        ("models/broken.py", "file"): 0,
        ("models/broken.py", "model Net"): 1,
        ("models/good.py", "file"): 0,
        ("models/good.py", "model Net"): 0,
    }
    assert job["artifacts"]["when"] == "always"
