/* Time: cheap ticks for the hooks, nanoseconds on CLOCK_MONOTONIC for everything that leaves the core. */
#ifndef UNJAM_CLOCK_H
#define UNJAM_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* Ticks to nanoseconds is (ticks * clock_mult) >> 32; 1 << 32 where ticks are nanoseconds already. */
extern _Atomic uint64_t clock_mult;
extern bool clock_uses_counter;

static inline uint64_t
clock_read_ns(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Any thread, no GIL, async-signal-safe; 10 ns with a counter, 20 to 25 ns without. Never 0. */
static inline uint64_t
clock_ticks(void)
{
#if defined(__x86_64__)
    if (clock_uses_counter) {
        return __rdtsc();
    }
#elif defined(__aarch64__)
    if (clock_uses_counter) {
        uint64_t ticks;
        __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
        return ticks;
    }
#endif
    return clock_read_ns(CLOCK_MONOTONIC);
}

/* A span of ticks in nanoseconds. */
static inline uint64_t
clock_span_ns(uint64_t ticks)
{
    return (uint64_t)(((unsigned __int128)ticks * atomic_load_explicit(&clock_mult, memory_order_relaxed)) >> 32);
}

/* A span that ran backwards (counters of two sockets, a resumed machine) is 0. */
static inline uint64_t
clock_since(uint64_t later, uint64_t earlier)
{
    return later > earlier ? later - earlier : 0;
}

static inline uint64_t
clock_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

/* Choose the source of ticks. When the module is loaded. */
void clock_prepare(void);

/* Measure its rate since then; takes up to 2 ms once. Any thread, before any hook is live. */
void clock_init(void);

/* Follow the rate and set a new anchor; returns the nanoseconds by which the counter ran ahead of CLOCK_MONOTONIC since the
 * last anchor (a machine that was suspended), 0 normally. Watchdog only. */
uint64_t clock_anchor(void);

/* The time on CLOCK_MONOTONIC at which the counter showed `ticks`. Any thread. */
uint64_t clock_at(uint64_t ticks);

#endif
