/* A look at every loop each tick while loops turn, each second one while all turns are short; none while they are quiet.
 *
 *     ticking --(no loop turned for 20 ms)--> drowsy --(one tick later, still nothing)--> asleep
 *        ^------------------ watchdog_wake() by whoever leaves a select ------------------'
 *
 * In `drowsy` the flag is up already: whoever did not see it yet has been seen by the look that follows a tick later.
 */
#define _GNU_SOURCE
#include "watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup.h"
#include "clock.h"
#include "futex.h"
#include "slots.h"
#include "stacks.h"
#include "threads.h"
#include "watch.h"

/* Quiet for so long: go to sleep. Waking costs the loop one system call (5 us), so at most 33 times a second. */
static const uint64_t QUIET_NS = 20 * 1000 * 1000;

/* A sleeper looks up once in a while all the same. */
static const uint64_t SLEEP_NS = 5000000000;

/* A tick that is later than this many ticks needs an explanation. */
enum { LATE_TICKS = 3 };

/* Between two looks at loops that are calm. */
enum { CALM_TICKS = 2 };

enum { STACK_SIZE = 256 * 1024 };

/* How often it is looked whether a thread is gone, and for how long. */
enum { GONE_EVERY_US = 20 };
static const uint64_t GONE_NS = 1000000000;

_Atomic uint32_t watchdog_asleep;

static pthread_t thread;
static _Atomic bool running;
static _Atomic bool paused;
static _Atomic bool stopping;
static _Atomic pid_t thread_number;
static _Atomic uint32_t control;
static uint64_t wanted_tick_ns;

/* How many looks out of turn were asked for, and the last of them that has been made. */
static _Atomic uint32_t flushes_wanted, flushes_made;

/* Of the watchdog's own thread. */
static struct kept own_schedstat = {.fd = -1};

/* What the process had used when the watchdog looked last, and what is read of files: by then, and how late it has woken since. */
struct standing {
    uint64_t cpu_ns;
    uint64_t runq_ns, throttlings, throttled_ns, late_ns;
};

/* Files are read once in so many ticks, and while nothing moves so is the CPU time: it costs as much as all the rest of a tick. */
enum { STANDING_EVERY = 16 };

static struct standing
standing_now(void)
{
    return (struct standing){clock_read_ns(CLOCK_PROCESS_CPUTIME_ID), threads_run_delay(&own_schedstat),
                             cgroup_throttlings(), cgroup_throttled(), 0};
}

static uint64_t
tick(void)
{
    uint64_t fifth = GET(threshold_ns) / 5;
    uint64_t ns = wanted_tick_ns < fifth ? wanted_tick_ns : fifth;
    return ns < 1000000 ? 1000000 : ns;
}

/* Did the whole process stand still? Since it woke at `awake`, to look and sleep, more time has passed than that takes; it was not waiting
 * for a CPU, and no thread of the process used any. For how long it waited for one is known since its standing was read: what it woke late
 * before, while all was well, is no part of this. (A process throttled by a quota stands still too, and since Linux 6.18 not all of that is
 * booked as waiting for a CPU.) */
static struct gap
find_gap(struct standing *then, uint64_t awake, uint64_t slept_for, uint64_t resumed_ns)
{
    struct gap gap = {.from = awake, .to = clock_ns(), .ns = resumed_ns};
    uint64_t late = clock_since(gap.to, awake + slept_for);
    if (late <= LATE_TICKS * tick()) {
        then->late_ns += late;
        return gap;
    }
    struct standing now = standing_now();
    uint64_t queued = clock_since(clock_since(now.runq_ns, then->runq_ns), then->late_ns);
    uint64_t cpu = clock_since(now.cpu_ns, then->cpu_ns);
    bool throttled = now.throttlings != then->throttlings || now.throttled_ns != then->throttled_ns;
    if (now.runq_ns != UNKNOWN_NS && cpu < late / 10 && queued < late / 2 && !throttled) {
        gap.ns += late - queued;
    }
    *then = now;
    return gap;
}

/* A stop of the process is told of by itself from this length on: a virtual machine stands still for less again and again. */
#define STOP_NS 250000000ull

/* So many slots of loops that rest in a thread that has ended are kept for their figures, which are asked for within a second. */
enum { MOST_KEPT = SLOTS / 2 };

/* What a look at all loops found: whether one has moved, and whether all are calm. */
struct found {
    bool active, calm;
};

static struct found
look_at_all(const struct gap *gap, bool flush)
{
    struct found found = {.calm = true};
    int end = atomic_load(&slots_end), kept = 0;
    for (int i = 0; i < end; i++) {
        int state = atomic_load(&slots[i].state);
        if (state == SLOT_FREE) {
            continue;
        }
        bool moved = watch_look(&slots[i], gap);
        bool gone = moved && watch_is_gone(&slots[i]);
        bool figures = state == SLOT_LIVE && watch_is_gone(&slots[i]) && slots[i].rested_ns != 0;
        kept += figures;
        found.active |= moved;
        found.calm = found.calm && watch_is_calm(&slots[i], gap->to);
        if (flush) {
            watch_flush(&slots[i]);
        }
        if (state == SLOT_CLOSING || (gone && !(figures && kept <= MOST_KEPT))) {
            slot_free(&slots[i]);
        }
    }
    return found;
}

