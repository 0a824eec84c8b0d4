"""A real service in a process of its own, scraped over loopback as Prometheus does."""

import os
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

SERVICE = Path(__file__).parent / "service.py"
WAIT_S = 60


class Scrape(dict):
    """Values by (name of the sample, labels in order of their names)."""

    @classmethod
    def of(cls, text):
        families = list(text_string_to_metric_families(text))
        scrape = cls(
            ((sample.name, *(value for _, value in sorted(sample.labels.items()))), sample.value)
            for family in families
            for sample in family.samples
            if sample.name.startswith("unjam_")
        )
        scrape.labels = {
            (sample.name, label) for family in families for sample in family.samples for label in sample.labels
        }
        scrape.text = text
        return scrape

    def of_name(self, name):
        """Values of one sample name by its labels."""
        return {key[1:]: value for key, value in self.items() if key[0] == name}


class Service:
    """The service; `scrape` asks it over HTTP, `tell` has it block or hang."""

    def __init__(self, loop, tier):
        self.process = subprocess.Popen(
            [sys.executable, SERVICE, loop],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"UNJAM_TIER": tier},
        )
        self.port = int(self.process.stdout.readline())
        assert self.process.stdout.readline() == "ready\n"

    def scrape(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=WAIT_S) as answer:
            return Scrape.of(answer.read().decode())

    def scrape_until(self, condition):
        """Scrape until what is waited for has come."""
        deadline = time.monotonic() + WAIT_S
        while not condition(scrape := self.scrape()):
            assert time.monotonic() < deadline, scrape.text
        return scrape

    def tell(self, command):
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def answered(self):
        return self.process.stdout.readline() == "done\n"

    def stop(self):
        self.process.kill()
        self.process.communicate()


KINDS = [
    "asyncio-native",
    "uvloop-native",
    # The twin looks in a thread that needs the GIL and a CPU: on a busy machine it sees too little to name a cause.
    pytest.param("asyncio-python", marks=pytest.mark.serial),
    pytest.param("uvloop-python", marks=pytest.mark.serial),
]


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    """Loop and tier of the program under test."""
    return request.param


@pytest.fixture(scope="module")
def service(kind):
    service = Service(*kind.split("-"))
    yield service
    service.stop()


@pytest.fixture(scope="module")
def scrape(service):
    """What a first scrape says once everything has been counted."""

    def all_told(now):
        return (
            now.get(("unjam_stalls_total", "sleep"), 0) >= 2 and sum(now.of_name("unjam_timeouts_total").values()) >= 1
        )

    return service.scrape_until(all_told)


@pytest.fixture
def python(tmp_path):
    """Run a program to its end; returns its standard output and standard error."""

    def run(source, **environ):
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(source))
        command = [sys.executable, script]
        env = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"} | environ
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    return run
