"""SARIF: what the standard and what GitHub ask of it, whatever paths and messages hold."""

import json
import ntpath
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given

from resnet_check.checking import FileReport, Report
from resnet_check.report.sarif import uri
from tests.drawn_reports import FINDING, report_of, reports, shown

# What GitHub asks for.

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
NUMBER = {"type": "integer", "minimum": 1}
PLACE = {
    "type": "object",
    "required": ["artifactLocation", "region"],
    "properties": {
        "artifactLocation": {
            "required": ["uri"],
            "properties": {"uri": {"type": "string", "pattern": "^[A-Za-z0-9/._~%-]+$"}},
        },
        "region": {
            "required": ["startLine"],
            "additionalProperties": False,
            "properties": dict.fromkeys(["startLine", "startColumn", "endLine", "endColumn"], NUMBER),
        },
    },
}
RULE = {
    "required": ["id", "name", "shortDescription", "fullDescription", "help", "defaultConfiguration", "properties"],
    "properties": {
        "shortDescription": TEXT,
        "fullDescription": {**TEXT, "properties": {"text": {"maxLength": 1024}}},
        "help": {**TEXT, "required": ["text", "markdown"]},
        "properties": {
            "required": ["precision", "problem.severity", "tags"],
            "properties": {
                "precision": {"enum": ["very-high", "high", "medium", "low"]},
                "problem.severity": {"enum": ["error", "warning", "recommendation"]},
            },
        },
    },
}
RESULT = {
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "properties": {
        "level": {"enum": ["error", "warning", "note"]},
        "message": TEXT,
        "locations": {
            "minItems": 1,
            "maxItems": 1,
            "items": {"required": ["physicalLocation"], "properties": {"physicalLocation": PLACE}},
        },
        "relatedLocations": {"items": {"required": ["message"], "properties": {"physicalLocation": PLACE}}},
        "partialFingerprints": {"required": ["primaryLocationLineHash"]},
    },
}
SARIF = {
    "required": ["$schema", "version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "minItems": 1,
            "items": {
                "required": ["tool", "results", "columnKind"],
                "properties": {
                    "columnKind": {"const": "unicodeCodePoints"},
                    "tool": {"properties": {"driver": {"properties": {"rules": {"items": RULE}}}}},
                    "results": {"items": RESULT},
                },
            },
        },
    },
}
"""What GitHub asks of a SARIF file, after its page on SARIF support; the standard's own schema asks less."""
ASKED = jsonschema.Draft202012Validator(SARIF)


@given(reports)
def test_sarif_has_what_github_asks_for(report):
    content = json.loads(shown("sarif", report))
    ASKED.validate(content)
    (run,) = content["runs"]
    for finding, result in zip(report.findings, run["results"], strict=True):
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == finding.code
        assert result["message"]["text"].startswith(finding.message)
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        path = unquote(place.removeprefix("file://"), errors="surrogateescape")
        assert path == finding.path


def test_sarif_says_what_could_not_be_checked():
    report = Report((FileReport("net.py", failures=("internal error in net.py",)),))
    (run,) = json.loads(shown("sarif", report))["runs"]
    assert run["invocations"] == [
        {
            "executionSuccessful": False,
            "toolExecutionNotifications": [{"level": "error", "message": {"text": "internal error in net.py"}}],
        }
    ]


# What the standard says.

