"""Laws of the first pool: nothing that watches pools is there before it, and from then on all kinds are watched."""

import subprocess
import sys
import textwrap

import pytest

from unjam.probes.first_pool import MODULES, FirstPool


def run(program):
    """What a program of its own prints: here every module has been imported long ago."""
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.split()


def test_a_program_without_a_pool_imports_nothing_that_watches_them():
    """What watches pools comes with the module that makes one, and sees the first call already."""
    told = run(
        """
        import asyncio, sys, unjam
        from unjam import monitor
        unjam.install(record=False)
        monitor.current().count_waits()
        asyncio.run(asyncio.sleep(0))
        print("unjam.probes.pools" in sys.modules, len(monitor.current().pool_totals()))

        async def main():
            await asyncio.to_thread(print, "called")

        asyncio.run(main())
        print("unjam.probes.pools" in sys.modules)
        for total in monitor.current().pool_totals():
            print(sum(total.waits))
        unjam.uninstall()
        """
    )
    assert ["False", "0", "called", "True", "1"] == told


@pytest.mark.parametrize("name", MODULES)
def test_each_kind_of_pool_is_the_first(name):
    """Whichever module comes first has all kinds watched; uninstalled before that, none."""
    pytest.importorskip(name.partition(".")[0])
    told = run(
        f"""
        import importlib, sys
        from unjam.probes.first_pool import FirstPool
        from unjam.probes.patching import ImportWatch
        for late in (True, False):
            imports, pool = ImportWatch(), FirstPool(lambda line: None, threshold_ns=1)
            pool.install(imports)
            if late:
                pool.uninstall()
            importlib.import_module("{name}")
            print(pool._pools is not None)
            if not late:
                executor = importlib.import_module("concurrent.futures.thread")._WorkItem
                print(executor.run.__module__)
            pool.uninstall()
            imports.stop()
            for each in list(sys.modules):
                if each == "{name}":
                    del sys.modules[each]
        """
    )
    assert ["False", "True", "unjam.probes.pools"] == told


def test_without_a_pool_it_answers_for_none():
    """Asked before there is one, it has no totals, nothing to tell and nothing to undo, in a fork's child neither."""
    pool = FirstPool(lambda line: pytest.fail("nothing is told"), threshold_ns=1)
    pool.tick()
    pool.after_fork_in_child()
    pool.uninstall()
    assert [] == pool.totals()
