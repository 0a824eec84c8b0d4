from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import sessions
from jsonschema import Draft202012Validator

from unjam.reports import json as report
from unjam.reports.page import Page

DOCS = Path(__file__).parents[3] / "docs"
SCHEMA = json.loads((DOCS / "json.schema.json").read_text(encoding="utf-8"))


def unknown_fields(value, schema, path="") -> list[str]:
    """Fields that the schema does not name."""
    schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return [f"{path}.{key}" for key in value if key not in known] + [
            field for key in value if key in known for field in unknown_fields(value[key], known[key], f"{path}.{key}")
        ]
    if isinstance(value, list):
        return [field for item in value for field in unknown_fields(item, schema.get("items", {}), f"{path}[]")]
    return []


def names(schema) -> set[str]:
    """All field names of a schema, with the fields of its parts."""
    found = set(schema.get("properties", {}))
    parts = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), schema.get("items", {})]
    return found.union(*(names(part) for part in parts if part))


@pytest.mark.parametrize("name", sessions.EXAMPLES)
def test_every_report_keeps_the_contract(name):
    """What is written is valid, and nothing is written that the contract does not name."""
    document = json.loads(report.render(sessions.EXAMPLES[name](), Page()))
    Draft202012Validator(SCHEMA).validate(document)
    assert unknown_fields(document, SCHEMA) == []


def test_the_schema_is_a_schema_and_the_page_names_its_fields():
    """Every field of the contract is explained."""
    Draft202012Validator.check_schema(SCHEMA)
    page = (DOCS / "json.md").read_text(encoding="utf-8")
    assert {name for name in names(SCHEMA) if name not in page} == set()


def test_snapshot(snapshot):
    """The document of a whole service."""
    text = report.render(sessions.service())
    snapshot("service.json", text.replace(report.__version__, "VERSION"))


def test_ascii_and_no_escape_sequence():
    """Names of the program cannot act on a terminal that shows the document."""
    text = report.render(sessions.hostile())
    assert text.isascii()
    assert "\x1b" not in text


def test_numbers_that_are_not_finite_are_null():
    """JSON has no NaN, and what is not a number was not measured."""
    held = sessions.loop(away_percent=float("nan"), lag_max_ms=float("inf"))
    session = replace(sessions.healthy(), loops=(held,), started_wall=1e300)
    document = json.loads(report.render(session))
    loop = document["loops"][0]
    assert (loop["away_percent"], loop["lag_ms"]["max"], document["session"]["started"]) == (None, None, None)
