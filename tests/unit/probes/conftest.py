import json
import time

import pytest

from unjam.probes.patching import ImportWatch
from unjam.probes.pools import Pools


class PoolWatch:
    """The pools probe, and the events that it has emitted so far."""

    def __init__(self, threshold_ns):
        self.lines = []
        self.imports = ImportWatch()
        self.pools = Pools(self.lines.append, threshold_ns=threshold_ns)

    def all(self):
        self.pools.tick()
        return [json.loads(line) for line in self.lines]

    def events(self, kind, least=1):
        """At least so many events: a worker counts a call a moment after its result is out."""
        deadline = time.monotonic() + 60
        while True:
            found = [event for event in self.all() if event["e"] == kind]
            if len(found) >= least or time.monotonic() > deadline:
                return found

    def first(self, kind):
        """The first such event; a worker counts a call after it has given its result away."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.events(kind)
            if found:
                return found[0]
        raise AssertionError(f"no {kind} event")


@pytest.fixture
def watch(request):
    """The pools probe at work, with the threshold of the test's module."""
    watch = PoolWatch(request.module.THRESHOLD_NS)
    watch.pools.install(watch.imports)
    yield watch
    watch.pools.uninstall()
    watch.imports.stop()
