/* Walking _PyInterpreterFrame chains, and a bounded table of the stacks seen. */
#define _GNU_SOURCE
#include "stacks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "lines.h"
#include "marks.h"
#include "memory.h"
#include "symbols.h"

/* The chain is followed no further: 1,000 frames is CPython's default limit, 10,000 what deep recursion is raised to, and
 * a walk this long takes 1 to 2 ms. */
enum { WALK_MOST = 12000 };

/* Different stacks kept at once, and their frames. */
enum { STACKS = 8192, STACK_POSITIONS = 512 * 1024 };

/* A stack is written with the frames that it shares with one of so many that were written in full last: a program has few outermost
 * parts, one for each thread and each way by which requests come in. */
enum { FULL_STACKS = 8 };

/* Frames that follow each other on the data stack are fetched together: some 80 of them. */
enum { WINDOW = 8192 };

/* A thread at full speed may be elsewhere each time one looks. */
enum { ATTEMPTS = 4 };

/* Enough of a thread state to hold every field that is read: the largest offset is 296, in 3.11. */
enum { TSTATE_HEAD = 320, FRAME_MOST = 80 };

struct raw_frame {
    uintptr_t address, code, instruction;
    bool generator;
};

/* Innermost first; when longer than STACK_FRAMES the outer part is a ring. */
struct walk {
    struct raw_frame frames[STACK_FRAMES];
    uint32_t count;
    uintptr_t outermost; /* address of the last frame */
    bool ended;          /* reached the end of the chain */
};

struct known_stack {
    uint64_t identity;
    uint32_t first, count; /* in stack_positions */
    uint32_t number;       /* in the event lines; 0: not sent yet */
    bool whole;
};

/* All guarded by the lock of symbols.c. */
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
static uint64_t contexts;
static char heads[STACK_FRAMES][CODE_HEAD];
static uint32_t named_frames[STACK_FRAMES];
static struct known_stack stacks[STACKS];
static uint32_t stack_count;
static uint32_t stack_table[STACKS * 2];
static uint32_t stack_positions[STACK_POSITIONS];
static uint32_t positions_used;
static uint32_t last_number;
static uint32_t full_stacks[FULL_STACKS]; /* references, 0: none */
static uint32_t full_stacks_written;
static uint64_t lost_before; /* lines, when a stack was last written: one of those in full may be among the later ones */
static char line_text[192 * 1024];

/* ---- the walk ---- */

static uintptr_t
word_at(const char *bytes, uint32_t offset)
{
    uintptr_t word;
    memcpy(&word, bytes + offset, sizeof word);
    return word;
}

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
    contexts = word_at(head, at->tstate_contexts);
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

/* ---- naming ---- */

static uint32_t
kept_frames(void)
{
    return walk.count < STACK_FRAMES ? walk.count : STACK_FRAMES;
}

/* The n-th kept frame from the outside in `frames`. */
static uint32_t
from_outside(uint32_t n)
{
    if (walk.count <= STACK_FRAMES) {
        return walk.count - 1 - n;
    }
    uint32_t oldest = (walk.count - STACK_INNER) % STACK_OUTER; /* the innermost of the ring */
    return n < STACK_OUTER ? STACK_INNER + (oldest + STACK_OUTER - 1 - n) % STACK_OUTER : STACK_FRAMES - 1 - n;
}

/* Fetch the heads of all code objects with one system call; false if one of them is not there (a torn walk). */
static bool
read_heads(uint32_t count)
{
    static struct iovec to[STACK_FRAMES], from[STACK_FRAMES];
    size_t size = compat.layout->code_bytes;
    for (uint32_t i = 0; i < count; i++) {
        to[i] = (struct iovec){heads[i], size};
        from[i] = (struct iovec){(void *)walk.frames[i].code, size};
    }
    return memory_read_pieces(to, from, count) == size * count;
}

enum frame_verdict { FRAME_TORN, FRAME_NOT_BEGUN, FRAME_TRAMPOLINE, FRAME_GOOD };

/* Does the frame belong to a code object, and has it begun? The offset is in bytes; -2 before the first instruction. */
static enum frame_verdict
judge(uint32_t i, int32_t *offset)
{
    const struct layout *at = compat.layout;
    const struct raw_frame *frame = &walk.frames[i];
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
    /* The interpreter's own constant code objects have no file. */
    return word_at(heads[i], at->code_filename) == 0 ? FRAME_TRAMPOLINE : FRAME_NOT_BEGUN;
}

/* The positions of all frames, outermost first, into `to`, and which of the walk each is; returns their number, or -1 for a torn walk
 * or full tables. */
static int
name_frames(uint32_t *to)
{
    uint32_t count = kept_frames();
    int named = 0;
    if (count == 0 || !read_heads(count)) {
        return -1;
    }
    for (uint32_t n = 0; n < count; n++) {
        uint32_t i = from_outside(n);
        int32_t offset;
        enum frame_verdict verdict = judge(i, &offset);
        if (verdict == FRAME_TORN) {
            return -1;
        }
        if (verdict == FRAME_NOT_BEGUN) {
            break; /* it can have called nothing yet: what lies above is left from before */
        }
        if (verdict == FRAME_TRAMPOLINE) {
            continue;
        }
        uint32_t code = symbols_code(walk.frames[i].code, heads[i]);
        uint32_t position = code == NO_SYMBOL ? NO_SYMBOL : symbols_position(code, offset);
        if (position == NO_SYMBOL) {
            return -1;
        }
        named_frames[named] = i;
        to[named++] = position;
    }
    return named;
}

