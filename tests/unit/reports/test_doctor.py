from __future__ import annotations

import json

from unjam.reports.doctor import SOURCES, Examination, as_json, render
from unjam.reports.page import Page

TWIN = Examination(
    unjam="0.1.0",
    python="CPython 3.12.4",
    executable="/usr/bin/python3",
    platform="Linux-6.1-x86_64",
    tier="python",
    tier_reason="the C core is not built for this platform",
    sources=dict.fromkeys(SOURCES, "") | {"schedstat": "the kernel keeps no schedstat", "new\x1b": "odd\x1b"},
    extras={"check": False, "anyio": True},
    costs=(
        {"work": "one turn", "plain_ns": 9_100.0, "watched_ns": 9_300.0, "percent": 2.2, "noise_percent": 0.4},
        {"work": "one echo", "plain_ns": 41_000.0, "watched_ns": 40_900.0, "percent": -0.24, "noise_percent": 3.1},
    ),
)


def test_what_cannot_be_observed_has_a_reason_and_a_remedy(snapshot):
    """Nothing is merely missing."""
    text = render(TWIN, Page())
    snapshot("doctor.txt", text)
    assert "why not: the kernel keeps no schedstat" in text
    assert "CONFIG_SCHED_INFO" in text
    assert "pip install 'unjam[check]'" in text
    assert "unjam[anyio]" not in text
    assert text.isascii()
    assert "\x1b" not in text


def test_native_tier_has_no_reason():
    """Where all is well the page is short."""
    native = Examination("0.1.0", "CPython 3.12.4", "", "", "native", "", {"turns": ""}, {}, ())
    text = render(native, Page())
    assert "The native tier runs here.\n" in text
    assert "why not" not in text
    assert "costs" not in text


def test_json_is_the_same_in_fields():
    """The document carries the numbers, not the words."""
    document = json.loads(as_json(TWIN))
    assert document["sources"]["schedstat"] == "the kernel keeps no schedstat"
    assert document["costs"] == list(TWIN.costs)


def test_a_difference_below_the_noise_is_told_as_that():
    """A busy machine does not make watching cheap or dear."""
    lines = render(TWIN, Page()).splitlines()
    assert next(line for line in lines if "one turn" in line).endswith("+2.2 %")
    assert next(line for line in lines if "one echo" in line).endswith("within the noise of 3 %")


def test_watching_never_saves_anything():
    """A program that seems to take less with unjam shows the machine's other work."""
    cost = {"work": "one turn", "plain_ns": 50_600.0, "watched_ns": 24_700.0, "percent": -51.1, "noise_percent": 0.4}
    text = render(Examination("0.1.0", "CPython 3.12.4", "", "", "native", "", {}, {}, (cost,)), Page())
    assert next(line for line in text.splitlines() if "one turn" in line).endswith("too busy to tell")