/* How long to sleep now, given for how long nothing has moved. */
static uint64_t
sleep_length(uint64_t quiet_ns, bool calm)
{
    if (quiet_ns < QUIET_NS) {
        return calm ? CALM_TICKS * tick() : tick();
    }
    bool drowsy = atomic_exchange(&watchdog_asleep, 1) == 0;
    return drowsy ? tick() : SLEEP_NS;
}

/* The tables of stacks are emptied only while nobody holds a reference to one. */
static void
make_room(void)
{
    if (!watch_any_samples()) {
        stacks_make_room();
    }
}

static void *
watch_loops(void *unused)
{
    (void)unused;
    prctl(PR_SET_NAME, "unjam-watchdog");
    atomic_store(&thread_number, threads_own_tid());
    own_schedstat = threads_open(threads_own_tid(), "schedstat");
    uint64_t quiet_ns = 0;
    unsigned ticks = 0;
    struct gap gap = {.to = clock_ns()};
    struct standing standing = standing_now();
    struct found found = {0};
    for (;;) {
        uint32_t seen = atomic_load(&control);
        bool last = atomic_load(&stopping);
        uint32_t wanted = atomic_load(&flushes_wanted);
        bool flush = wanted != atomic_load(&flushes_made);
        uint64_t awake = gap.to;
        if (++ticks % STANDING_EVERY == 0) {
            standing = standing_now();
        }
        else if (found.active) {
            standing.cpu_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
        }
        found = look_at_all(&gap, flush);
        if (gap.ns >= STOP_NS) {
            watch_tell_stop(&gap);
        }
        if (flush) {
            atomic_store(&flushes_made, wanted);
            futex_wake_all(&flushes_made);
        }
        if (last) {
            break;
        }
        if (found.active) {
            quiet_ns = 0;
            atomic_store(&watchdog_asleep, 0);
            make_room();
        }
        uint64_t length = sleep_length(quiet_ns, found.calm);
        futex_wait(&control, seen, length);
        gap = find_gap(&standing, awake, length, clock_anchor());
        quiet_ns = atomic_load(&control) != seen ? 0 : quiet_ns + length;
    }
    kept_close(&own_schedstat);
    return NULL;
}

bool
watchdog_start(uint64_t tick_ns)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    wanted_tick_ns = tick_ns;
    atomic_store(&stopping, false);
    atomic_store(&watchdog_asleep, 0);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, &attributes, watch_loops, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    atomic_store(&running, error == 0);
    errno = error;
    return error == 0;
}

void
watchdog_wake(void)
{
    atomic_store(&watchdog_asleep, 0);
    atomic_fetch_add(&control, 1);
    futex_wake_all(&control);
}

bool
watchdog_has_more(void)
{
    if (!watchdog_running()) {
        return false;
    }
    int end = atomic_load(&slots_end);
    for (int i = 0; i < end; i++) {
        if (atomic_load(&slots[i].state) != SLOT_FREE && watch_has_more(&slots[i])) {
            return true;
        }
    }
    return false;
}

void
watchdog_flush(uint64_t timeout_ns)
{
    if (!watchdog_has_more()) {
        return;
    }
    uint64_t deadline = clock_ns() + timeout_ns;
    uint32_t wanted = atomic_fetch_add(&flushes_wanted, 1) + 1, made;
    watchdog_wake();
    while ((int32_t)((made = atomic_load(&flushes_made)) - wanted) < 0 && clock_ns() < deadline) {
        futex_wait(&flushes_made, made, clock_since(deadline, clock_ns()));
    }
}

void
watchdog_stop(void)
{
    atomic_store(&paused, false);
    if (!atomic_exchange(&running, false)) {
        return;
    }
    atomic_store(&stopping, true);
    watchdog_wake();
    pthread_join(thread, NULL);
}

/* A thread that has been joined is counted as one of the process's until the system has put it away, some 50 us later. */
static void
wait_until_gone(pid_t tid)
{
    uint64_t began = clock_ns();
    while (syscall(SYS_tgkill, getpid(), tid, 0) == 0 && clock_since(clock_ns(), began) < GONE_NS) {
        usleep(GONE_EVERY_US);
    }
}

void
watchdog_pause(void)
{
    if (!atomic_load(&running)) {
        return;
    }
    atomic_store(&paused, true);
    atomic_store(&running, false);
    atomic_store(&stopping, true);
    watchdog_wake();
    pthread_join(thread, NULL);
    wait_until_gone(atomic_load(&thread_number));
}

bool
watchdog_resume(void)
{
    bool resumed = !atomic_load(&paused) || watchdog_start(wanted_tick_ns);
    atomic_store(&paused, false);
    return resumed;
}

bool
watchdog_running(void)
{
    return atomic_load(&running) || atomic_load(&paused);
}

void
watchdog_reset(void)
{
    atomic_store(&running, false);
    atomic_store(&paused, false);
    atomic_store(&watchdog_asleep, 0);
    atomic_store(&flushes_made, atomic_load(&flushes_wanted));
    kept_close(&own_schedstat);
}
