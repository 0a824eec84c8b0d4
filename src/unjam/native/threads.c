/* Thread state out of /proc/self/task, and the names and objects of system calls. */
#define _GNU_SOURCE
#include "threads.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory.h"
#include "targets.h"

pid_t
threads_own_tid(void)
{
    return (pid_t)syscall(SYS_gettid);
}

clockid_t
threads_cpu_clock(pid_t tid)
{
    return (clockid_t)((~(unsigned)tid << 3) | 6);
}

struct kept
threads_open(pid_t tid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int)tid, name);
    return kept_high(open(path, O_RDONLY | O_CLOEXEC));
}

static bool
read_start(const struct kept *kept, char *text, size_t size)
{
    ssize_t n = kept->fd < 0 ? -1 : pread(kept->fd, text, size - 1, 0);
    if (n <= 0) {
        return false;
    }
    text[n] = '\0';
    return true;
}

struct scheduled
threads_scheduled(const struct kept *schedstat)
{
    struct scheduled scheduled = {.delay_ns = UNKNOWN_NS};
    char text[96], *end;
    if (!read_start(schedstat, text, sizeof text)) {
        return scheduled;
    }
    strtoull(text, &end, 10);
    if (*end == ' ') {
        scheduled.delay_ns = strtoull(end, &end, 10);
        scheduled.slices = strtoull(end, NULL, 10);
    }
    return scheduled;
}

uint64_t
threads_run_delay(const struct kept *schedstat)
{
    return threads_scheduled(schedstat).delay_ns;
}

uint64_t
threads_run_delay_of(pid_t tid)
{
    struct kept schedstat = threads_open(tid, "schedstat");
    uint64_t delay = threads_run_delay(&schedstat);
    kept_close(&schedstat);
    return delay;
}

struct os_state
threads_look(const struct kept *syscall)
{
    struct os_state state = {.syscall = -1};
    char text[256];
    if (!read_start(syscall, text, sizeof text)) {
        return state;
    }
    state.running = strncmp(text, "running", 7) == 0;
    char *at = text;
    state.syscall = state.running ? -1 : strtol(text, &at, 10);
    state.known = state.running || at != text;
    for (int i = 0; i < 6 && state.syscall >= 0; i++) {
        state.arguments[i] = strtoull(at, &at, 16);
    }
    state.stack = state.syscall >= 0 ? strtoull(at, &at, 16) : 0;
    return state;
}

/* What the arguments of a call say about what it waits for. */
enum shape { NOTHING, FD, CONNECT, POLL, PATH, PATH_AT, PROCESS, FUTEX };

#define CALL(name, shape) {SYS_##name, shape, #name}

