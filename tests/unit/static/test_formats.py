"""Golden output of each format, for one project that has a route, a deep call and a note."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from unjam.reports.page import Page
from unjam.reports.source import FORMATS, Shown, rendered

GOLDEN = Path(__file__).parent / "golden"
SOURCE = """\
import os
import time


def load():
    text = "é"; time.sleep(1)
    return text


@api.get("/items")
async def items():
    if os.path.exists("x"):
        return load()
"""


def closed(*required, **properties):
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


def many(items, **more):
    return {"type": "array", "items": items, **more}


TEXT = {"type": "string"}
POSITIVE = {"type": "integer", "minimum": 1}
MESSAGE = closed("text", text=TEXT, markdown=TEXT)
LEVEL = {"enum": ["none", "note", "warning", "error"]}
ARTIFACT = closed("uri", uri={"type": "string", "pattern": r"^[^/\s][^\s]*$"}, uriBaseId={"const": "ROOT"})
REGION = closed("startLine", startLine=POSITIVE, startColumn=POSITIVE, endLine=POSITIVE, endColumn=POSITIVE)
LOCATION = closed(
    "physicalLocation",
    message=MESSAGE,
    physicalLocation=closed("artifactLocation", "region", artifactLocation=ARTIFACT, region=REGION),
)
FLOW = closed(
    "threadFlows", threadFlows=many(closed("locations", locations=many(closed(location=LOCATION), minItems=1)))
)
DRIVER = closed(
    "name",
    "rules",
    name=TEXT,
    version=TEXT,
    informationUri={"type": "string", "pattern": "^https://"},
    rules=many(
        closed(
            "id",
            "helpUri",
            id=TEXT,
            name=TEXT,
            shortDescription=MESSAGE,
            fullDescription=MESSAGE,
            help=MESSAGE,
            helpUri={"type": "string", "pattern": "^https://"},
            properties={"type": "object"},
        ),
        uniqueItems=True,
    ),
)
RESULT = closed(
    "ruleId",
    "level",
    "message",
    "locations",
    "partialFingerprints",
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations=many(LOCATION, minItems=1),
    codeFlows=many(FLOW, minItems=1),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    properties={"type": "object"},
)
INVOCATION = closed(
    "executionSuccessful",
    executionSuccessful={"type": "boolean"},
    toolExecutionNotifications=many(closed("message", level=LEVEL, message=MESSAGE)),
)
RUN = closed(
    "tool",
    "results",
    tool=closed("driver", driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    originalUriBaseIds={"type": "object", "additionalProperties": closed(description=MESSAGE)},
    results=many(RESULT),
    invocations=many(INVOCATION),
)
SARIF = closed(
    "$schema", "version", "runs", **{"$schema": TEXT}, version={"const": "2.1.0"}, runs=many(RUN, minItems=1)
)
"""The part of the OASIS schema of SARIF 2.1.0 that our logs use, closed: a property that is not in it fails the test.

What is required is what the schema requires, and what code scanning of GitHub asks for beside it.
"""


@pytest.fixture
def shown(project, checked):
    root = project(app_py=SOURCE)
    result = checked(root)
    sources = {str(root / "app.py"): tuple(SOURCE.splitlines())}
    return Shown(result, tuple(result.problems), Page(cwd=str(root)), statistics=True, sources=sources)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_format_is_as_kept(shown, name):
    """Each format gives what its golden file holds; UNJAM_UPDATE_SNAPSHOTS=1 writes them anew."""
    text = rendered(name, shown).replace(shown.result.root, "ROOT")
    golden = GOLDEN / name
    if os.environ.get("UNJAM_UPDATE_SNAPSHOTS") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_sarif_is_what_the_schema_asks_for(shown):
    """Code scanning refuses a log that breaks the schema."""
    jsonschema.validate(json.loads(rendered("sarif", shown)), SARIF)


def test_sarif_columns_are_utf16(shown):
    """The é before the call is two bytes of the file and one column of the log."""
    (result,) = [
        each for each in json.loads(rendered("sarif", shown))["runs"][0]["results"] if each["level"] == "error"
    ]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region["startColumn"] == SOURCE.splitlines()[5].index("time.sleep") + 1


def test_sarif_shows_the_way(shown):
    """The code flow goes from the route down to the call."""
    (result,) = [
        each for each in json.loads(rendered("sarif", shown))["runs"][0]["results"] if each["level"] == "error"
    ]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    lines = [step["location"]["physicalLocation"]["region"]["startLine"] for step in steps]
    assert lines == [13, 6]


def test_concise_says_what_was_measured(shown):
    """With a recording a line has its cost, and what was seen at run time only has a line of its own."""
    problem = replace(shown.problems[0], measured_ms=120.0)
    gap = replace(problem.finding, leaf="requests.get", total_ms=80.0)
    result = replace(shown.result, seen_only=[gap])
    first, second, *_ = rendered("concise", Shown(result, (problem,))).splitlines()
    assert first.endswith("time.sleep blocks the event loop, reached from GET /items, 120 ms measured [exact]")
    assert second.endswith("app.py:6:1: UJ101 seen at run time only: requests.get, 80 ms measured [exact]")


def test_junit_of_nothing_is_a_passed_case(shown):
    """A build server takes a report without cases for a broken one."""
    text = rendered("junit", Shown(shown.result, ()))
    assert [case.tag for case in ET.fromstring(text.encode()).iter("failure")] == []
    assert len(list(ET.fromstring(text.encode()).iter("testcase"))) == 1
