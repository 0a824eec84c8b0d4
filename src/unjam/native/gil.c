/* struct _gil_runtime_state, from outside: pycore_gil.h. */
#define _GNU_SOURCE
#include "gil.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "clock.h"
#include "compat.h"
#include "lines.h"
#include "memory.h"
#include "threads.h"

static _Atomic uintptr_t gil;
static _Atomic uint64_t ask_began, ask_got, ask_delay, ask_starved; /* ask_delay: the asker's run delay when it began */
static _Atomic pid_t asker;
static _Atomic bool ask_requested;

/* Each asking costs the holder one switch, 10 us: one in 25 ms is 0.04 %. */
static const uint64_t ASK_EVERY = 25 * 1000 * 1000;

static bool
holds(uintptr_t address, uintptr_t tstate)
{
    atomic_store(&gil, address);
    struct gil_view view = gil_look();
    return view.known && view.locked && view.holder == tstate;
}

bool
gil_find(uintptr_t tstate)
{
    const struct layout *at = compat.layout;
    uintptr_t interp, address = 0;
    if (at == NULL) {
        return false;
    }
    if (at->gil_in_runtime != 0) {
        address = compat.runtime + at->gil_in_runtime;
    }
    else if (memory_read(&interp, tstate + at->tstate_interp, sizeof interp)) {
        memory_read(&address, interp + at->interp_gil, sizeof address);
    }
    bool found = address != 0 && holds(address, tstate); /* the caller has the GIL: so it must show */
    atomic_store(&gil, found ? address : 0);
    return found;
}

struct gil_view
gil_look(void)
{
    const struct layout *at = compat.layout;
    struct gil_view view = {.known = false};
    uintptr_t address = atomic_load(&gil);
    char head[32];
    if (address == 0 || !memory_read(head, address, sizeof head)) {
        return view;
    }
    int locked;
    memcpy(&locked, head + at->gil_locked, sizeof locked);
    memcpy(&view.holder, head + at->gil_holder, sizeof view.holder);
    view.locked = locked == 1;
    view.known = true;
    return view;
}

/* In musl who waits for a condition does so on its own stack (src/thread/pthread_cond_timedwait.c); locks of Python are semaphores there. */
static bool
waits_on_its_stack(uintptr_t address, uintptr_t stack)
{
#ifdef __GLIBC__
    (void)address, (void)stack;
    return false;
#else
    enum { FRAMES = 4096 }; /* bytes between the call of the system and what waits */
    struct gil_view view = gil_look();
    return address > stack && address - stack < FRAMES && view.known && view.locked;
#endif
}

bool
gil_waits_at(uintptr_t address, uintptr_t stack)
{
    uintptr_t base = atomic_load(&gil);
    if (base == 0) {
        return false;
    }
    if (waits_on_its_stack(address, stack)) {
        return true;
    }
    /* cond, mutex, switch_cond, switch_mutex: waiting for the GIL, or for another to take it before asking for it again. */
    uintptr_t first = base + compat.layout->gil_cond;
    return address >= first && address < first + 2 * (sizeof(pthread_cond_t) + sizeof(pthread_mutex_t));
}

pid_t
gil_thread_of(uintptr_t tstate)
{
    unsigned long tid = 0;
    memory_read(&tid, tstate + compat.layout->tstate_tid, sizeof tid);
    return (pid_t)tid;
}

void
gil_request_ask(void)
{
    struct gil_ask last = gil_last_ask();
    bool asking = last.began != 0 && last.got == 0;
    if (!asking && clock_ns() - last.got >= ASK_EVERY) {
        atomic_store(&ask_requested, true);
        lines_wake();
    }
}

bool
gil_take_request(void)
{
    return atomic_exchange(&ask_requested, false);
}

static uint64_t
starved_since(uint64_t delay, pid_t tid)
{
    uint64_t now = threads_run_delay_of(tid);
    return now == UNKNOWN_NS || delay == UNKNOWN_NS ? 0 : clock_since(now, delay);
}

void
gil_ask_begins(void)
{
    pid_t tid = threads_own_tid();
    atomic_store(&asker, tid);
    atomic_store(&ask_delay, threads_run_delay_of(tid));
    atomic_store(&ask_got, 0);
    atomic_store(&ask_began, clock_ns());
}

void
gil_ask_ends(void)
{
    uint64_t now = clock_ns();
    atomic_store(&ask_starved, starved_since(atomic_load(&ask_delay), atomic_load(&asker)));
    atomic_store(&ask_got, now);
}

static bool
asker_waits(pid_t tid)
{
    struct kept syscall = threads_open(tid, "syscall");
    struct os_state os = threads_look(&syscall);
    uintptr_t address;
    kept_close(&syscall);
    return threads_in_futex(&os, &address) && gil_waits_at(address, os.stack);
}

struct gil_ask
gil_last_ask(void)
{
    struct gil_ask ask = {0};
    do {
        ask.began = atomic_load(&ask_began);
        ask.got = atomic_load(&ask_got);
        ask.starved = atomic_load(&ask_starved);
    } while (ask.began != atomic_load(&ask_began));
    if (ask.got != 0 && ask.got < ask.began) {
        return (struct gil_ask){0};
    }
    return ask;
}

void
gil_follow_ask(struct gil_ask *ask)
{
    if (ask->began != 0 && ask->got == 0) {
        pid_t tid = atomic_load(&asker);
        ask->waiting = asker_waits(tid);
        ask->starved = starved_since(atomic_load(&ask_delay), tid);
    }
}
