"""One thread that looks after all requests: a loop can be closed with some in its mailbox, and tells nobody."""

from __future__ import annotations

import os
from threading import Lock, Thread
from time import sleep
from typing import TYPE_CHECKING

from unjam.errors import NoLoop

if TYPE_CHECKING:
    from unjam.bridge.waiting import Request

# Seconds between two looks. A loop that twice in a row does not run is given up; once is not enough, because one also rests
# between the phases of asyncio.run.
LOOK_EVERY = 0.5


class Watch:
    """The requests for which somebody waits, and the daemon thread that looks whether their loops still run.

    A wait with a time-out would do without, but costs each round trip a tenth.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self.thread: Thread | None = None
        self._requests: set[Request] = set()
        self.add = self._requests.add
        self.discard = self._requests.discard

    def start(self) -> None:
        """Start the thread if there is none."""
        with self._lock:
            if self.thread is None:
                self.thread = Thread(target=self._look, name="unjam-bridge-watch", daemon=True)
                self.thread.start()

    def _look(self) -> None:
        missing: set[Request] = set()
        while True:
            sleep(LOOK_EVERY)
            missing = self._look_again(missing)

    def _look_again(self, missing: set[Request]) -> set[Request]:
        """Give up those that are missing for the second time, and return the others; no other is referred to in between."""
        stopped = {request for request in self._requests.copy() if not request.port.running()}
        for request in stopped & missing:
            request.refuse(NoLoop("the loop on which this waits has stopped"))
        return stopped - missing


WATCH = Watch()


def _forget_after_fork() -> None:
    """Start anew in a forked child, where neither the thread nor the waits exist."""
    WATCH.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_forget_after_fork)
