/* Samples of a loop's thread while its loop is away, equal ones counted together. Watchdog's thread only. */
#ifndef UNJAM_SAMPLES_H
#define UNJAM_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "lines.h"
#include "slots.h"
#include "threads.h"
#include "trail.h"

/* Different samples kept of one stall (docs/recording.md); what is beyond goes into the last. */
enum { GROUPS = 64 };

enum thread_state { STATE_UNKNOWN, STATE_GIL, STATE_CPU, STATE_READY, STATE_KERNEL };

/* What one look at the thread showed. */
struct sample {
    enum thread_state state;
    long syscall; /* -1: none */
    int fd;       /* -1: none */
    char target[TARGET_SIZE];
    uint32_t stack, holder_stack; /* references of stacks.c */
    pid_t holder;                 /* who holds the GIL that the thread waits for; 0: unknown */
    bool gil_known, holds_gil;
    uint64_t identity; /* of the stack, the instructions included */
};

struct group {
    struct sample sample; /* the first of them */
    uint32_t count, moved, holding, gil_known;
    uint64_t first, last; /* nanoseconds on CLOCK_MONOTONIC; last: until when it is known to have been so */
    uint64_t followed_ns, starved_ns; /* how long the holder was followed, and for how long of it it had no CPU itself */
};

/* The holder of the GIL that was seen in the sample before, as its counters stood then. */
struct holder {
    pid_t tid; /* 0: none */
    struct group *group;
    uint64_t ns, cpu_ns, runq_ns;
};

/* The last moment at which the thread surely did not wait for a CPU, and its counters then. */
struct unqueued {
    uint64_t ns, cpu_ns, runq_ns;
};

struct samples {
    uint32_t count; /* groups */
    uint64_t lost;  /* samples that went into the last group although they differ */
    uint64_t gil_asked_ns;  /* UINT64_MAX: not asked */
    uint64_t ask_not_loops; /* when the asking began that another holder had a part in */
    uint64_t identity, ns, cpu_ns; /* of the sample before, or at the beginning of the turn */
    struct scheduled scheduled;
    enum thread_state state;
    struct unqueued unqueued;
    uint64_t overbooked_ns; /* see leave_out_sleep() */
    struct group *latest; /* which it went into; NULL: none that tells what the thread does from then on */
    bool held; /* in it, the loop's thread held the GIL */
    struct holder holder;
    struct group groups[GROUPS];
    struct trail trail;
};

void samples_clear(struct samples *samples);

/* A turn began at `t0`, when its thread had a CPU, and its counters stood so. */
void samples_begin(struct samples *samples, uint64_t t0, uint64_t cpu_ns, uint64_t runq_ns);

/* Look at the thread of `slot` once and count what is seen, if its turn is still `left`, which began at `t0`. 20 to 60 us. */
void samples_take(struct samples *samples, struct slot *slot, uint64_t left, uint64_t t0);

/* See how the asking for the GIL went, and how long the wait seen last went on, at the end `turn` of a stall from `t0` to `t1`. */
void samples_close(struct samples *samples, uint64_t t0, uint64_t t1, const struct ended_turn *turn);

/* Send the lines of all stacks that the samples name, and then write the samples, and their order, as JSON lists. The turn that they are of began
 * at `t0`. */
void samples_announce_stacks(const struct samples *samples);
void samples_write(const struct samples *samples, uint64_t t0, struct line *line);

/* As in the recording. */
const char *samples_state_name(enum thread_state state);

/* One look at a thread, without its stack. A runnable thread is taken to be on a CPU; the other holder of the GIL is named for one
 * that waits for it or is runnable. */
void samples_observe(struct sample *sample, const struct kept *syscall, uintptr_t tstate);

#endif
