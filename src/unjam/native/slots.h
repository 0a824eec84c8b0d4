/* A slot: what is counted of one loop. The loop's thread writes the counters, everybody may read them.
 *
 *     in select            left == 0
 *     away, in a turn      left == ticks at which epoll_wait returned; that value is also the name of the turn
 *
 * A turn that ends late leaves a record in `ended`, so that a stall is complete even when the loop has gone on.
 */
#ifndef UNJAM_SLOTS_H
#define UNJAM_SLOTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "kept.h"

/* Loops watched at once in one process; a further one is not watched. Costs some 7 KiB each, touched only when used. */
#define SLOTS 64

/* Buckets of the lag histogram (docs/recording.md) up to 2^36 units of 1,024 ns, 19 hours; longer turns go into the last. */
#define LAG_BUCKETS (16 * 33 + 16)

/* Late turns of one loop that may end between two ticks of the watchdog; at the least threshold, 1 ms, ten fit into one tick. */
#define ENDED 32

enum slot_state { SLOT_FREE, SLOT_LIVE, SLOT_CLOSING };

struct ended_turn {
    uint64_t left, entered; /* ticks */
    uint64_t away_ns;       /* all the time away before it */
    uint64_t steps, longest_step; /* longest in ticks */
    uint64_t cpu_ns, runq_ns;     /* of the thread's life, at the end; UINT64_MAX: not readable */
    uint64_t slices;              /* how often the thread has been put on a CPU by then; 0: not readable */
    uint32_t stall;
};

/* Turns remembered before the present one, a power of two: more than any server takes from a request's bytes to its handler. */
#define RECENT 16

struct recent_turn {
    uint64_t left, entered; /* ticks; entered: the end of its select, where that is known not to have slept */
};

/* A turn, a wait or a step of this part of the threshold is long: 10 ms at 50 ms. */
#define LONG_PART 5

/* Turns after a stall in which victims are told of: a client that connects in it is accepted in the first, and heard in the fourth. */
#define VICTIM_TURNS 4

struct slot {
    /* Written by the loop's thread on every turn and step. */
    _Atomic uint64_t left;
    _Atomic uint64_t turns, steps;
    _Atomic uint64_t away_ns, longest_turn_ns;
    _Atomic uint64_t turn_first_step;   /* `steps` when the turn began */
    _Atomic uint64_t turn_longest_step; /* ticks */
    _Atomic uint64_t longest_step;      /* ticks */
    _Atomic uint64_t step_began;        /* ticks, 0 between steps */
    _Atomic uint64_t long_turn;         /* when the last long turn ended, ticks; 0: none has */
    uint32_t victims_left; /* steps of this turn still to be told of as victims of a stall */
    uint32_t victims_turn; /* the present turn is so many after that stall's: up to VICTIM_TURNS; 0: it is the stall's own, or none is told of */
    bool by_steps;  /* its epoll descriptor is not known: each step is taken for a turn, so that long steps at least are seen */
    bool adoptable; /* registered from another thread, not yet bound to its own */
    _Atomic int epoll_fd; /* -1: turns are not seen */

    /* Set while the slot is taken. */
    _Atomic int state;
    int loop;
    pid_t tid;
    unsigned long ident;
    clockid_t cpu_clock;
    _Atomic uintptr_t tstate;
    uintptr_t stack_base; /* outermost frame of the thread, 0: any */
    uint64_t registered_ns, rested_ns; /* rested_ns: since when its loop has not run, 0: it runs */
    _Atomic uint32_t runs; /* how often the thread has come back from doing something else than running this loop */
    uint64_t turns_before, away_before_ns; /* of the loops that had this slot before: `turns` and `away_ns` go on */
    void *owner;        /* &current_slot of its thread once it is bound, NULL when free */
    struct slot *outer; /* the loop that runs around this one in the same thread (nested run) */
    struct kept schedstat, syscall; /* of the thread, in /proc */

    /* The stall of the present turn: turn number (low 32 bits) << 32 | stall number; 0: none yet. */
    _Atomic uint64_t stall;

    /* Of the present turn's late steps; loop's thread only. Ticks: when the observer was last told of one, and how long that took; how many
     * steps it has not been told of since, in which turn, and how long they were. */
    uint64_t told_at, told_for, untold_turn, untold_ns;
    uint32_t untold;

    /* The last stall with victims; loop's thread only. */
    uint32_t victims_stall;
    uint64_t victims_since, victims_ended; /* ticks */

