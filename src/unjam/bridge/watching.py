"""One thread that looks after all waits: a loop can be closed with requests in its mailbox, and tells nobody."""

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
    """The requests for which a thread waits, and the daemon thread that looks whether their loops still run.

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
        missing: dict[Request, int] = {}
        while True:
            sleep(LOOK_EVERY)
            requests = self._requests.copy()
            missing = {request: missing.get(request, 0) + 1 for request in requests if not request.port.running()}
            for request, looks in missing.items():
                if looks > 1:
                    request.fail(NoLoop("the loop on which this waits has stopped"))


WATCH = Watch()


def _forget_after_fork() -> None:
    """Start anew in a forked child, where neither the thread nor the waits exist."""
    WATCH.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_forget_after_fork)
