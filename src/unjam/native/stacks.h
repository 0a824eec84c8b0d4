/* The Python stack of a thread of this process, read without the GIL and without stopping the thread.
 *
 * A walk may be torn by the thread that runs on: it is refused when any frame on it does not belong to a code object, and it is
 * `whole` only when it ends at the frame where the thread's stack is known to begin.
 */
#ifndef UNJAM_STACKS_H
#define UNJAM_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "marks.h"
#include "symbols.h"
#include "walk.h"

/* No stack. */
#define NO_STACK 0

struct stack {
    uint32_t reference; /* NO_STACK: could not be had */
    bool whole;
    uint64_t identity;  /* of all its code objects and instructions */
};

/* Walk and name the stack of a thread state. `tid` is its thread, or 0 (not checked); `base` the frame it must end at, or 0 (any).
 * `marks` (NULL: not wanted) takes the marks of its frames. Any thread, with or without the GIL; 10 to 30 us. */
struct stack stacks_read(uintptr_t tstate, pid_t tid, uintptr_t base, struct marks *marks);

/* Address of the outermost Python frame, 0 if it cannot be had. The thread must not run Python: itself, or the GIL held. */
uintptr_t stacks_base(uintptr_t tstate);

/* The number of a stack in the event lines, its own line being sent first if it was not yet; 0 for NO_STACK. */
uint32_t stacks_announce(uint32_t reference);

/* One frame, copied out. */
struct frame {
    struct position position;
    char kind;
    char file[1025], function[257];
};

/* The stack of a thread state, outermost first, to be freed by the caller; NULL if it cannot be had whole. */
struct frame *stacks_copy(uintptr_t tstate, int *count);

/* One place in a code object that is alive, as a frame. With the GIL; false if it cannot be named. */
bool stacks_copy_place(uintptr_t code, int32_t offset, struct frame *frame);

/* Empty the tables if they are filling up. Only when no reference is held anywhere. */
void stacks_make_room(void);

/* Have each stack announced again: another recording begins, which knows none. Only while the watchdog does not run. */
void stacks_begin(void);

/* After a fork, in the child. */
void stacks_after_fork(void);

#endif
