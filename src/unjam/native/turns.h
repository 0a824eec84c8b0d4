/* What is done at both edges of a loop's select: the price that every turn pays, 15 to 20 ns.
 *
 * In the loop's own thread; no GIL, no allocation, no system call but to wake a sleeping watchdog; keeps errno but for that.
 */
#ifndef UNJAM_TURNS_H
#define UNJAM_TURNS_H

#include "clock.h"
#include "slots.h"
#include "steps.h"
#include "watchdog.h"

/* Bucket of the lag histogram for a turn of `ns`: docs/recording.md. */
static inline unsigned
lag_bucket(uint64_t ns)
{
    uint64_t units = ns >> 10;
    if (units < 16) {
        return (unsigned)units;
    }
    if (units >> 37) {
        return LAG_BUCKETS - 1;
    }
    unsigned shift = (unsigned)(64 - __builtin_clzll(units)) - 5;
    return 16 * (shift + 1) + (unsigned)((units >> shift) - 16);
}

/* Count the turn that lasted from `left` to `now`. */
static inline void
turn_close(struct slot *slot, uint64_t left, uint64_t now)
{
    uint64_t ns = clock_span_ns(clock_since(now, left));
    if (__builtin_expect(ns * LONG_PART >= GET(threshold_ns), 0)) {
        slot_turn_was_long(slot, left, now);
    }
    else if (__builtin_expect(slot->victims_turn != 0, 0)) {
        steps_victims_turn(slot);
    }
    slot->recent[GET(slot->turns) % RECENT] = (struct recent_turn){left, now};
    SET(slot->turns, GET(slot->turns) + 1);
    SET(slot->away_ns, GET(slot->away_ns) + ns);
    if (ns > GET(slot->longest_turn_ns)) {
        SET(slot->longest_turn_ns, ns);
    }
    if (GET(slot->turn_longest_step) > GET(slot->longest_step)) {
        SET(slot->longest_step, GET(slot->turn_longest_step));
    }
    unsigned bucket = lag_bucket(ns);
    SET(slot->lag[bucket], GET(slot->lag[bucket]) + 1);
}

static inline void
turn_open(struct slot *slot, uint64_t now)
{
    SET(slot->turn_first_step, GET(slot->steps));
    SET(slot->turn_longest_step, 0);
    atomic_store_explicit(&slot->left, now, memory_order_release);
    if (__builtin_expect(GET(watchdog_asleep) != 0, 0)) {
        watchdog_wake();
    }
}

/* The loop goes to its select. */
static inline void
turn_ends(struct slot *slot)
{
    uint64_t left = GET(slot->left);
    if (left != 0) {
        turn_close(slot, left, clock_ticks());
        atomic_store_explicit(&slot->left, 0, memory_order_release);
    }
}

/* It comes back. */
static inline void
turn_begins(struct slot *slot)
{
    uint64_t now = clock_ticks();
    if (__builtin_expect(slot->switches_seen, 0)) {
        slot_came_back(slot, now);
    }
    turn_open(slot, now);
}

/* Both at once, for a select that only looks and does not wait: half the price, and looking is work, not rest. */
static inline void
turn_passes(struct slot *slot)
{
    uint64_t left = GET(slot->left), now = clock_ticks();
    if (left != 0) {
        turn_close(slot, left, now);
    }
    turn_open(slot, now);
}

#endif