/* Mark the frames that were named. */
static void
mark_frames(struct marks *marks, uint32_t count)
{
    static uint32_t words[MARKS];
    const struct layout *at = compat.layout;
    marks->contexts = compat.counts_contexts ? contexts : NO_COUNT;
    marks->count = count <= MARKS && walk.count <= STACK_FRAMES ? count : 0;
    for (uint32_t n = 0; n < marks->count; n++) {
        const struct raw_frame *frame = &walk.frames[named_frames[n]];
        const char *head = heads[named_frames[n]];
        uint32_t locals, stack;
        memcpy(&locals, head + at->code_locals, sizeof locals);
        memcpy(&stack, head + at->code_stacksize, sizeof stack);
        words[n] = locals < MARK_WORDS && stack < MARK_WORDS ? locals + stack : MARK_WORDS;
        marks->at[n] = (struct mark){.frame = frame->address, .code = frame->code, .instruction = frame->instruction};
    }
    marks_read(marks, words);
}

/* ---- the table ---- */

static uint64_t
identity_of(const uint32_t *positions, int count, bool whole)
{
    uint64_t value = 0x9e3779b97f4a7c15u + whole;
    for (int i = 0; i < count; i++) {
        value = (value ^ positions[i]) * 0xff51afd7ed558ccdu;
        value ^= value >> 32;
    }
    return value;
}

/* Reference of the stack whose `count` positions are at the end of the table, entered if it is new. */
static uint32_t
enter(uint64_t identity, int count, bool whole)
{
    uint32_t slot = (uint32_t)(identity >> 20) % (STACKS * 2);
    for (; stack_table[slot] != 0; slot = (slot + 1) % (STACKS * 2)) {
        if (stacks[stack_table[slot] - 1].identity == identity) {
            return stack_table[slot];
        }
    }
    if (stack_count >= STACKS) {
        return NO_STACK;
    }
    stacks[stack_count] =
        (struct known_stack){.identity = identity, .first = positions_used, .count = (uint32_t)count, .whole = whole};
    positions_used += (uint32_t)count;
    stack_table[slot] = ++stack_count;
    return stack_count;
}

static struct stack
read_locked(uintptr_t tstate, pid_t tid, uintptr_t base, struct marks *marks)
{
    struct stack stack = {.reference = NO_STACK};
    follow(innermost(tstate, tid));
    if (!walk.ended || walk.count == 0 || STACK_POSITIONS - positions_used < STACK_FRAMES) {
        return stack;
    }
    int count = name_frames(&stack_positions[positions_used]);
    if (count <= 0) {
        return stack;
    }
    if (marks != NULL) {
        mark_frames(marks, (uint32_t)count);
    }
    stack.whole = base == 0 || walk.outermost == base;
    stack.identity = identity_of(&stack_positions[positions_used], count, stack.whole);
    stack.reference = enter(stack.identity, count, stack.whole);
    return stack;
}

struct stack
stacks_read(uintptr_t tstate, pid_t tid, uintptr_t base, struct marks *marks)
{
    if (marks != NULL) {
        marks->count = 0;
        marks->contexts = NO_COUNT;
    }
    if (compat.layout == NULL || tstate == 0) {
        return (struct stack){.reference = NO_STACK};
    }
    symbols_lock();
    struct stack stack = read_locked(tstate, tid, base, marks);
    symbols_unlock();
    return stack;
}

uintptr_t
stacks_base(uintptr_t tstate)
{
    if (compat.layout == NULL) {
        return 0;
    }
    symbols_lock();
    follow(innermost(tstate, 0));
    uintptr_t base = walk.ended ? walk.outermost : 0;
    symbols_unlock();
    return base;
}

/* ---- the event lines ---- */

static void
write_position(struct line *line, uint32_t index)
{
    const struct position *position = symbols_at(index);
    struct text file = symbols_file(position->code), function = symbols_function(position->code);
    char kind[] = {'"', symbols_kind(position->code), '"', ']', '\0'};
    line_raw(line, "[");
    line_string(line, file.bytes, file.size);
    line_raw(line, ",");
    line_signed(line, position->line);
    line_raw(line, ",");
    line_string(line, function.bytes, function.size);
    line_raw(line, ",");
    line_signed(line, position->column);
    line_raw(line, ",");
    line_signed(line, position->end_line);
    line_raw(line, ",");
    line_signed(line, position->end_column);
    line_raw(line, ",");
    line_raw(line, kind);
}

static void
write_frames(struct line *line, const struct known_stack *stack, uint32_t from)
{
    line_key(line, "f");
    line_raw(line, "[");
    for (uint32_t i = from; i < stack->count; i++) {
        line_raw(line, i == from ? "" : ",");
        write_position(line, stack_positions[stack->first + i]);
    }
    line_raw(line, "]");
}

