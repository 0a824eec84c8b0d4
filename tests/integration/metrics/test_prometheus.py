"""Laws of a scrape: every number of the catalogue is there, means what it says, and what is not measured is missing."""

import re

from unjam.integrations.metrics.catalogue import CAUSES, FAULTS, METRICS
from unjam.probes.pool_totals import MOST_NAMES

MEASURED_BY_TURNS = {
    "unjam_eventloop_delay_seconds",
    "unjam_eventloop_delay_max_seconds",
    "unjam_eventloop_away_seconds",
    "unjam_eventloop_utilization_ratio",
    "unjam_eventloop_time_seconds_total",
}


def names_of(scrape):
    return {re.sub(r"_(bucket|count|sum|created)$", "", key[0]) for key in scrape}


def test_a_scrape_has_the_whole_catalogue_and_nothing_else(scrape, kind):
    """What the Python tier cannot see of uvloop, its turns, is missing rather than 0."""
    unseen = MEASURED_BY_TURNS if kind == "uvloop-python" else set()
    assert names_of(scrape) == {metric.prometheus for metric in METRICS} - unseen


def test_stalls_count_by_cause(scrape, kind):
    """Both stalls are counted under what made them; all of their time is told of, most of it under the same cause.

    On a busy machine a part of a stall is a wait for a CPU. The twin knows of a stall on uvloop from when its timer, set every
    20 ms, was due.
    """
    assert scrape["unjam_stalls_total", "sleep"] == 2
    blocked = {key[0]: value for key, value in scrape.of_name("unjam_blocked_seconds_total").items()}
    assert sum(blocked.values()) >= (1.36 if kind == "uvloop-python" else 1.4)
    assert blocked["sleep"] == max(blocked.values())
    states = {key[0] for key in scrape.of_name("unjam_stall_time_seconds_total")}
    assert "kernel" in states <= {"kernel", "cpu", "gil", "runqueue", "unexplained"}


def test_a_false_timeout_is_the_loops(scrape):
    """The timeout that fired behind a stall is the loop's fault; what has not happened is 0, for it is measured."""
    timeouts = {key[0]: value for key, value in scrape.of_name("unjam_timeouts_total").items()}
    assert timeouts == {"loop": 1, "pool": 0, "peer": 0, "unknown": 0}


def test_the_delay_is_a_histogram_of_turns(scrape, kind):
    """Its buckets hold both stalls above 0.1 s, its sum is the active time, its maximum at least as long as they were."""
    if kind == "uvloop-python":
        assert scrape.of_name("unjam_eventloop_delay_seconds_bucket") == {}
        return
    bucket = {key: value for (key, _), value in scrape.of_name("unjam_eventloop_delay_seconds_bucket").items()}
    assert bucket["+Inf"] - bucket["0.1"] >= 2
    assert bucket["+Inf"] == scrape["unjam_eventloop_delay_seconds_count", "main"] >= 50
    active = scrape["unjam_eventloop_time_seconds_total", "main", "active"]
    assert 1.4 <= scrape["unjam_eventloop_delay_seconds_sum", "main"] <= active
    assert scrape["unjam_eventloop_time_seconds_total", "main", "idle"] > 0


def test_the_maximum_and_the_utilisation_are_since_the_last_scrape(service, kind):
    """What was told once is not told again; a stall after it is."""
    if kind == "uvloop-python":
        assert service.scrape().of_name("unjam_eventloop_delay_max_seconds") == {}
        return
    service.scrape()
    quiet = service.scrape_until(lambda now: now["unjam_eventloop_delay_max_seconds", "main"] < 0.1)
    assert 0 <= quiet["unjam_eventloop_utilization_ratio", "main"] <= 1
    service.tell("block")
    assert service.answered()
    assert service.scrape()["unjam_eventloop_delay_max_seconds", "main"] >= 0.12


def test_pools_tell_size_and_waits(scrape):
    """Five calls on two threads: five waits counted, of which three took the time that the first two were kept."""
    assert scrape["unjam_pool_size", "narrow"] == 2
    assert scrape["unjam_pool_queue", "narrow"] == 0
    bucket = {key: value for (key, _), value in scrape.of_name("unjam_pool_wait_seconds_bucket").items()}
    waits = {
        key[0]: value for key, value in scrape.of_name("unjam_pool_wait_seconds_bucket").items() if key[1] == "narrow"
    }
    assert bucket
    assert waits["+Inf"] == scrape["unjam_pool_wait_seconds_count", "narrow"] == 5
    assert waits["+Inf"] - waits["0.025"] >= 3
    assert scrape["unjam_pool_wait_seconds_sum", "narrow"] >= 3 * 0.04


def test_every_label_is_bounded(scrape, kind):
    """Labels are those of the catalogue, their values come from closed lists, and pools are at most so many."""
    labels = {label for name, label in scrape.labels if name.startswith("unjam_")}
    unseen = {"loop"} if kind == "uvloop-python" else set()
    assert labels == {label for metric in METRICS for label in metric.labels} - unseen | {"le"}
    assert {key[0] for key in scrape.of_name("unjam_stalls_total")} == set(CAUSES)
    assert {key[0] for key in scrape.of_name("unjam_timeouts_total")} == set(FAULTS)
    assert len(scrape.of_name("unjam_pool_size")) <= MOST_NAMES + 1


def test_a_loop_that_hangs_shows_while_it_does(service, kind):
    """Scraped from another thread, the present absence and the maximum grow although the turn has not ended."""
    if kind == "uvloop-python":
        assert service.scrape().of_name("unjam_eventloop_away_seconds") == {}
        return
    service.tell("hang")
    scrape = service.scrape_until(lambda now: now["unjam_eventloop_away_seconds", "main"] > 0.3)
    assert scrape["unjam_eventloop_delay_max_seconds", "main"] >= scrape["unjam_eventloop_away_seconds", "main"] - 0.05
