from pathlib import Path

import pytest

from unjam.errors import UsageError
from unjam.model.settings import Settings


def test_the_environment_carries_every_setting():
    """What a parent puts into the environment is what the child watches by."""
    settings = Settings(
        threshold_ns=20_000_000,
        folder="/r/x",
        src=("/a", "/b"),
        live=True,
        tier="python",
        dump_after_ns=0,
        track_locks=True,
    )
    assert Settings.from_environ(settings.to_environ()) == settings


def test_an_empty_environment_gives_the_defaults():
    """No variable, no change: the defaults are the same as those of the class."""
    assert Settings.from_environ({}) == Settings()


@pytest.mark.parametrize(
    "variable", ["UNJAM_THRESHOLD=fast", "UNJAM_THRESHOLD=0", "UNJAM_THRESHOLD=10us", "UNJAM_TIER=rust"]
)
def test_a_wrong_value_is_refused_at_the_door(variable):
    """A value that cannot be is refused before anything was done with it."""
    name, _, value = variable.partition("=")
    with pytest.raises(UsageError):
        Settings.from_environ({name: value})


def test_folders_are_no_text():
    """Of a text each letter would be a folder, and nothing the user's own code any more."""
    with pytest.raises(UsageError, match=r"\('app',\)"):
        Settings(src="app")


def test_settings_are_frozen():
    """Settings never change behind the back of those who read them."""
    settings = Settings()
    with pytest.raises(AttributeError):
        settings.live = True
    assert not settings.live


def test_source_folders_are_absolute():
    """A program that changes its directory keeps the user's own folders."""
    assert Settings(src=("app",)).src == (str(Path("app").absolute()),)
