import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

# Children of process pools get this path from their parent.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def program(tmp_path):
    """Write a program, run it in a process of its own, and return what it printed; its stderr shows where it fails."""

    def run(source: str, *, limit: float = 60, code: int = 0) -> str:
        path = Path(tmp_path, "program.py")
        path.write_text(textwrap.dedent(source))
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-W", "default::ResourceWarning", path],
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        assert (done.returncode, done.stderr) == (code, ""), done.stderr
        return done.stdout

    return run
