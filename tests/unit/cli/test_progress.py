from __future__ import annotations

import io
import threading

from unjam.cli.progress import Progress

PATIENCE_S = 60.0


class Heard(io.StringIO):
    """A stream that lets others wait for a text."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal
        self._more = threading.Condition()

    def isatty(self):
        return self._terminal

    def write(self, text):
        with self._more:
            count = super().write(text)
            self._more.notify_all()
        return count

    def hears(self, text):
        with self._more:
            return self._more.wait_for(lambda: text in self.getvalue(), PATIENCE_S)


def test_quick_command_says_nothing():
    """What ends before the time is up leaves no line."""
    stream = Heard(terminal=True)
    with Progress(stream, after_s=3600.0) as progress:
        progress.say("reading types")
    assert stream.getvalue() == ""


def test_each_stage_is_a_line_elsewhere():
    """In a log each stage stands once, in plain text."""
    stream = Heard(terminal=False)
    with Progress(stream, after_s=0.0) as progress:
        progress.say("reading types")
        assert stream.hears("types ...\n")
        progress.say("reading packages")
        assert stream.hears("packages ...\n")
    assert stream.getvalue() == "unjam: reading types ...\nunjam: reading packages ...\n"


def test_terminal_shows_the_seconds_and_is_left_clean():
    """On a terminal the stage stands in one line with the seconds, which is wiped at the end."""
    stream = Heard(terminal=True)
    with Progress(stream, after_s=0.0) as progress:
        progress.say("reading types")
        assert stream.hears("unjam: reading types ... 0 s")
    assert stream.getvalue().endswith("\r\x1b[K")


def test_reader_that_has_gone_stops_nothing():
    """A closed standard error ends the telling, not the command."""
    stream = Heard(terminal=False)
    stream.close()
    with Progress(stream, after_s=0.0) as progress:
        progress.say("reading types")
    assert progress is not None