/* How many frames two stacks share, from the outside. */
static uint32_t
shared_frames(const struct known_stack *one, const struct known_stack *other)
{
    uint32_t most = one->count < other->count ? one->count : other->count, shared = 0;
    while (shared < most && stack_positions[one->first + shared] == stack_positions[other->first + shared]) {
        shared++;
    }
    return shared;
}

/* The frames of a stack, in full unless half of them stand in one that was written in full lately; whether they were. */
static bool
write_new_frames(struct line *line, const struct known_stack *stack)
{
    const struct known_stack *base = NULL;
    uint32_t shared = 0;
    if (lines_lost() != lost_before) {
        lost_before = lines_lost();
        memset(full_stacks, 0, sizeof full_stacks);
    }
    for (int i = 0; i < FULL_STACKS; i++) {
        const struct known_stack *full = full_stacks[i] == 0 ? NULL : &stacks[full_stacks[i] - 1];
        uint32_t both = full == NULL ? 0 : shared_frames(stack, full);
        if (both > shared) {
            base = full;
            shared = both;
        }
    }
    if (base == NULL || shared < stack->count - shared) {
        write_frames(line, stack, 0);
        return true;
    }
    line_key(line, "base");
    line_raw(line, "[");
    line_unsigned(line, base->number);
    line_raw(line, ",");
    line_unsigned(line, shared);
    line_raw(line, "]");
    write_frames(line, stack, shared);
    return false;
}

/* A stack has been written in full: only now others may refer to it, which another thread may write at any time. */
static void
remember_full(uint32_t reference, uint32_t number)
{
    symbols_lock();
    if (reference <= stack_count && stacks[reference - 1].number == number) {
        full_stacks[full_stacks_written++ % FULL_STACKS] = reference;
    }
    symbols_unlock();
}

uint32_t
stacks_announce(uint32_t reference)
{
    if (reference == NO_STACK) {
        return 0;
    }
    symbols_lock();
    struct known_stack *stack = &stacks[reference - 1];
    bool new = stack->number == 0, full = false;
    struct line line;
    if (new) {
        stack->number = ++last_number;
        line = line_begin(line_text, sizeof line_text, "stack");
        line_key_unsigned(&line, "id", stack->number);
        full = write_new_frames(&line, stack);
        line_key_bool(&line, "whole", stack->whole);
    }
    uint32_t number = stack->number;
    symbols_unlock(); /* a write may block, and threads with the GIL take this lock */
    if (new) {
        line_send(&line);
    }
    if (full) {
        remember_full(reference, number);
    }
    return number;
}

/* ---- for Python ---- */

static void
copy_text(char *to, size_t size, struct text text)
{
    size_t length = text.size < size - 1 ? text.size : size - 1;
    memcpy(to, text.bytes, length);
    to[length] = '\0';
}

static void
copy_frame(struct frame *to, uint32_t index)
{
    const struct position *position = symbols_at(index);
    to->position = *position;
    to->kind = symbols_kind(position->code);
    copy_text(to->file, sizeof to->file, symbols_file(position->code));
    copy_text(to->function, sizeof to->function, symbols_function(position->code));
}

struct frame *
stacks_copy(uintptr_t tstate, int *count)
{
    symbols_lock();
    struct stack read = read_locked(tstate, 0, 0, NULL);
    struct frame *frames = NULL;
    if (read.reference != NO_STACK) {
        const struct known_stack *stack = &stacks[read.reference - 1];
        frames = malloc(stack->count * sizeof *frames);
        for (uint32_t i = 0; frames != NULL && i < stack->count; i++) {
            copy_frame(&frames[i], stack_positions[stack->first + i]);
        }
        *count = (int)stack->count;
    }
    symbols_unlock();
    return frames;
}

bool
stacks_copy_place(uintptr_t code, int32_t offset, struct frame *frame)
{
    symbols_lock();
    uint32_t known = symbols_code(code, (const char *)code);
    uint32_t position = known == NO_SYMBOL ? NO_SYMBOL : symbols_position(known, offset);
    if (position != NO_SYMBOL) {
        copy_frame(frame, position);
    }
    symbols_unlock();
    return position != NO_SYMBOL;
}

static void
reset(void)
{
    stack_count = positions_used = 0;
    memset(full_stacks, 0, sizeof full_stacks);
    memset(stack_table, 0, sizeof stack_table);
    symbols_reset();
}

void
stacks_make_room(void)
{
    symbols_lock();
    if (symbols_crowded() || stack_count > STACKS / 4 * 3 || positions_used > STACK_POSITIONS / 4 * 3) {
        reset();
    }
    symbols_unlock();
}

void
stacks_begin(void)
{
    symbols_lock();
    for (uint32_t i = 0; i < stack_count; i++) {
        stacks[i].number = 0;
    }
    memset(full_stacks, 0, sizeof full_stacks);
    last_number = 0;
    symbols_unlock();
}

void
stacks_after_fork(void)
{
    reset();
    last_number = 0;
}
