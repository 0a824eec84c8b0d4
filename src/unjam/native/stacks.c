/* The frames of a walk by their names, and a bounded table of the stacks seen. */
#define _GNU_SOURCE
#include "stacks.h"

#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "hashes.h"
#include "lines.h"
#include "marks.h"
#include "naming.h"
#include "symbols.h"

/* Different stacks kept at once, and their frames. */
enum { STACKS = 8192, STACK_POSITIONS = 512 * 1024 };

/* A stack is written with the frames that it shares with one of so many that were written in full last: a program has few outermost
 * parts, one for each thread and each way by which requests come in. */
enum { FULL_STACKS = 8 };

struct known_stack {
    uint64_t identity;
    uint32_t first, count; /* in stack_positions */
    uint32_t number;       /* in the event lines; 0: not sent yet */
    bool whole;
};

/* All guarded by the lock of symbols.c; `walk` is the last one. */
static const struct walk *walk;
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

/* ---- the table ---- */

static uint64_t
identity_of(const uint32_t *positions, int count, bool whole)
{
    uint64_t value = 0x9e3779b97f4a7c15u + whole;
    for (int i = 0; i < count; i++) {
        value = hash_add(value, positions[i]);
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

/* `anew`: whatever was seen before. */
static struct stack
read_locked(uintptr_t tstate, pid_t tid, uintptr_t base, struct marks *marks, bool anew)
{
    struct stack stack = {.reference = NO_STACK};
    walk = walk_thread(tstate, tid);
    if (!walk->ended || walk->count == 0 || STACK_POSITIONS - positions_used < STACK_FRAMES) {
        return stack;
    }
    int count = naming_of(walk, tstate, anew, &stack_positions[positions_used]);
    if (count <= 0) {
        return stack;
    }
    if (marks != NULL) {
        naming_mark(walk, marks, (uint32_t)count);
    }
    stack.whole = base == 0 || walk->outermost == base;
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
    struct stack stack = read_locked(tstate, tid, base, marks, false);
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
    walk = walk_thread(tstate, 0);
    uintptr_t base = walk->ended ? walk->outermost : 0;
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
    struct stack read = read_locked(tstate, 0, 0, NULL, true);
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
    naming_forget();
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
