/* Code objects of a walk to positions. */
#define _GNU_SOURCE
#include "naming.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>

#include "compat.h"
#include "memory.h"
#include "symbols.h"

/* Threads whose frames are remembered, as in walk.c. */
enum { THREADS_NAMED = 4 };

/* All guarded by the lock of symbols.c; `walk` is the present one. */
static const struct walk *walk;
static char heads[STACK_FRAMES][CODE_HEAD];
static uint32_t named_frames[STACK_FRAMES], named_words[STACK_FRAMES];
/* What the frames of a thread were when it was looked at last, outermost first: within one turn, one whose fixed part is the same is the
 * same. (Later another code object may lie where its own was.) */
static struct named {
    uintptr_t tstate;
    uint32_t turn;
    uint32_t count;
    uint64_t fixed[STACK_FRAMES];
    uint32_t position[STACK_FRAMES]; /* NO_SYMBOL: a frame of the interpreter's own */
    uint32_t words[STACK_FRAMES]; /* of locals and value stack */
} named_last[THREADS_NAMED];
static unsigned named_replaced;
static _Atomic uint32_t turn; /* of any loop */

static uint32_t
kept_frames(void)
{
    return walk->count < STACK_FRAMES ? walk->count : STACK_FRAMES;
}

/* The n-th kept frame from the outside in `frames`. */
static uint32_t
from_outside(uint32_t n)
{
    if (walk->count <= STACK_FRAMES) {
        return walk->count - 1 - n;
    }
    uint32_t oldest = (walk->count - STACK_INNER) % STACK_OUTER; /* the innermost of the ring */
    return n < STACK_OUTER ? STACK_INNER + (oldest + STACK_OUTER - 1 - n) % STACK_OUTER : STACK_FRAMES - 1 - n;
}

static bool
is_known(const struct named *last, uint32_t known, uint32_t n)
{
    return n < known && last->fixed[n] == walk->frames[from_outside(n)].fixed;
}

/* Fetch the heads of all code objects that are not known with one system call; false if one of them is not there (a torn walk). */
static bool
read_heads(const struct named *last, uint32_t count)
{
    static struct iovec to[STACK_FRAMES], from[STACK_FRAMES];
    size_t size = compat.layout->code_bytes;
    uint32_t unknown = 0;
    for (uint32_t n = 0; n < count; n++) {
        if (!is_known(last, last->count, n)) {
            uint32_t i = from_outside(n);
            to[unknown] = (struct iovec){heads[i], size};
            from[unknown++] = (struct iovec){(void *)walk->frames[i].code, size};
        }
    }
    return memory_read_pieces(to, from, unknown) == size * unknown;
}

enum frame_verdict { FRAME_TORN, FRAME_NOT_BEGUN, FRAME_TRAMPOLINE, FRAME_GOOD };

/* Does the frame belong to a code object, and has it begun? The offset is in bytes; -2 before the first instruction. */
static enum frame_verdict
judge(uint32_t i, int32_t *offset)
{
    const struct layout *at = compat.layout;
    const struct raw_frame *frame = &walk->frames[i];
    int64_t units = (int64_t)word_at(heads[i], VAR_SIZE);
    int64_t distance = (int64_t)(frame->instruction - (frame->code + at->code_bytes));
    int32_t first;
    memcpy(&first, heads[i] + at->code_firsttraceable, sizeof first);
    if (word_at(heads[i], OBJECT_TYPE) != compat.code_type || distance < -2 || distance > 2 * units) {
        return FRAME_TORN;
    }
    *offset = (int32_t)distance;
    if (frame->generator || distance >= 2 * (int64_t)first) {
        return FRAME_GOOD;
    }
    /* The interpreter's own constant code objects have no file; in 3.13, the one below an `__init__` has its name for it. */
    uint64_t file = word_at(heads[i], at->code_filename);
    return file == 0 || file == word_at(heads[i], at->code_qualname) ? FRAME_TRAMPOLINE : FRAME_NOT_BEGUN;
}

static uint32_t
words_of(const char *head)
{
    uint32_t locals, stack;
    memcpy(&locals, head + compat.layout->code_locals, sizeof locals);
    memcpy(&stack, head + compat.layout->code_stacksize, sizeof stack);
    return locals < MARK_WORDS && stack < MARK_WORDS ? locals + stack : MARK_WORDS;
}

/* What the n-th frame from the outside is, into `last`. */
static enum frame_verdict
learn(struct named *last, uint32_t n)
{
    uint32_t i = from_outside(n);
    int32_t offset;
    enum frame_verdict verdict = judge(i, &offset);
    last->position[n] = NO_SYMBOL;
    if (verdict == FRAME_GOOD) {
        uint32_t code = symbols_code(walk->frames[i].code, heads[i]);
        last->position[n] = code == NO_SYMBOL ? NO_SYMBOL : symbols_position(code, offset);
        last->words[n] = words_of(heads[i]);
        verdict = last->position[n] == NO_SYMBOL ? FRAME_TORN : FRAME_GOOD;
    }
    last->fixed[n] = walk->frames[i].fixed;
    return verdict;
}

static struct named *
named_of(uintptr_t tstate)
{
    uint32_t now = atomic_load(&turn);
    struct named *last = NULL;
    for (int i = 0; i < THREADS_NAMED; i++) {
        if (named_last[i].tstate == tstate) {
            last = &named_last[i];
        }
    }
    if (last == NULL) {
        last = &named_last[named_replaced++ % THREADS_NAMED];
    }
    if (last->tstate != tstate || last->turn != now) {
        last->count = 0;
    }
    last->tstate = tstate;
    last->turn = now;
    return last;
}

int
naming_of(const struct walk *of, uintptr_t tstate, bool anew, uint32_t *to)
{
    struct named *last = named_of(tstate);
    walk = of;
    last->count = anew ? 0 : last->count;
    uint32_t count = kept_frames(), known = last->count;
    int named = 0;
    if (count == 0 || !read_heads(last, count)) {
        return -1;
    }
    last->count = 0;
    for (uint32_t n = 0; n < count; n++) {
        enum frame_verdict verdict = is_known(last, known, n) ? FRAME_GOOD : learn(last, n);
        if (verdict == FRAME_TORN) {
            return -1;
        }
        if (verdict == FRAME_NOT_BEGUN) {
            break; /* it can have called nothing yet: what lies above is left from before */
        }
        last->count = n + 1;
        if (last->position[n] != NO_SYMBOL) {
            named_frames[named] = from_outside(n);
            named_words[named] = last->words[n];
            to[named++] = last->position[n];
        }
    }
    return named;
}

void
naming_mark(const struct walk *of, struct marks *marks, uint32_t count)
{
    walk = of;
    marks->contexts = compat.counts_contexts ? walk->contexts : NO_COUNT;
    marks->count = count <= MARKS && walk->count <= STACK_FRAMES ? count : 0;
    for (uint32_t n = 0; n < marks->count; n++) {
        const struct raw_frame *frame = &walk->frames[named_frames[n]];
        marks->at[n] = (struct mark){.frame = frame->address, .code = frame->code, .instruction = frame->instruction};
    }
    marks_read(marks, named_words);
}

void
naming_turn_begins(void)
{
    atomic_fetch_add(&turn, 1);
}

void
naming_forget(void)
{
    memset(named_last, 0, sizeof named_last);
}
