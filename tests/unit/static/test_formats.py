"""Golden output of each format, for one project that has a route, a deep call and a note."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from unjam.reports.page import Page
from unjam.reports.source import FORMATS, Shown

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
LOCATION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["physicalLocation"],
    "properties": {
        "message": {"required": ["text"]},
        "physicalLocation": {
            "additionalProperties": False,
            "required": ["artifactLocation", "region"],
            "properties": {
                "artifactLocation": {"properties": {"uri": {"pattern": "^[^/]"}, "uriBaseId": {"const": "ROOT"}}},
                "region": {
                    "additionalProperties": False,
                    "properties": {
                        key: {"type": "integer", "minimum": 1}
                        for key in ("startLine", "startColumn", "endLine", "endColumn")
                    },
                },
            },
        },
    },
}
SARIF = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {
            "minItems": 1,
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {"items": {"required": ["id", "helpUri"]}, "uniqueItems": True}
                                },
                            }
                        },
                    },
                    "results": {
                        "items": {
                            "required": ["ruleId", "level", "message", "locations", "partialFingerprints"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"required": ["text"]},
                                "locations": {"items": LOCATION},
                                "codeFlows": {
                                    "items": {
                                        "required": ["threadFlows"],
                                        "properties": {
                                            "threadFlows": {
                                                "items": {
                                                    "required": ["locations"],
                                                    "properties": {
                                                        "locations": {
                                                            "items": {
                                                                "required": ["location"],
                                                                "properties": {"location": LOCATION},
                                                            }
                                                        }
                                                    },
                                                }
                                            }
                                        },
                                    }
                                },
                            },
                        }
                    },
                },
            },
        },
    },
}
"""The part of the SARIF 2.1.0 schema that our logs use."""


@pytest.fixture
def shown(project, checked):
    root = project(app_py=SOURCE)
    result = checked(root)
    sources = {str(root / "app.py"): tuple(SOURCE.splitlines())}
    return Shown(result, tuple(result.problems), Page(cwd=str(root)), statistics=True, sources=sources)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_format_is_as_kept(shown, name):
    """Each format gives what its golden file holds; UNJAM_UPDATE_SNAPSHOTS=1 writes them anew."""
    text = FORMATS[name](shown).replace(shown.result.root, "ROOT")
    golden = GOLDEN / name
    if os.environ.get("UNJAM_UPDATE_SNAPSHOTS") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_sarif_is_what_the_schema_asks_for(shown):
    """Code scanning refuses a log that breaks the schema."""
    jsonschema.validate(json.loads(FORMATS["sarif"](shown)), SARIF)


def test_sarif_columns_are_utf16(shown):
    """The é before the call is two bytes of the file and one column of the log."""
    (result,) = [each for each in json.loads(FORMATS["sarif"](shown))["runs"][0]["results"] if each["level"] == "error"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region["startColumn"] == SOURCE.splitlines()[5].index("time.sleep") + 1


def test_sarif_shows_the_way(shown):
    """The code flow goes from the route down to the call."""
    (result,) = [each for each in json.loads(FORMATS["sarif"](shown))["runs"][0]["results"] if each["level"] == "error"]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    lines = [step["location"]["physicalLocation"]["region"]["startLine"] for step in steps]
    assert lines == [13, 6]


def test_junit_of_nothing_is_a_passed_case(shown):
    """A build server takes a report without cases for a broken one."""
    text = FORMATS["junit"](Shown(shown.result, ()))
    assert [case.tag for case in ET.fromstring(text.encode()).iter("failure")] == []
    assert len(list(ET.fromstring(text.encode()).iter("testcase"))) == 1
