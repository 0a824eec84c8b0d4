"""Names of the system calls in which a thread can wait, by number, for the processors that `/proc` gives numbers of.

Source: the kernel's tables, https://github.com/torvalds/linux/blob/v6.12/arch/x86/entry/syscalls/syscall_64.tbl and
https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/unistd.h
"""

from __future__ import annotations

_X86_64 = (
    "read=0 write=1 open=2 close=3 stat=4 fstat=5 lstat=6 poll=7 lseek=8 mmap=9 munmap=11 ioctl=16 pread64=17 pwrite64=18"
    " readv=19 writev=20 access=21 select=23 madvise=28 pause=34 nanosleep=35 sendfile=40 connect=42 accept=43 sendto=44"
    " recvfrom=45 sendmsg=46 recvmsg=47 clone=56 fork=57 vfork=58 execve=59 wait4=61 semop=65 msgrcv=70 fcntl=72 flock=73"
    " fsync=74 fdatasync=75 truncate=76 ftruncate=77 getdents=78 rename=82 mkdir=83 rmdir=84 unlink=87 readlink=89"
    " rt_sigtimedwait=128 sync=162 futex=202 io_getevents=208 getdents64=217 semtimedop=220 clock_nanosleep=230"
    " epoll_wait=232 waitid=247 openat=257 mkdirat=258 newfstatat=262 unlinkat=263 renameat=264 readlinkat=267 faccessat=269"
    " pselect6=270 ppoll=271 splice=275 epoll_pwait=281 fallocate=285 accept4=288 recvmmsg=299 syncfs=306 sendmmsg=307"
    " renameat2=316 getrandom=318 copy_file_range=326 statx=332 clone3=435 faccessat2=439 epoll_pwait2=441"
)
_AARCH64 = (
    "epoll_pwait=22 fcntl=25 ioctl=29 flock=32 mkdirat=34 unlinkat=35 renameat=38 truncate=45 ftruncate=46 fallocate=47"
    " faccessat=48 openat=56 close=57 getdents64=61 lseek=62 read=63 write=64 readv=65 writev=66 pread64=67 pwrite64=68"
    " sendfile=71 pselect6=72 ppoll=73 splice=76 readlinkat=78 newfstatat=79 fstat=80 sync=81 fsync=82 fdatasync=83"
    " waitid=95 futex=98 nanosleep=101 clock_nanosleep=115 rt_sigtimedwait=137 msgrcv=188 semtimedop=192 semop=193"
    " accept=202 connect=203 sendto=206 recvfrom=207 sendmsg=211 recvmsg=212 munmap=215 clone=220 execve=221 mmap=222"
    " madvise=233 accept4=242 recvmmsg=243 wait4=260 syncfs=267 sendmmsg=269 renameat2=276 getrandom=278"
    " copy_file_range=285 statx=291 clone3=435 faccessat2=439 epoll_pwait2=441"
)

TABLES = {"x86_64": _X86_64, "aarch64": _AARCH64}

_PATH_FIRST = "open stat lstat access rename mkdir rmdir unlink readlink truncate execve"
_PATH_SECOND = "openat mkdirat newfstatat unlinkat renameat renameat2 readlinkat faccessat faccessat2 statx"
_FD_FIRST = (
    "read write close fstat lseek ioctl pread64 pwrite64 readv writev sendfile connect accept accept4 sendto recvfrom sendmsg"
    " recvmsg recvmmsg sendmmsg fcntl flock fsync fdatasync ftruncate getdents getdents64 fallocate splice syncfs"
    " copy_file_range epoll_wait epoll_pwait epoll_pwait2"
)

PATH_ARGUMENT = dict.fromkeys(_PATH_FIRST.split(), 0) | dict.fromkeys(_PATH_SECOND.split(), 1)
"""Which argument is the address of a path."""

FD_FIRST = frozenset(_FD_FIRST.split())
"""Those whose first argument is a descriptor."""


def names(machine: str) -> dict[int, str]:
    """{number: name} of that machine (as `os.uname` says it); empty where it is not known."""
    pairs = (pair.split("=") for pair in TABLES.get(machine, "").split())
    return {int(number): name for name, number in pairs}