/* The calls in which programs are seen to wait; others are named by their number. */
static const struct call {
    long number;
    enum shape shape;
    const char *name;
} CALLS[] = {
    CALL(futex, FUTEX), CALL(read, FD), CALL(write, FD), CALL(readv, FD), CALL(writev, FD), CALL(pread64, FD),
    CALL(pwrite64, FD), CALL(preadv, FD), CALL(pwritev, FD), CALL(sendfile, FD), CALL(recvfrom, FD),
    CALL(recvmsg, FD), CALL(recvmmsg, FD), CALL(sendto, FD), CALL(sendmsg, FD), CALL(sendmmsg, FD),
    CALL(accept, FD), CALL(accept4, FD), CALL(connect, CONNECT), CALL(fsync, FD), CALL(fdatasync, FD),
    CALL(flock, FD), CALL(fcntl, FD), CALL(ioctl, FD), CALL(ftruncate, FD), CALL(fallocate, FD), CALL(lseek, FD),
    CALL(fstat, FD), CALL(getdents64, FD), CALL(close, FD), CALL(splice, FD), CALL(copy_file_range, FD),
    CALL(sync_file_range, FD), CALL(epoll_pwait, FD), CALL(ppoll, POLL), CALL(pselect6, NOTHING),
    CALL(openat, PATH_AT), CALL(newfstatat, PATH_AT), CALL(statx, PATH_AT), CALL(unlinkat, PATH_AT),
    CALL(mkdirat, PATH_AT), CALL(readlinkat, PATH_AT), CALL(faccessat, PATH_AT), CALL(statfs, PATH),
    CALL(execve, PATH), CALL(truncate, PATH), CALL(chdir, PATH), CALL(wait4, PROCESS), CALL(waitid, NOTHING),
    CALL(nanosleep, NOTHING), CALL(clock_nanosleep, NOTHING), CALL(rt_sigtimedwait, NOTHING),
    CALL(rt_sigsuspend, NOTHING), CALL(sched_yield, NOTHING), CALL(mmap, NOTHING), CALL(munmap, NOTHING),
    CALL(mremap, NOTHING), CALL(mprotect, NOTHING), CALL(madvise, NOTHING), CALL(brk, NOTHING), CALL(msync, NOTHING),
    CALL(sync, NOTHING), CALL(syncfs, FD), CALL(clone, NOTHING), CALL(exit_group, NOTHING), CALL(semop, NOTHING),
    CALL(semtimedop, NOTHING), CALL(msgrcv, NOTHING), CALL(msgsnd, NOTHING), CALL(io_getevents, NOTHING),
    CALL(getrandom, NOTHING), CALL(mq_timedreceive, FD), CALL(mq_timedsend, FD), CALL(renameat, PATH_AT),
#ifdef SYS_epoll_pwait2
    CALL(epoll_pwait2, FD),
#endif
#ifdef SYS_clone3
    CALL(clone3, NOTHING),
#endif
#ifdef SYS_io_uring_enter
    CALL(io_uring_enter, FD),
#endif
#ifdef SYS_faccessat2
    CALL(faccessat2, PATH_AT),
#endif
#ifdef SYS_renameat2
    CALL(renameat2, PATH_AT),
#endif
#ifdef SYS_futex_waitv
    CALL(futex_waitv, NOTHING),
#endif
#if defined(__x86_64__) /* calls that newer machines have only in their "at" form */
    CALL(poll, POLL), CALL(select, NOTHING), CALL(epoll_wait, FD), CALL(open, PATH), CALL(stat, PATH),
    CALL(lstat, PATH), CALL(access, PATH), CALL(unlink, PATH), CALL(rename, PATH), CALL(mkdir, PATH),
    CALL(rmdir, PATH), CALL(readlink, PATH), CALL(getdents, FD), CALL(pause, NOTHING), CALL(vfork, NOTHING),
    CALL(fork, NOTHING), CALL(creat, PATH),
#endif
};

static const struct call *
call_of(long number)
{
    for (size_t i = 0; i < sizeof CALLS / sizeof CALLS[0]; i++) {
        if (CALLS[i].number == number) {
            return &CALLS[i];
        }
    }
    return NULL;
}

const char *
threads_syscall_name(long number, char scratch[32])
{
    const struct call *call = call_of(number);
    if (call != NULL) {
        return call->name;
    }
    snprintf(scratch, 32, "syscall %ld", number);
    return scratch;
}

bool
threads_in_futex(const struct os_state *state, uintptr_t *address)
{
    *address = (uintptr_t)state->arguments[0];
    return state->known && !state->running && state->syscall == SYS_futex;
}

static int
polled(const struct os_state *state, char *target)
{
    struct {
        int fd;
        short events, revents;
    } first;
    uint64_t count = state->arguments[1];
    if (count == 0 || !memory_read(&first, state->arguments[0], sizeof first)) {
        return -1;
    }
    if (count > 1) {
        snprintf(target, TARGET_SIZE, "%llu descriptors", (unsigned long long)count);
        return -1;
    }
    target_of_fd(first.fd, target);
    return first.fd;
}

static int
connecting(const struct os_state *state, char *target)
{
    int fd = (int)state->arguments[0];
    target_of_address(fd, state->arguments[1], (size_t)state->arguments[2], target);
    return fd;
}

static void
process(const struct os_state *state, char *target)
{
    int pid = (int)state->arguments[0];
    snprintf(target, TARGET_SIZE, pid > 0 ? "process %d" : "any child process", pid);
}

int
threads_target(const struct os_state *state, char target[TARGET_SIZE])
{
    target[0] = '\0';
    const struct call *call = state->known && state->syscall >= 0 ? call_of(state->syscall) : NULL;
    switch (call == NULL ? NOTHING : call->shape) {
    case NOTHING:
        return -1;
    case FD:
        target_of_fd((int)state->arguments[0], target);
        return (int)state->arguments[0];
    case CONNECT:
        return connecting(state, target);
    case POLL:
        return polled(state, target);
    case PATH:
        target_of_path(state->arguments[0], target);
        return -1;
    case PATH_AT:
        target_of_path(state->arguments[1], target);
        return -1;
    case PROCESS:
        process(state, target);
        return -1;
    case FUTEX:
        strcpy(target, "futex");
        return -1;
    }
    return -1;
}
