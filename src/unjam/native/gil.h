/* Who holds the GIL, read without taking it. */
#ifndef UNJAM_GIL_H
#define UNJAM_GIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct gil_view {
    bool known;
    bool locked;
    uintptr_t holder; /* thread state that holds it, or held it last */
};

/* Find the GIL of the calling thread's interpreter. With the GIL; false where it cannot be found (then nothing is known). */
bool gil_find(uintptr_t tstate);

/* Any thread, no GIL; 0.4 us. */
struct gil_view gil_look(void);

/* Does a thread that waits on the futex at this address, and whose stack pointer is `stack`, wait for the GIL? */
bool gil_waits_at(uintptr_t address, uintptr_t stack);

/* The thread of a thread state, 0 if it cannot be read. */
pid_t gil_thread_of(uintptr_t tstate);

/* Let the drainer ask for the GIL, unless it does so now or did lately. */
void gil_request_ask(void);

/* Was that wanted since the last call? */
bool gil_take_request(void);

/* A thread of ours asks for the GIL, and got it. Around PyEval_RestoreThread. */
void gil_ask_begins(void);
void gil_ask_ends(void);

/* The last such asking; `got` is 0 while it lasts. Nanoseconds on CLOCK_MONOTONIC. */
struct gil_ask {
    uint64_t began, got;
    uint64_t starved; /* for so long the asker wanted a CPU meanwhile, and not the GIL */
    bool waiting;     /* after gil_follow_ask: the asker waits for the GIL indeed, and not for a CPU */
};
struct gil_ask gil_last_ask(void);

/* See how one that lasts stands now: fills `starved` and `waiting`. 15 us. */
void gil_follow_ask(struct gil_ask *ask);

#endif
