/* The counter of the CPU, tied to CLOCK_MONOTONIC, wherever the kernel itself trusts that counter. */
#define _GNU_SOURCE
#include "clock.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

_Atomic uint64_t clock_mult = (uint64_t)1 << 32;
bool clock_uses_counter;

/* One pair of readings, kept as one value by a sequence lock: odd while it is being written. */
static struct {
    _Atomic uint32_t sequence;
    _Atomic uint64_t ticks, ns;
} anchor;

static uint64_t first_ticks, first_ns;

/* A jump below this is the scheduler between two reads, not a suspended machine. */
static const uint64_t JUMP_NS = 50 * 1000 * 1000;

/* The rate is taken anew only over a span in which the error of the two reads (some 100 ns) is below one in a million. */
static const uint64_t RATE_SPAN_NS = 200 * 1000 * 1000;

/* The first rate is taken over a span between these: over a longer one the machine may have been suspended. */
static const uint64_t SHORTEST_NS = 2 * 1000 * 1000, LONGEST_NS = 1000 * 1000 * 1000;

/* Both clocks as near to each other as three attempts give. */
static void
read_pair(uint64_t *ticks, uint64_t *ns)
{
    uint64_t best = UINT64_MAX;
    for (int attempt = 0; attempt < 3; attempt++) {
        uint64_t before = clock_ticks();
        uint64_t now = clock_ns();
        uint64_t after = clock_ticks();
        if (after - before < best) {
            best = after - before;
            *ticks = before + best / 2;
            *ns = now;
        }
    }
}

static void
set_anchor(uint64_t ticks, uint64_t ns)
{
    atomic_fetch_add(&anchor.sequence, 1);
    atomic_store_explicit(&anchor.ticks, ticks, memory_order_relaxed);
    atomic_store_explicit(&anchor.ns, ns, memory_order_relaxed);
    atomic_fetch_add(&anchor.sequence, 1);
}

/* The kernel uses the TSC as its own clock only after it has proved it constant and equal on all CPUs. */
static bool
kernel_trusts_counter(void)
{
#if defined(__aarch64__)
    return true;
#else
    char name[16] = "";
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, name, sizeof name - 1);
    close(fd);
    return n >= 3 && memcmp(name, "tsc", 3) == 0;
#endif
}

static void
set_rate(uint64_t ticks, uint64_t ns)
{
    if (ticks != 0) {
        uint64_t mult = (uint64_t)(((unsigned __int128)ns << 32) / ticks);
        atomic_store_explicit(&clock_mult, mult, memory_order_relaxed);
    }
}

void
clock_prepare(void)
{
    clock_uses_counter = kernel_trusts_counter();
    if (clock_uses_counter) {
        read_pair(&first_ticks, &first_ns);
    }
}

void
clock_init(void)
{
    static bool done;
    if (done || !clock_uses_counter) {
        return;
    }
    done = true;
    uint64_t passed = clock_since(clock_ns(), first_ns);
    if (passed > LONGEST_NS) {
        read_pair(&first_ticks, &first_ns);
        passed = 0;
    }
    if (passed < SHORTEST_NS) {
        nanosleep(&(struct timespec){.tv_nsec = (long)(SHORTEST_NS - passed)}, NULL);
    }
    uint64_t ticks, ns;
    read_pair(&ticks, &ns);
    set_rate(ticks - first_ticks, ns - first_ns);
    set_anchor(ticks, ns);
}

uint64_t
clock_anchor(void)
{
    if (!clock_uses_counter) {
        return 0;
    }
    uint64_t ticks, ns;
    read_pair(&ticks, &ns);
    uint64_t expected = clock_at(ticks);
    bool jumped = expected > ns + JUMP_NS || expected + JUMP_NS < ns;
    if (jumped) {
        first_ticks = ticks;
        first_ns = ns;
    }
    else if (ns - first_ns >= RATE_SPAN_NS) {
        set_rate(ticks - first_ticks, ns - first_ns);
    }
    set_anchor(ticks, ns);
    return jumped && expected > ns ? expected - ns : 0;
}

uint64_t
clock_at(uint64_t ticks)
{
    if (!clock_uses_counter) {
        return ticks;
    }
    uint64_t at, ns;
    uint32_t before, after;
    do {
        before = atomic_load(&anchor.sequence);
        at = atomic_load_explicit(&anchor.ticks, memory_order_relaxed);
        ns = atomic_load_explicit(&anchor.ns, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load(&anchor.sequence);
    } while (before != after || (before & 1));
    return ticks >= at ? ns + clock_span_ns(ticks - at) : ns - clock_span_ns(at - ticks);
}
