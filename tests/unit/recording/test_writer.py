import fcntl
import os
import stat

from unjam.recording.writer import HIGH_FD, ProcessFile


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_the_file_is_private_out_of_the_way_and_not_inherited(tmp_path):
    """A program neither meets our descriptor among its own nor passes it on."""
    file = ProcessFile(tmp_path, 77)
    assert file.fd >= HIGH_FD
    assert not os.get_inheritable(file.fd)
    assert fcntl.fcntl(file.fd, fcntl.F_GETFL) & os.O_APPEND
    assert stat.S_IMODE(os.fstat(file.fd).st_mode) == 0o600
    file.close()
    assert names(tmp_path) == ["77.jsonl"]


def test_a_second_image_of_one_pid_gets_its_own_file(tmp_path):
    """After exec the number is the same and the stacks are others: two files."""
    for _ in range(3):
        ProcessFile(tmp_path, 77).close()
    assert names(tmp_path) == ["77.1.jsonl", "77.2.jsonl", "77.jsonl"]


def test_a_closed_descriptor_is_opened_anew(tmp_path):
    """A program that closes every descriptor does not end the recording."""
    file = ProcessFile(tmp_path, 77)
    assert file.write(b"1\n")
    os.close(file.fd)
    assert file.write(b"2\n")
    file.close()
    assert (tmp_path / "77.jsonl").read_bytes() == b"1\n2\n"


def test_a_file_of_the_program_under_our_number_is_neither_written_to_nor_closed(tmp_path):
    """Whatever the program has under the number that was ours is its own."""
    file = ProcessFile(tmp_path, 77)
    fd = file.fd
    theirs = os.open(tmp_path / "theirs", os.O_WRONLY | os.O_CREAT)
    os.dup2(theirs, fd)
    file.write(b"1\n")
    file.close()
    assert os.write(fd, b"x") == 1
    os.close(fd)
    os.close(theirs)
    assert (tmp_path / "theirs").read_bytes() == b"x"
    assert (tmp_path / "77.jsonl").read_bytes() == b"1\n"


def test_a_line_that_cannot_be_written_is_told_not_raised(tmp_path):
    """A file that is gone and cannot be made again loses a line, never the program."""
    file = ProcessFile(tmp_path, 77)
    os.close(file.fd)
    (tmp_path / "77.jsonl").unlink()
    assert not file.write(b"1\n")
    file.close()
