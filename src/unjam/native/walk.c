/* Walking _PyInterpreterFrame chains. */
#define _GNU_SOURCE
#include "walk.h"

#include <string.h>
#include <sys/uio.h>

#include "compat.h"
#include "hashes.h"
#include "memory.h"

/* The chain is followed no further: 1,000 frames is CPython's default limit, 10,000 what deep recursion is raised to, and
 * a walk this long takes 1 to 2 ms. */
enum { WALK_MOST = 12000 };

/* Frames that follow each other on the data stack are fetched together: some 80 of them. */
enum { WINDOW = 8192 };

/* A piece of a data stack is so long, unless a single frame needs more (DATA_STACK_CHUNK_SIZE of CPython's pystate.c). */
enum { CHUNK = 16 * 1024 };

/* A thread at full speed may be elsewhere each time one looks. */
enum { ATTEMPTS = 4 };

/* Enough of a thread state to hold every field that is read: the largest offset is 296, in 3.11. */
enum { TSTATE_HEAD = 320, FRAME_MOST = 80 };

/* Frames of generators and coroutines lie anywhere, and those between C and Python (since 3.12) on the C stack: those of the last
 * walk are fetched together with the data stack. */
enum { LOOSE = 64 };

/* The owner of a frame on the data stack, in all versions. */
enum { OWNED_BY_THREAD = 0 };

/* Threads whose last walk is remembered: a loop's, and who has the GIL that it waits for, of some loops. */
enum { THREADS = 4 };

static struct walk walk;
static char window[WINDOW + FRAME_MOST];
static uintptr_t window_at;
static size_t window_size;
static uintptr_t chunk; /* first byte of the newest piece of the thread's data stack */
static uintptr_t top_at; /* the uppermost window of that piece in this walk */
static size_t top_size;
static char loose[LOOSE][FRAME_MOST];
static uintptr_t loose_at[LOOSE];
static bool loose_met[LOOSE]; /* in this walk */
static uint32_t loose_count, loose_next;

/* Where a thread keeps the address of its current frame, and where its frames were when it was looked at last. */
static struct last_walk {
    uintptr_t tstate, current, chunk, window_at;
    size_t window_size;
    uint32_t loose_count;
    uintptr_t loose_at[LOOSE];
} last_walks[THREADS];
static unsigned last_replaced;

/* By subtraction: a torn pointer may lie so close to the end of memory that adding to it comes out small. */
static bool
in_window(uintptr_t address)
{
    size_t size = compat.layout->frame_size;
    return window_size >= size && address >= window_at && address - window_at <= window_size - size;
}

static bool
in_chunk(uintptr_t address)
{
    return address > chunk && address - chunk < CHUNK;
}

/* Choose the window that ends with the frame at `address`. It begins no lower than the piece of data stack that the frame lies
 * in; a frame of an older piece is taken with what is below it only if that is readable. */
static void
place_window(uintptr_t address, bool alone)
{
    uintptr_t below = in_chunk(address) && address - chunk < WINDOW ? address - chunk : WINDOW;
    window_at = alone || address < below ? address : address - below;
    window_size = address - window_at + compat.layout->frame_size;
    if (in_chunk(address) && address >= top_at + top_size) {
        top_at = window_at;
        top_size = window_size;
    }
}

/* Which of the loose frames that is; -1 for none. They are met in the order in which they were the last time. */
static int
loose_of(uintptr_t address)
{
    for (uint32_t n = 0; n < loose_count; n++) {
        uint32_t i = (loose_next + n) % loose_count;
        if (loose_at[i] == address) {
            loose_next = i + 1;
            return (int)i;
        }
    }
    return -1;
}

/* The frame at `address` by a read of it alone; NULL where it is one of many on a data stack, or not readable. */
static const char *
read_loose(uintptr_t address)
{
    static char other[FRAME_MOST];
    bool room = loose_count < LOOSE;
    char *frame = room ? loose[loose_count] : other;
    if (!memory_read(frame, address, compat.layout->frame_size) || frame[compat.layout->frame_owner] == OWNED_BY_THREAD) {
        return NULL;
    }
    if (room) {
        loose_met[loose_count] = true;
        loose_at[loose_count++] = address;
    }
    return frame;
}

