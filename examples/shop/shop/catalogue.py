"""What is on sale, kept fresh by a thread."""

import threading
from collections.abc import Callable

REFRESH_S = 0.35


class Catalogue:
    """The list of items, and the thread that asks the supplier for a new one every so often."""

    def __init__(self, fetch: Callable[[], list[str]]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._items: tuple[str, ...] = ()
        self._thread = threading.Thread(target=self._refresh, name="catalogue", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stopping.set()

    def locked_items(self) -> tuple[str, ...]:
        """The items, read under the lock that the thread holds while it talks to the supplier."""
        with self._lock:
            return self._items

    @property
    def items(self) -> tuple[str, ...]:
        """The items. The tuple is replaced as a whole, so reading it needs no lock."""
        return self._items

    def _refresh(self) -> None:
        while not self._stopping.wait(REFRESH_S):
            with self._lock:
                self._items = tuple(self._fetch())
