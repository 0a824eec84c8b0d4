/* The chain of frames of a thread of this process, read without the GIL and without stopping the thread. */
#ifndef UNJAM_WALK_H
#define UNJAM_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* Kept of a stack: the innermost and the outermost frames; those between are dropped. */
enum { STACK_INNER = 200, STACK_OUTER = 50, STACK_FRAMES = STACK_INNER + STACK_OUTER };

struct raw_frame {
    uintptr_t address, code, instruction;
    uint64_t fixed; /* hash of all its fixed part: with those, whose globals and locals, and who called it */
    bool generator;
};

/* Innermost first; when longer than STACK_FRAMES the outer part is a ring. */
struct walk {
    struct raw_frame frames[STACK_FRAMES];
    uint32_t count;
    uintptr_t outermost; /* address of the last frame */
    bool ended;          /* reached the end of the chain */
    uint64_t contexts;   /* how often the thread had entered or left a context */
};

/* Walk the frames of a thread state; `tid` is its thread, or 0 (not checked). With the lock of symbols.c, and good until the next walk. */
const struct walk *walk_thread(uintptr_t tstate, pid_t tid);

static inline uintptr_t
word_at(const char *bytes, uint32_t offset)
{
    uintptr_t word;
    memcpy(&word, bytes + offset, sizeof word);
    return word;
}

#endif
