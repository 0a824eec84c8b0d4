"""The live view on pages of all widths: what is shown is whole, but for names and places."""

import pytest

from unjam.model.findings import Location
from unjam.model.live import LoopRow, PoolRow, StallRow, TopView
from unjam.reports.page import Page
from unjam.reports.top import draw

PLACE = Location("/srv/a_service_in_a_long_folder/with_another_one/orders/pricing.py", 141, "quote")
VIEW = TopView(
    loops=(
        LoopRow(
            pid=148760,
            program="gunicorn",
            thread="MainThread",
            busy_percent=100.0,
            p99_ms=123.4,
            longest_ms=1234.5,
            away_ms=5330.0,
            place=PLACE,
            over_s=1.0,
        ),
    ),
    stalls=(StallRow(148760, 0.1, 5330.0, ended=False, place=PLACE, leaf=""),),
    pools=(PoolRow(148760, "a pool with a name that is longer than any terminal has columns " * 3, 6, 8, 12),),
    tasks=((3, "waits", "quoting"),),
    task_count=3,
    threads=4,
    silent={},
)


@pytest.mark.parametrize("width", [60, 70, 80, 100, 120])
def test_no_number_is_cut(width):
    """A pid without its last digit is another process; whoever has no room for a column is not shown half of it."""
    page = Page(width)
    lines = page.print(draw(VIEW, page, height=30, sort="busy", keys=False)).splitlines()
    assert max(map(len, lines)) <= width
    loops, stalls, pools = (lines[number].split() for number in (1, 3, 5))
    assert loops[0] == "148760"
    assert stalls[:4] == ["now", "5.33", "s", "148760"]
    assert pools[-5:] == ["6", "of", "8", "12", "148760"]
    for value in ("100.0 %", "123 ms", "5.33 s"):
        assert value in lines[1]
    assert ("1.23 s" in lines[1]) == ("longest" in lines[0])


@pytest.mark.parametrize("width", [60, 80])
def test_of_a_place_the_end_is_shown(width):
    """The folders above say less than the line and the function."""
    page = Page(width)
    lines = page.print(draw(VIEW, page, height=30, sort="busy", keys=False)).splitlines()
    assert lines[3].endswith("pricing.py:141 in quote")
