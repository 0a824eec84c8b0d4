"""`unjam doctor` on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from unjam.reports.doctor import SOURCES


def doctor(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "unjam", "doctor", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=110, check=False, env={**os.environ, **environ}
    )


def test_every_source_is_named():
    """Nothing that unjam relies on is passed over."""
    done = doctor("--json", "--no-cost")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert set(document["sources"]) == set(SOURCES)
    assert document["costs"] == []


def test_the_twin_can_be_asked_for():
    """The tier that is forced is the one that is examined, and the reason is given."""
    done = doctor("--no-cost", UNJAM_TIER="python")
    assert done.returncode == 0
    assert "The python tier runs here, as asked for by UNJAM_TIER=python" in " ".join(done.stdout.split())


def test_what_watching_costs_is_measured():
    """Each workload was run with and without."""
    costs = json.loads(doctor("--json").stdout)["costs"]
    assert len(costs) == 2
    for cost in costs:
        assert cost["plain_ns"] > 0
        assert cost["watched_ns"] > 0
        assert cost["percent"] == pytest.approx((cost["watched_ns"] / cost["plain_ns"] - 1) * 100)


def test_an_unknown_tier_is_refused():
    """A typing error in the environment is one line."""
    done = doctor("--no-cost", UNJAM_TIER="fast")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
