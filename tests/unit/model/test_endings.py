import pytest

from unjam.model.endings import ending


@pytest.mark.parametrize(
    ("code", "text"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "ended by SIGKILL"), (-99, "ended by signal 99")]
)
def test_ending(code, text):
    """How the program ended is said as people know it."""
    assert text == ending(code)
