import os
import stat
from pathlib import Path

import pytest

from unjam.errors import RecordingError
from unjam.recording import folder
from unjam.recording.writer import ProcessFile


def age(path):
    os.utime(path, (1, 1))


def make_old(root, count):
    made = []
    for number in range(count):
        path = root / f"20200101T0000{number:02d}.000Z-app"
        path.mkdir(parents=True)
        age(path)
        made.append(path)
    return made


def test_a_recording_is_private_and_ignored_by_git(tmp_path):
    """Nobody else reads a recording, and no commit takes it along."""
    made = folder.create("/srv/my app.py", root=tmp_path / ".unjam")
    assert stat.S_IMODE(Path(made).stat().st_mode) == 0o700
    assert (tmp_path / ".unjam" / ".gitignore").read_text() == "*\n"
    assert made.endswith("-my_app.py")
    assert folder.read_meta(made)["program"] == "/srv/my app.py"


def test_two_recordings_of_one_moment_are_two_folders(tmp_path, monkeypatch):
    """Programs started at the same moment never share a folder."""
    monkeypatch.setattr(folder, "_utc_now", lambda: "20200101T000000.000Z")
    first, second = folder.create("app", root=tmp_path), folder.create("app", root=tmp_path)
    assert first != second
    assert folder.newest(tmp_path) == second


def test_pruning_leaves_the_newest(tmp_path):
    """Making a recording leaves the newest twenty."""
    old = make_old(tmp_path, 30)
    made = folder.create("app", root=tmp_path)
    kept = [*map(str, old[-19:]), made]
    assert folder.recordings(tmp_path) == kept


def test_a_recording_that_is_still_written_is_never_pruned(tmp_path):
    """A server that has run for weeks keeps its recording, however many came after it."""
    old = make_old(tmp_path, 30)
    file = ProcessFile(old[0], 1234)
    age(old[0])
    try:
        folder.prune(tmp_path)
        assert old[0].exists()
        assert not old[1].exists()
    finally:
        file.close()


def test_a_recording_that_nobody_writes_is_pruned(tmp_path):
    """The file of a process that has ended does not keep its recording alive."""
    old = make_old(tmp_path, 21)
    ProcessFile(old[0], 1234).close()
    age(old[0])
    folder.prune(tmp_path)
    assert not old[0].exists()


def test_what_somebody_has_put_into_a_recording_keeps_no_other(tmp_path):
    """A folder that cannot be removed stays, with what is not ours; the others go."""
    old = make_old(tmp_path, 22)
    (old[0] / "notes").mkdir()
    (old[0] / "notes" / "kept.txt").write_text("mine")
    age(old[0])
    folder.prune(tmp_path)
    assert (old[0] / "notes" / "kept.txt").read_text() == "mine"
    assert not old[1].exists()


def test_writers_are_those_who_hold_their_file(tmp_path):
    """Whoever has ended, or never was one of ours, is no writer; two files of one process are one writer."""
    files = [ProcessFile(tmp_path, pid) for pid in (7, 7, 8)]
    files.pop().close()
    (tmp_path / "notes.jsonl").write_text("")
    try:
        assert folder.writers(tmp_path) == [7]
    finally:
        for file in files:
            file.close()
    assert folder.writers(tmp_path) == []
    assert folder.writers(tmp_path / "missing") == []


def test_no_recording_is_said_with_the_way_out(tmp_path):
    """Where there is no recording, the message says how to make one."""
    with pytest.raises(RecordingError, match="unjam run"):
        folder.newest(tmp_path / "nothing")


def test_meta_is_merged(tmp_path):
    """What the end of a run adds does not lose what its start said."""
    made = folder.create("app", root=tmp_path)
    folder.write_meta(made, {"exit_code": 3})
    meta = folder.read_meta(made)
    assert (meta["program"], meta["exit_code"]) == ("app", 3)


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_garbage_meta_is_empty(tmp_path, garbage):
    """A garbage meta.json reads as empty."""
    (tmp_path / "meta.json").write_bytes(garbage)
    assert folder.read_meta(tmp_path) == {}
