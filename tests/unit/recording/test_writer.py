import fcntl
import os
import stat

from unjam.recording.writer import HIGH_FD, open_process_file, write_line


def test_the_file_is_private_out_of_the_way_and_not_inherited(tmp_path):
    """A program neither meets our descriptor among its own nor passes it on."""
    fd = open_process_file(tmp_path, 77)
    try:
        assert fd >= HIGH_FD
        assert not os.get_inheritable(fd)
        assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND
        assert stat.S_IMODE(os.fstat(fd).st_mode) == 0o600
    finally:
        os.close(fd)
    assert [file.name for file in tmp_path.iterdir()] == ["77.jsonl"]


def test_a_second_image_of_one_pid_gets_its_own_file(tmp_path):
    """After exec the number is the same and the stacks are others: two files."""
    for fd in [open_process_file(tmp_path, 77), open_process_file(tmp_path, 77), open_process_file(tmp_path, 77)]:
        os.close(fd)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["77.1.jsonl", "77.2.jsonl", "77.jsonl"]


def test_a_line_that_cannot_be_written_is_told_not_raised(tmp_path):
    """A full disk or a closed descriptor loses a line, never the program."""
    fd = open_process_file(tmp_path, 77)
    assert write_line(fd, b"{}\n")
    os.close(fd)
    assert not write_line(fd, b"{}\n")
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        assert not write_line(full, b"{}\n")
    finally:
        os.close(full)
    assert (tmp_path / "77.jsonl").read_bytes() == b"{}\n"
