/* Marks: what the frames of a stack held when it was looked at, so that the next look can tell which of them went on meanwhile.
 *
 * While a thread is inside one native call, nothing in any of its frames can change: neither the instruction nor the words of locals
 * and value stack, which only its own bytecode writes. So a frame found at the same instruction with other words has executed
 * bytecode in between and come back: the call that it is in now is another one than before. Words are compared, never followed. The
 * converse does not hold: a loop may leave every word as it was.
 *
 * Guarded by the lock of symbols.c while they are read; a `struct marks` belongs to whoever keeps it.
 */
#ifndef UNJAM_MARKS_H
#define UNJAM_MARKS_H

#include <stdbool.h>
#include <stdint.h>

/* Deeper stacks are not marked: they are recursion, and cost more than a sample should. */
enum { MARKS = 96 };

/* Words of one frame that are compared, beyond which functions are generated code. */
enum { MARK_WORDS = 48 };

/* Contexts that were not counted. */
#define NO_COUNT UINT64_MAX

struct mark {
    uintptr_t frame, code, instruction;
    uint64_t contents;
};

struct marks {
    uint32_t count; /* frames, outermost first as in the stack's line; 0: not known */
    bool cut; /* the next frame inside of those went on while it was read */
    uint64_t contexts; /* entered and left by the thread so far; NO_COUNT: not counted */
    struct mark at[MARKS];
};

/* How two looks differ. `depth` is that of the outermost frame that differs. */
enum change {
    CHANGE_NONE,      /* no frame was seen to change */
    CHANGE_AGAIN,     /* a frame is at the same instruction, with other contents */
    CHANGE_ELSEWHERE, /* a frame is at another instruction */
    CHANGE_FRAME,     /* another frame is there, or none */
    CHANGE_UNKNOWN,
    CHANGE_CUT, /* a frame went on while it was read, or another one is in its place */
};

struct difference {
    enum change change;
    uint32_t depth;
};

/* Fill in the contents of marks whose frames, codes and instructions are given; forgets the frames that went on meanwhile, and those
 * inside of them. */
void marks_read(struct marks *marks, const uint32_t *words);

struct difference marks_compare(const struct marks *before, const struct marks *now);

#endif