STRING, COUNT, INDEX = {"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "integer", "minimum": -1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}


def known(required="", **properties):
    """Return the schema of an object of the standard, which has no other properties than these."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": {name.replace("schema_", "$schema"): each for name, each in properties.items()},
        "additionalProperties": False,
    }


def several(items, **more):
    return {"type": "array", "items": items, **more}


MESSAGE = known("text", text=STRING, markdown=STRING)
ARTIFACT = known("uri", uri=STRING)
REGION = known(startLine=COUNT, startColumn=COUNT, endLine=COUNT, endColumn=COUNT)
PHYSICAL = known("artifactLocation", artifactLocation=ARTIFACT, region=REGION)
LOCATION = known(
    id=INDEX,
    message=MESSAGE,
    physicalLocation=PHYSICAL,
    logicalLocations=several(known(fullyQualifiedName=STRING), uniqueItems=True),
)
REPLACEMENT = known("deletedRegion", deletedRegion=REGION, insertedContent=known(text=STRING))
CHANGE = known(
    "artifactLocation replacements", artifactLocation=ARTIFACT, replacements=several(REPLACEMENT, minItems=1)
)
STANDARD = known(
    "version runs",
    schema_={"type": "string", "format": "uri"},
    version={"const": "2.1.0"},
    runs=several(
        known(
            "tool",
            tool=known(
                "driver",
                driver=known(
                    "name",
                    name=STRING,
                    semanticVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
                    rules=several(
                        known(
                            "id",
                            id=STRING,
                            name=STRING,
                            shortDescription=MESSAGE,
                            fullDescription=MESSAGE,
                            help=MESSAGE,
                            defaultConfiguration=known(level=LEVEL),
                            properties={"type": "object", "properties": {"tags": several(STRING, uniqueItems=True)}},
                        ),
                        uniqueItems=True,
                    ),
                ),
            ),
            automationDetails=known(id=STRING),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            invocations=several(
                known(
                    "executionSuccessful",
                    executionSuccessful={"type": "boolean"},
                    toolExecutionNotifications=several(known("message", level=LEVEL, message=MESSAGE)),
                )
            ),
            results=several(
                known(
                    "message",
                    ruleId=STRING,
                    ruleIndex=INDEX,
                    level=LEVEL,
                    message=MESSAGE,
                    locations=several(LOCATION),
                    relatedLocations=several(LOCATION, uniqueItems=True),
                    partialFingerprints={"type": "object", "additionalProperties": STRING},
                    fixes=several(
                        known(
                            "artifactChanges",
                            description=MESSAGE,
                            artifactChanges=several(CHANGE, minItems=1, uniqueItems=True),
                        ),
                        uniqueItems=True,
                    ),
                )
            ),
        )
    ),
)
"""Of SARIF 2.1.0 (section 3) the objects and properties that we write; a property that is not here is a mistake."""
ALLOWED = jsonschema.Draft202012Validator(STANDARD)


@given(reports)
def test_it_is_sarif(report):
    content = json.loads(shown("sarif", report))
    ALLOWED.validate(content)
    for result in content["runs"][0]["results"]:
        assert len({place["id"] for place in result.get("relatedLocations", [])}) == len(
            result.get("relatedLocations", [])
        )
        region = result["locations"][0]["physicalLocation"]["region"]
        assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])


def places(content, path=()):
    """Yield the way to each object in a document."""
    if isinstance(content, dict):
        yield path
        for name, value in content.items():
            yield from places(value, (*path, name))
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from places(value, (*path, number))


def test_nothing_else_would_pass_as_sarif():
    content = json.loads(shown("sarif", report_of(FINDING._replace(module="conv"))))
    ways = [way for way in places(content) if not {"properties", "partialFingerprints"} & set(way)]
    assert len(ways) > 12
    for way in ways:
        other = json.loads(json.dumps(content))
        inner = other
        for step in way:
            inner = inner[step]
        inner["unheardOf"] = 1
        assert not ALLOWED.is_valid(other), way


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("models/net.py", "models/net.py"),
        ("a b/ré#?.py", "a%20b/r%C3%A9%23%3F.py"),
        ("a:b\\c.py", "a%3Ab%5Cc.py"),
        ("/srv/a b.py", "file:///srv/a%20b.py"),
    ],
)
def test_a_path_is_a_uri(path, expected):
    assert uri(path) == expected


def test_a_whole_path_of_windows_is_a_uri(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("os.path", ntpath)
        found = uri("C:/a b/net.py")
    assert found == "file:///C:/a%20b/net.py"
