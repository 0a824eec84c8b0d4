/* Walking _PyInterpreterFrame chains. */
#define _GNU_SOURCE
#include "walk.h"

#include <string.h>
#include <sys/uio.h>

#include "compat.h"
#include "memory.h"

/* The chain is followed no further: 1,000 frames is CPython's default limit, 10,000 what deep recursion is raised to, and
 * a walk this long takes 1 to 2 ms. */
enum { WALK_MOST = 12000 };

/* Frames that follow each other on the data stack are fetched together: some 80 of them. */
enum { WINDOW = 8192 };

/* A thread at full speed may be elsewhere each time one looks. */
enum { ATTEMPTS = 4 };

/* Enough of a thread state to hold every field that is read: the largest offset is 296, in 3.11. */
enum { TSTATE_HEAD = 320, FRAME_MOST = 80 };

static struct walk walk;
static char window[WINDOW + FRAME_MOST];
static uintptr_t window_at;
static size_t window_size;
static uintptr_t chunk; /* first byte of the newest piece of the thread's data stack */
/* Where the thread that was looked at last keeps the address of its current frame, and which window held that frame. */
static struct last_walk {
    uintptr_t tstate, current, window_at;
    size_t window_size;
} last_walk;

/* By subtraction: a torn pointer may lie so close to the end of memory that adding to it comes out small. */
static bool
in_window(uintptr_t address)
{
    size_t size = compat.layout->frame_size;
    return window_size >= size && address >= window_at && address - window_at <= window_size - size;
}

/* Choose the window that ends with the frame at `address`. It begins no lower than the piece of data stack that the frame lies
 * in; a frame elsewhere (of a generator, of an older piece) is taken with what is below it only if that is readable. */
static void
place_window(uintptr_t address, bool alone)
{
    bool in_chunk = address > chunk && address - chunk < (1 << 20);
    uintptr_t below = in_chunk && address - chunk < WINDOW ? address - chunk : WINDOW;
    window_at = alone || address < below ? address : address - below;
    window_size = address - window_at + compat.layout->frame_size;
}

/* The fixed part of the frame at `address`, from the window or by a new read of it; NULL where it is not readable. */
static const char *
frame_at(uintptr_t address)
{
    for (int alone = 0; alone < 2 && !in_window(address); alone++) {
        place_window(address, alone);
        if (!memory_read(window, window_at, window_size)) {
            window_size = 0;
        }
    }
    return in_window(address) ? window + (address - window_at) : NULL;
}

static void
keep_frame(const struct raw_frame *frame)
{
    uint32_t at = walk.count < STACK_INNER ? walk.count : STACK_INNER + (walk.count - STACK_INNER) % STACK_OUTER;
    walk.frames[at] = *frame;
    walk.count++;
}

/* Where a thread state, of which `head` is what was read, keeps the address of its current frame; 0 if it belongs to another thread. */
static uintptr_t
current_of(uintptr_t tstate, pid_t tid, const char *head)
{
    const struct layout *at = compat.layout;
    if (tid != 0 && word_at(head, at->tstate_tid) != (uintptr_t)tid) {
        return 0;
    }
    chunk = word_at(head, at->tstate_chunk);
    walk.contexts = word_at(head, at->tstate_contexts);
    uintptr_t frame = word_at(head, at->tstate_frame);
    return at->tstate_frame_indirect == 0 ? tstate + at->tstate_frame : frame + at->tstate_frame_indirect - 1;
}

/* Read the window, and the thread state before it. The current frame is read right before and right after the window: if the
 * thread went on meanwhile, the outer one of the two was there all the time, and what lies above it is left out; 0 where that is not in
 * the window. */
static uintptr_t
read_window(uintptr_t tstate, uintptr_t current, char *head)
{
    uintptr_t before, after;
    const struct iovec to[] = {{head, TSTATE_HEAD}, {&before, sizeof before}, {window, window_size}, {&after, sizeof after}};
    const struct iovec from[] = {{(void *)tstate, TSTATE_HEAD},
                                 {(void *)current, sizeof before},
                                 {(void *)window_at, window_size},
                                 {(void *)current, sizeof after}};
    bool arrived = memory_read_pieces(to, from, 4) == TSTATE_HEAD + window_size + sizeof before + sizeof after;
    uintptr_t outer = before < after ? before : after;
    return arrived && in_window(outer) ? outer : 0;
}

/* The same for a thread that is about where it was when it was looked at last, which is known only once all has been read. */
static uintptr_t
innermost_again(uintptr_t tstate, pid_t tid)
{
    char head[TSTATE_HEAD];
    uintptr_t piece = chunk;
    if (last_walk.tstate != tstate) {
        return 0;
    }
    window_at = last_walk.window_at;
    window_size = last_walk.window_size;
    uintptr_t outer = read_window(tstate, last_walk.current, head);
    return outer != 0 && current_of(tstate, tid, head) == last_walk.current && chunk == piece ? outer : 0;
}

/* The innermost frame, with its neighbours in the window. */
static uintptr_t
innermost(uintptr_t tstate, pid_t tid)
{
    uintptr_t outer = innermost_again(tstate, tid);
    for (int attempt = 0; outer == 0 && attempt < ATTEMPTS; attempt++) {
        char head[TSTATE_HEAD];
        uintptr_t current, guess;
        last_walk.tstate = 0;
        if (!memory_read(head, tstate, sizeof head) || (current = current_of(tstate, tid, head)) == 0
            || !memory_read(&guess, current, sizeof guess) || guess == 0) {
            return 0;
        }
        place_window(guess, guess < chunk || guess - chunk >= (1 << 20));
        outer = read_window(tstate, current, head);
        if (outer != 0) {
            last_walk = (struct last_walk){tstate, current, window_at, window_size};
        }
    }
    if (outer == 0) {
        window_size = 0;
    }
    return outer;
}

static void
follow(uintptr_t address)
{
    const struct layout *at = compat.layout;
    walk.count = 0;
    walk.outermost = 0;
    walk.ended = false;
    for (int steps = 0; address != 0 && steps < WALK_MOST; steps++) {
        const char *frame = frame_at(address);
        if (frame == NULL) {
            return;
        }
        unsigned char owner = (unsigned char)frame[at->frame_owner];
        if (owner < at->owner_no_python) {
            struct raw_frame raw = {
                .address = address,
                .code = word_at(frame, at->frame_code) & ~(uintptr_t)7, /* 3.14: tagged */
                .instruction = word_at(frame, at->frame_instr),
                .generator = owner == at->owner_generator,
            };
            if (raw.code == 0) { /* it has returned meanwhile (3.14 clears it), and so has what lies above it */
                walk.count = 0;
            }
            else {
                keep_frame(&raw);
            }
            walk.outermost = address;
        }
        address = word_at(frame, at->frame_previous);
    }
    walk.ended = address == 0;
}

const struct walk *
walk_thread(uintptr_t tstate, pid_t tid)
{
    follow(innermost(tstate, tid));
    return &walk;
}
