"""Laws of the dashboard and the alerts: they are what Grafana and Prometheus read, and ask only for what a scrape has."""

import json
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from unjam.integrations.dashboards import ALERTS, GRAFANA
from unjam.integrations.metrics.catalogue import CAUSES, FAULTS, METRICS

BOARD = json.loads(GRAFANA.read_text())
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
QUERIES += [(rule["alert"], rule["expr"]) for rule in RULES]
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$job": "api", "$instance": "host"}
DURATION = re.compile(r"\d+[smhd]")

THROUGH_OTLP = {"unjam_blocked_duration_seconds_total"}
"""Names that only OpenTelemetry's exporters make (test_otel.py has them)."""

STATES = {"active", "idle", "kernel", "cpu", "gil", "runqueue", "unexplained"}
VALUES = {"cause": set(CAUSES), "fault": set(FAULTS), "loop": {"main", "other"}, "state": STATES}
"""The values of the labels with closed lists."""


def selectors(node):
    """The selectors of a parsed query."""
    if type(node).__name__ == "VectorSelector":
        return [node]
    parts = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "vector_selector", "args")]
    flat = [part for part in parts if part is not None and not isinstance(part, list)]
    flat += [part for parts_of in parts if isinstance(parts_of, list) for part in parts_of]
    return [selector for part in flat for selector in selectors(part)]


def parsed(query):
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    return promql_parser.parse(query)


@pytest.fixture(scope="module")
def kind():
    """One kind of service has every metric; the others are laws of the scrape."""
    return "asyncio-native"


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_a_query_asks_for_what_a_scrape_has(scrape, title, query):
    """It parses, each metric is in a real scrape, and each label it selects by has that label and such a value."""
    found = selectors(parsed(query))
    assert found
    for selector in found:
        assert selector.name in THROUGH_OTLP | {name for name, *_ in scrape}
        base = selector.name.replace("_duration", "")
        for matcher in selector.matchers.matchers:
            if matcher.name in {"job", "instance"}:
                continue  # Prometheus puts these on
            assert (base, matcher.name) in scrape.labels
            assert all(value in VALUES[matcher.name] for value in matcher.value.split("|"))


def test_every_metric_is_shown():
    """The dashboard leaves nothing of the catalogue out."""
    asked = {selector.name for title, query in QUERIES for selector in selectors(parsed(query))}
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    # The utilisation is shown from the counter of time, which two scrapers do not take from each other.
    assert {metric.prometheus for metric in METRICS} - shown == {"unjam_eventloop_utilization_ratio"}


def test_the_dashboard_is_grafanas():
    """Grafana's own types read it and write the same again: no field that they do not know, none that is of another shape."""
    register_default_plugins()
    again = json.loads(json.dumps(Dashboard.from_json(BOARD), cls=JSONEncoder))
    assert missing(BOARD, again) == []


def missing(ours, theirs, path=""):
    """What is in ours and not in theirs."""
    if isinstance(ours, dict):
        if not isinstance(theirs, dict):
            return [path]
        return [found for key, value in ours.items() for found in missing(value, theirs.get(key), f"{path}.{key}")]
    if isinstance(ours, list):
        if not isinstance(theirs, list) or len(ours) != len(theirs):
            return [path]
        return [
            found for n, pair in enumerate(zip(ours, theirs, strict=True)) for found in missing(*pair, f"{path}[{n}]")
        ]
    return [] if ours == theirs or not ours else [f"{path}: {ours!r} is {theirs!r}"]


def test_panels_have_numbers_and_places_of_their_own():
    """No two with one number, none over another, none beyond the 24 columns; each says what it means."""
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert [pair for pair in combinations(places, 2) if overlap(*pair)] == []
    assert [panel["title"] for panel in PANELS if not panel["description"].endswith(".")] == []


def overlap(one, other):
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or apart)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_prometheus_format(rule):
    """Its fields are those of an alerting rule, and it says what is the matter and what to do."""
    assert set(rule) <= {"alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
    assert DURATION.fullmatch(rule.get("for", "1m"))
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "description"}
    labels = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert labels <= set(re.search(r"by \(([^)]*)\)", rule["expr"])[1].replace(" ", "").split(","))


def test_the_page_lists_the_alerts():
    """All of them, in order."""
    page = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
    listed = re.findall(r"^\| ([A-Z]\w+) \| [^|]+ \|$", page, re.MULTILINE)
    assert listed == [rule["alert"] for rule in RULES]


def test_the_files_are_found():
    """By the command that the documentation names."""
    command = [sys.executable, "-m", "unjam.integrations.dashboards"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [str(GRAFANA), str(ALERTS)]
