"""Laws of docs/code.md: its examples run, and its table names every argument, variable and key there is."""

import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from unjam.knowledge.allowing import allowed_by
from unjam.model.project import WATCHING, Project
from unjam.model.settings import Settings, variable_of
from unjam.monitor import install

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "code.md").read_text(encoding="utf-8")

AROUND = """
import asyncio, pathlib

async def main():
    await asyncio.sleep(0)

class statsd:
    timing = staticmethod(print)

path = pathlib.Path(__file__)
"""


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_examples_run(tmp_path):
    """All of them, one after the other, without a word on stderr."""
    program = tmp_path / "program.py"
    program.write_text("\n".join([AROUND, *blocks("python")]))
    done = subprocess.run(
        [sys.executable, program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_the_tables_can_be_read():
    """What is shown as an allowance is one."""
    (text,) = blocks("toml")
    (allow,) = allowed_by(Project("/srv", "pyproject.toml", tomllib.loads(text)["tool"]["unjam"]))
    assert "goes away with the old API" == allow.reason


def test_the_table_of_settings_is_whole():
    """Each argument of install, each variable and each key; the values that it shows for them are good ones."""
    rows = [row.split("|")[1:4] for row in PAGE.splitlines() if row.startswith("| `")]
    arguments, variables, keys = ([re.search(r"[\w-]+", cell) for cell in column] for column in zip(*rows, strict=True))
    assert set(inspect.signature(install).parameters) == {found[0] for found in arguments}
    assert {variable_of(key) for key in WATCHING} | {"UNJAM_DIR"} == {found[0] for found in variables if found}
    assert set(WATCHING) == {found[0] for found in keys if found}
    shown = "\n".join(re.findall(r"`([^`]*)`", row[2])[0] for row in rows if "`" in row[2])
    assert Settings() != Settings.from_environ({}, Project("/srv", "pyproject.toml", tomllib.loads(shown)))
