"""Pools are watched from the import of the first module that makes one: a program without any need not import what watches them."""

from __future__ import annotations

import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from unjam.probes.patching import ImportWatch
    from unjam.probes.pool_totals import PoolTotal
    from unjam.probes.pools import Pools

MODULES = ("concurrent.futures.thread", "anyio._backends._asyncio", "unjam.bridge.pool")
"""With which pools come; `Pools.install` waits for each of them."""


class FirstPool:
    """Stands for the `Pools` of this process, and makes them when there can be a pool for the first time."""

    def __init__(self, emit: Callable[[bytes], None], *, threshold_ns: int) -> None:
        self._emit, self._threshold_ns = emit, threshold_ns
        self._imports: ImportWatch | None = None
        self._pools: Pools | None = None
        self._counts_waits = False
        self._lock = _thread.allocate_lock()

    def install(self, imports: ImportWatch) -> None:
        """Wait for the first."""
        self._imports = imports
        for name in MODULES:
            imports.when_imported(name, self._begin)

    def uninstall(self) -> None:
        """Undo what is still ours; calls under way end uncounted."""
        with self._lock:
            self._imports = None
        if self._pools is not None:
            self._pools.uninstall()

    def tick(self) -> None:
        """As `Pools.tick`."""
        if self._pools is not None:
            self._pools.tick()

    def count_waits(self) -> None:
        """As `Pools.count_waits`; asked for before the first pool it holds from there on."""
        self._counts_waits = True
        if self._pools is not None:
            self._pools.count_waits()

    def totals(self) -> list[PoolTotal]:
        """As `Pools.totals`."""
        return [] if self._pools is None else self._pools.totals()

    def after_fork_in_child(self) -> None:
        """As `Pools.after_fork_in_child`."""
        self._lock = _thread.allocate_lock()
        if self._pools is not None:
            self._pools.after_fork_in_child()

    def _begin(self, _: ModuleType) -> None:
        from unjam.probes.pools import Pools

        with self._lock:  # two threads may import two of the modules at once
            imports = self._imports
            if self._pools is not None or imports is None:
                return
            pools = self._pools = Pools(self._emit, threshold_ns=self._threshold_ns)
        if self._counts_waits:
            pools.count_waits()
        pools.install(imports)
