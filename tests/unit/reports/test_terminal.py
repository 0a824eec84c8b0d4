from __future__ import annotations

import re
from dataclasses import replace

import pytest
import sessions

from unjam.model.session import Session
from unjam.reports import terminal, timeouts
from unjam.reports.page import Page

PAGE = Page(width=80, color=False, cwd=sessions.CWD)


@pytest.mark.parametrize("name", sessions.EXAMPLES)
def test_snapshot(name, snapshot):
    """A report looks as it looked, unless somebody means to change it."""
    snapshot(f"{name}.txt", terminal.render(sessions.EXAMPLES[name](), PAGE))


@pytest.mark.parametrize("name", ["service", "hung"])
def test_snapshot_in_colour_and_wide(name, snapshot):
    """Colour and width change the looks, not the words."""
    text = terminal.render(sessions.EXAMPLES[name](), Page(width=120, color=True, cwd=sessions.CWD))
    snapshot(f"{name}-120-colour.ansi", text)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert plain.split() == terminal.render(sessions.EXAMPLES[name](), replace(PAGE, width=120)).split()


@pytest.mark.parametrize("name", sessions.EXAMPLES)
@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_page(name, width):
    """Nothing runs over the edge, whatever the program's strings are."""
    text = terminal.render(sessions.EXAMPLES[name](), Page(width=width, cwd=sessions.CWD))
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("name", sessions.EXAMPLES)
def test_only_printable_ascii_without_colour(name):
    """A piped report holds no escape sequence and needs no special encoding."""
    text = terminal.render(sessions.EXAMPLES[name](), PAGE)
    assert set(text) <= {*map(chr, range(32, 127)), "\n"}


def test_hostile_strings_give_no_sequence_of_their_own():
    """In colour the only escape sequences are ours: plain colours and weights."""
    text = terminal.render(sessions.hostile(), Page(width=100, color=True))
    assert "\x1b[1m" in text
    assert re.sub(r"\x1b\[[0-9;]*m", "", text).isascii()
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "[bold]x[/bold]" in text


def test_first_screen_of_a_service():
    """The first 24 lines say how much the loop was away, the lag, and every finding with its source line."""
    screen = "\n".join(terminal.render(sessions.service(), PAGE).splitlines()[:24])
    for wanted in ("9.6 %", "1.2 ms", "410 ms", "2.31 s", "app/pricing.py:5 in quote", "response = requests.get(",
                   "UJ303 cpu-native-gil", "return json.dumps(rows)", "UJ502 starved"):  # fmt: skip
        assert wanted in screen


def test_healthy_names_the_threshold_and_the_proof_of_watching():
    """Nothing found is said with what was watched."""
    text = terminal.render(replace(sessions.healthy(), threshold_ms=20.0), PAGE)
    assert "Nothing held the loop for 20 ms or more." in text
    assert "120,034 turns" in text


def test_not_measured_is_never_zero():
    """A dash, and what the dash means."""
    text = terminal.render(sessions.unmeasured(), PAGE)
    assert "Nothing was seen that held the loop" in text
    assert "-  not measured" in text
    assert "0.0 %" not in text


def test_an_empty_session_is_a_report():
    """A session of which nothing is known is reported, not refused."""
    empty = Session(program="", started_wall=0.0, duration_s=0.0, threshold_ms=50.0, pids=(), pythons=(), tiers=())
    assert "No Python process was watched." in terminal.render(empty, Page())


def test_source_that_cannot_be_read_is_left_out():
    """A finding without its source still has its place."""
    text = terminal.render(replace(sessions.single(), sources={}), PAGE)
    assert "app/pricing.py:5 in quote" in text
    assert "5 |" not in text


def test_findings_beyond_the_list_are_counted():
    """What is not shown is counted."""
    many = replace(sessions.service(), findings=(sessions.http(),) * 25)
    text = terminal.render(many, PAGE)
    assert "and 5 more findings" in text
    assert (
        f"{terminal.MOST_LISTED + 5 - terminal.MOST_FINDINGS} more findings of the list above without details" in text
    )
    assert text.count("unjam explain UJ104") == terminal.MOST_FINDINGS


def test_timeouts_are_judged_in_a_section_of_their_own():
    """Ours come first; what kept the loop is named, and what to do is said once."""
    text = timeouts.render(sessions.service(), PAGE)
    assert text.startswith("57 timeouts fired, 55 not the other side's fault\n  52x  OURS: the loop  asyncio.timeout")
    assert text.index("OURS: a full pool") < text.index("THEIRS") < text.index("CANNOT TELL")
    assert "app/export.py:2 json.dumps" in text
    assert text.count("unjam explain UJ701") == 1
    assert text in terminal.render(sessions.service(), PAGE)


def test_no_timeout():
    """Nothing fired is an answer."""
    assert timeouts.render(sessions.healthy(), PAGE) == "No timeout fired that unjam saw.\n"
    assert "timeout" not in terminal.render(sessions.healthy(), PAGE)
