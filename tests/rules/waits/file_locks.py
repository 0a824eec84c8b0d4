"""Locks of files: whoever asks for one waits for whoever has it, unless he says that he does not."""

import fcntl


async def asks(stream):
    fcntl.flock(stream, fcntl.LOCK_EX)  # error: UJ102 fcntl.flock
    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # clean
    fcntl.flock(stream, fcntl.LOCK_UN)  # clean


async def asks_for_a_part(stream):
    fcntl.lockf(stream, fcntl.LOCK_SH)  # error: UJ102 fcntl.lockf
    fcntl.lockf(stream, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 2)  # clean
