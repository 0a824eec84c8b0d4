"""What our threads wait with is the interpreter's own, whoever replaces it and whenever."""

import subprocess
import sys
import time
from types import ModuleType

import pytest

from unjam.native.originals import original

PATCH = "from gevent import monkey; monkey.patch_all()"
OURS = "from unjam.native import originals; from unjam.control import server, snapshots; from unjam.probes import waits_scene"
SHOW = """
import select, sys, time
real = {"sleep": monkey.get_original("time", "sleep"), "start_new_thread": monkey.get_original("_thread", "start_new_thread")}
assert time.sleep is not real["sleep"]
print(all(getattr(originals, name) is value for name, value in real.items()),
      {module.sleep for module in (originals, server, snapshots, waits_scene)} == {real["sleep"]},
      server.POLL is monkey.get_original("select", "poll"))
"""


@pytest.mark.parametrize("order", [[PATCH, OURS], [OURS, PATCH]], ids=["patched-before", "patched-after"])
def test_under_gevent_they_are_the_real_ones(order):
    """Whether gevent patches before or after us, nothing of ours waits in a greenlet."""
    pytest.importorskip("gevent", reason="gevent is not installed")
    command = [sys.executable, "-c", "\n".join([*order, SHOW])]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("True True True\n", "")


@pytest.mark.parametrize("name", ["gevent.monkey", "eventlet.patcher"])
def test_one_who_is_half_imported_has_replaced_nothing(name, monkeypatch):
    """While another thread imports gevent or eventlet its module is there, without its functions."""
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    assert original("time", "sleep") is time.sleep
