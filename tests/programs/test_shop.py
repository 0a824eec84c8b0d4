"""The example service, as a user would watch it: real server, real clients, real database."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.serial, pytest.mark.timeout(180)]

SHOP = Path(__file__).resolve().parents[2] / "examples" / "shop"
LOAD_S = 6
PATIENCE_S = 60
MEETINGS = 3
MET_S = 0.08
"""A request that takes so long although nobody else asks for anything has met whom it has to wait for: he holds on for 130 ms."""
MEETS = (("POST", "/orders?item=item-7&count=2"), ("GET", "/catalogue"))
"""What waits for another writer and for a lock that a thread holds, if it comes at the right time."""

FAULTS = {
    ("UJ101", "retry.py", "time.sleep(PAUSE_S)"),
    ("UJ104", "suppliers.py", "requests.get(SETTINGS.prices + path"),
    ("UJ106", "database.py", "connection.execute(statement, row)"),
    ("UJ201", "catalogue.py", "with self._lock:"),
    ("UJ302", "passwords.py", "hashlib.pbkdf2_hmac("),
    ("UJ303", "exports.py", "json.dumps("),
    ("UJ305", "faulty.py", "from shop.tax import with_tax"),
}
"""Rule, file, and a piece of the line: what README of the shop promises, but for the export, which has many lines."""


def free_ports():
    """Two ports that nobody listens on; both are held until both are known, or they could be one."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@contextmanager
def process(*command, **options):
    with subprocess.Popen(command, cwd=SHOP, **options) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.kill()


def wait_for(port):
    """Until somebody listens there."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"nobody listens on port {port}")


def meet(port):
    """Ask for what waits for somebody else until it did."""
    end = time.monotonic() + PATIENCE_S
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, trust_env=False) as client:
        for method, path in MEETS:
            met = 0
            while met < MEETINGS and time.monotonic() < end:
                start = time.monotonic()
                client.request(method, path).raise_for_status()
                met += time.monotonic() - start >= MET_S


def watched_shop(folder, routes, *, after=None):
    """Serve, load, do what comes `after` with the shop's port, stop; returns the report."""
    (prices, shop), report = free_ports(), folder / "report.json"
    environment = os.environ | {
        "SHOP_PRICES": f"http://127.0.0.1:{prices}",
        "SHOP_FOLDER": str(folder),
        "SHOP_ROUTES": routes,
        "UNJAM_TIER": "native",
        "NO_PROXY": "127.0.0.1",
    }
    run = [sys.executable, "-m", "unjam", "run", "--quiet", "--json", report, "--out", folder, "--"]
    serve = [sys.executable, "-m", "uvicorn", "shop.main:app", "--port", str(shop), "--log-level", "warning"]
    with (
        process(sys.executable, "prices.py", str(prices)),
        process(*run, *serve, env=environment, stderr=subprocess.PIPE, text=True) as server,
    ):
        wait_for(prices)
        load = [sys.executable, "load.py", "--url", f"http://127.0.0.1:{shop}", "--seconds", str(LOAD_S)]
        client = subprocess.run(
            load, cwd=SHOP, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        if after is not None:
            after(shop)
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=PATIENCE_S)
    assert client.returncode == 0, client.stdout + client.stderr + errors
    return json.loads(report.read_text())


def source_of(culprit):
    return Path(culprit["file"]).read_text().splitlines()[culprit["line"] - 1]


def told(found):
    """The faults that were not found, and whether the loop over rows was."""
    missed = [
        (rule, file)
        for rule, file, piece in sorted(FAULTS)
        if not any(code == rule and Path(at["file"]).name == file and piece in source_of(at) for code, at in found)
    ]
    return missed, "as_csv" in {at["function"].rpartition(".")[2] for code, at in found if code == "UJ301"}


def test_every_fault_of_the_shop_is_found(tmp_path):
    """Each fault that the README lists is found with its rule at its line."""
    report = watched_shop(tmp_path, "faulty", after=meet)
    assert told([(each["rule"], each["culprit"]) for each in report["findings"] if each["culprit"]]) == ([], True)


def test_nobody_in_the_healthy_shop_is_accused(tmp_path):
    """The twins hold nothing: once the shop has started, no line of it is blamed, however busy the machine is."""
    report = watched_shop(tmp_path, "healthy")
    blamed = [
        (each["rule"], source_of(each["culprit"]).strip())
        for each in report["findings"]
        if each["culprit"] and each["rule"] != "UJ305"  # uvicorn imports the application on its loop, before it serves
    ]
    assert blamed == []
    assert report["loops"][0]["turns"] > 100
