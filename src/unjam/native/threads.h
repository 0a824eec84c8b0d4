/* What the operating system says of a thread of this process. Nothing here takes the GIL or allocates. */
#ifndef UNJAM_THREADS_H
#define UNJAM_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "kept.h"

/* Not readable. */
#define UNKNOWN_NS UINT64_MAX

/* Longest target kept; a path beyond it is cut at its end. */
#define TARGET_SIZE 256

struct os_state {
    bool known;      /* could /proc be read at all */
    bool running;    /* on a CPU or ready for one */
    long syscall;    /* number of the system call it waits in; -1: waits outside of one (a page fault) */
    uint64_t arguments[6], stack; /* its stack pointer */
};

pid_t threads_own_tid(void);

/* The CPU clock of a thread of this process: linux/posix-timers.h, CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED. */
clockid_t threads_cpu_clock(pid_t tid);

/* /proc/self/task/TID/NAME, opened for reading. */
struct kept threads_open(pid_t tid, const char *name);

/* What the scheduler says of a thread's life so far: Documentation/scheduler/sched-stats.rst, /proc/<pid>/schedstat. */
struct scheduled {
    uint64_t delay_ns; /* it waited for a CPU, as far as that is over; UNKNOWN_NS: not readable */
    uint64_t slices;   /* how often it was put on one */
};

/* 1 us. */
struct scheduled threads_scheduled(const struct kept *schedstat);

/* The delay of it alone. */
uint64_t threads_run_delay(const struct kept *schedstat);

/* The same of any thread of this process, its file opened for it. 8 us. */
uint64_t threads_run_delay_of(pid_t tid);

/* Running, or in which system call. 1 to 2 us. */
struct os_state threads_look(const struct kept *syscall);

/* Name of a system call, from static memory or `scratch`. */
const char *threads_syscall_name(long number, char scratch[32]);

/* The descriptor that the call waits on (-1: none) and, in `target`, what it is; "" where nothing is known. 2 us. */
int threads_target(const struct os_state *state, char target[TARGET_SIZE]);

/* Is this a wait on a futex? `address`: which. */
bool threads_in_futex(const struct os_state *state, uintptr_t *address);

#endif