    /* Of the loop's thread only. */
    struct recent_turn recent[RECENT]; /* turn number n is at n % RECENT */
    bool switches_seen; /* the last turn was long: `switches` tells how often the thread had given up its CPU when it ended */
    long switches;
    void *tally;           /* struct tally of the present step, a reference, or NULL */
    uint64_t tally_since;  /* ticks: from when the present step is the tally's, or nobody's */
    uint32_t tally_depth;  /* contexts entered inside each other, as uvloop does around its own steps; 0: none is known of */
    uint32_t hops[RECENT + 1]; /* tallies by how many turns before theirs the loop had last slept: see tallies.c */
    uint32_t hops_most; /* which of them is met most often */
    uint32_t hops_seen; /* all of them */
    uint32_t tally_level;  /* at which of them the present step began */

    _Atomic uint32_t ended_head, ended_tail; /* head: written by the loop's thread, tail: by the watchdog */
    struct ended_turn ended[ENDED];
    _Atomic uint64_t lag[LAG_BUCKETS];
};

extern struct slot slots[SLOTS];

/* One above the highest slot that was ever taken. */
extern _Atomic int slots_end;

/* A variable of each thread that is reached without a call. The loader of glibc keeps room for some; that of musl loads nothing that asks for it. */
#ifdef __GLIBC__
#define REACHED_AT_ONCE __attribute__((tls_model("initial-exec")))
#else
#define REACHED_AT_ONCE
#endif

/* The slot last bound to this thread; use own_slot(). */
extern __thread struct slot *current_slot REACHED_AT_ONCE;

/* The slot that rests in this thread, NULL for none. Caller holds the GIL. */
struct slot *slot_at_rest(void);

/* Another loop goes on with the slot of one that rested: no step of it waited for what that one did. */
void slot_forget_turns(struct slot *slot);

/* Slots registered from another thread, whose own thread has not come by yet. */
extern _Atomic int adoptions;

/* In nanoseconds; read in hooks. */
extern _Atomic uint64_t threshold_ns;

#define GET(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)

/* The slot of the loop that runs in this thread, NULL in all other threads. A slot that another thread has freed, and perhaps given
 * to a loop elsewhere, is nobody's here. */
static inline struct slot *
own_slot(void)
{
    struct slot *slot = current_slot;
    return slot != NULL && slot->owner == &current_slot ? slot : NULL;
}

/* Take a slot for a loop that runs in the thread `tid`; NULL if all are taken. Caller holds the GIL. */
struct slot *slot_take(int loop, int epoll_fd, pid_t tid, unsigned long ident, uintptr_t tstate, uintptr_t stack_base);

/* The loop of this slot has come to the end of a run: close its turn and keep what is counted. False where the slot is not bound to
 * the calling thread. The watchdog goes on looking at it, and a run of the same loop goes on with it. Caller holds the GIL. */
bool slot_rest(struct slot *slot);

/* A loop runs in the calling thread, in which the slot rests: the loop that it is of, which goes on, or another one, which begins
 * anew. False where it rests in another thread, or the watchdog still has to write of the loop before. Caller holds the GIL. */
bool slot_run_again(struct slot *slot, int loop, int epoll_fd);

/* The live slot of a loop, or NULL. */
struct slot *slot_find(int loop);

/* End the watch of a loop: closes its turn; frees the slot at once unless the watchdog still has to write of it. */
void slot_release(struct slot *slot, bool watched);

/* Make a slot that the watchdog has finished with free again. */
void slot_free(struct slot *slot);

/* A turn was long: where it was a stall, leave its record for the watchdog. Loop's thread; no GIL, no allocation; keeps errno.
 * Three system calls, so on long turns only. */
void slot_turn_was_long(struct slot *slot, uint64_t left, uint64_t entered);

/* The select after a long turn is over at `now`. It is slow where it finds much, or where the thread loses its CPU, but has slept
 * only if the thread gave up its CPU by itself: what that turn made wait must not look as if it had come after it. */
void slot_came_back(struct slot *slot, uint64_t now);

/* Bind a slot registered from another thread to this one, if one has this epoll descriptor. */
struct slot *slot_adopt(int epoll_fd);

/* The number of the stall that turn number `turn` of this slot is, given now if it has none; 0 if a later turn has one already. */
uint32_t slot_stall(struct slot *slot, uint64_t turn);

/* How many stalls have been given a number. */
uint32_t slot_stalls(void);

/* After a fork, in the child: forget all. */
void slots_reset(void);

#endif
