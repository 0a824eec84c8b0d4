/* A watch: what the watchdog knows of one loop's present turn, and the stall that may come of it. Watchdog's thread only. */
#ifndef UNJAM_WATCH_H
#define UNJAM_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "samples.h"
#include "slots.h"

/* Counters of a loop and its thread at one moment. */
struct reading {
    uint64_t ns, cpu_ns, runq_ns, throttled_ns;
    uint64_t ran_ns; /* its thread ran after this: what it waits for a CPU at the moment, which is booked when that is over, it does since then */
    uint64_t unsure_ns; /* `runq_ns` may be so much less, where the moment is the beginning of a turn */
    uint64_t away_ns; /* the unfinished turn included */
    uint64_t turns;
    uint32_t runs; /* of the slot: another number is another run of the loop */
};

struct watch {
    uint64_t looked_ns;  /* the last look */
    uint64_t left;       /* the turn that is watched (slot.left), 0: none */
    uint64_t finished;   /* the last turn whose end is known */
    uint64_t t0;         /* when the watched turn began */
    struct reading last; /* the last look at which this turn had not been seen yet */
    struct reading base; /* as things were at t0 */
    uint64_t next_sample, next_line, next_still;
    uint32_t stall;      /* its number, 0: no line written yet */
    uint64_t suspended_ns;
    bool gone;           /* its thread had ended when it was last looked at */
    struct samples samples;
};

/* Time in which the whole process did not run although it was not waiting, found out at this tick. */
struct gap {
    uint64_t from, to, ns;
};

/* Look at one loop; `gap.ns` is 0 normally. Returns whether it was active since the last look. */
bool watch_look(struct slot *slot, const struct gap *gap);

/* Tell that the process stood still: of what its loops did then, a stall tells by itself. */
void watch_tell_stop(const struct gap *gap);

/* Was every turn of this loop short lately, the present one included? Then it may be looked at less often. After a look. */
bool watch_is_calm(const struct slot *slot, uint64_t now);

/* Had its thread ended, without a word, when a look found the loop active? */
bool watch_is_gone(const struct slot *slot);

/* Is there a stall of this loop of which more could be told than was: an open one, or one that ended? Any thread. */
bool watch_has_more(const struct slot *slot);

/* Tell of an open stall as it stands, after a look. */
void watch_flush(struct slot *slot);

/* Begin with a fresh slot. Called before the slot is live, from any thread. */
void watch_begin(const struct slot *slot);

/* Does any watch hold references to stacks? */
bool watch_any_samples(void);

#endif