/* The fixed part of the frame at `address`, from what was fetched or by a new read; NULL where it is not readable. */
static const char *
frame_at(uintptr_t address)
{
    int known = in_window(address) ? -1 : loose_of(address);
    if (known >= 0) {
        loose_met[known] = true;
        return loose[known];
    }
    const char *frame = in_window(address) || in_chunk(address) ? NULL : read_loose(address);
    if (frame != NULL) {
        return frame;
    }
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

/* Read the window and the loose frames, and the thread state before them. The current frame is read right before and right after them:
 * if the thread went on meanwhile, the outer one of the two was there all the time, and what lies above it is left out; 0 where that
 * is not among what was read. */
static uintptr_t
fetch(uintptr_t tstate, uintptr_t current, char *head)
{
    uintptr_t before, after;
    struct iovec to[LOOSE + 4], from[LOOSE + 4];
    size_t size = compat.layout->frame_size, all = TSTATE_HEAD + 2 * sizeof before + window_size + loose_count * size;
    uint32_t n = 0;
    to[n] = (struct iovec){head, TSTATE_HEAD};
    from[n++] = (struct iovec){(void *)tstate, TSTATE_HEAD};
    to[n] = (struct iovec){&before, sizeof before};
    from[n++] = (struct iovec){(void *)current, sizeof before};
    to[n] = (struct iovec){window, window_size};
    from[n++] = (struct iovec){(void *)window_at, window_size};
    for (uint32_t i = 0; i < loose_count; i++) {
        to[n] = (struct iovec){loose[i], size};
        from[n++] = (struct iovec){(void *)loose_at[i], size};
        loose_met[i] = false;
    }
    to[n] = (struct iovec){&after, sizeof after};
    from[n++] = (struct iovec){(void *)current, sizeof after};
    if (memory_read_pieces(to, from, n) != all) {
        return 0;
    }
    uintptr_t outer = before < after ? before : after;
    loose_next = 0;
    return in_window(outer) || (before == after && loose_of(outer) >= 0) ? outer : 0;
}

static struct last_walk *
last_walk_of(uintptr_t tstate)
{
    for (int i = 0; i < THREADS; i++) {
        if (last_walks[i].tstate == tstate) {
            return &last_walks[i];
        }
    }
    return NULL;
}

/* The innermost frame of a thread that is about where it was when it was looked at last, which is known only once all has been read. */
static uintptr_t
innermost_again(uintptr_t tstate, pid_t tid, const struct last_walk *last)
{
    char head[TSTATE_HEAD];
    window_at = top_at = last->window_at;
    window_size = top_size = last->window_size;
    loose_count = last->loose_count;
    memcpy(loose_at, last->loose_at, loose_count * sizeof loose_at[0]);
    uintptr_t outer = fetch(tstate, last->current, head);
    return outer != 0 && current_of(tstate, tid, head) == last->current && chunk == last->chunk ? outer : 0;
}

/* The same of any thread, and where it keeps the address of its current frame. */
static uintptr_t
innermost_anew(uintptr_t tstate, pid_t tid, uintptr_t *current)
{
    char head[TSTATE_HEAD];
    uintptr_t guess;
    if (!memory_read(head, tstate, sizeof head) || (*current = current_of(tstate, tid, head)) == 0
        || !memory_read(&guess, *current, sizeof guess) || guess == 0) {
        return 0;
    }
    top_at = window_size = top_size = 0;
    loose_at[0] = guess;
    loose_count = !in_chunk(guess);
    if (in_chunk(guess)) {
        place_window(guess, false);
    }
    return fetch(tstate, *current, head);
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
                .fixed = hash_words(frame, at->frame_size),
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

/* Remember where the frames of this walk were. */
static void
remember(struct last_walk *last)
{
    last->chunk = chunk;
    last->window_at = top_at;
    last->window_size = top_size;
    last->loose_count = 0;
    for (uint32_t i = 0; i < loose_count; i++) {
        if (loose_met[i]) {
            last->loose_at[last->loose_count++] = loose_at[i];
        }
    }
}

const struct walk *
walk_thread(uintptr_t tstate, pid_t tid)
{
    struct last_walk *last = last_walk_of(tstate);
    uintptr_t current = last == NULL ? 0 : last->current, outer = last == NULL ? 0 : innermost_again(tstate, tid, last);
    if (last != NULL) {
        last->tstate = 0;
    }
    for (int attempt = 0; outer == 0 && attempt < ATTEMPTS; attempt++) {
        outer = innermost_anew(tstate, tid, &current);
    }
    follow(outer);
    if (walk.ended && walk.count != 0) {
        last = last != NULL ? last : &last_walks[last_replaced++ % THREADS];
        last->tstate = tstate;
        last->current = current;
        remember(last);
    }
    return &walk;
}
