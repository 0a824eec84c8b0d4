/* Reading the words of frames with one system call, and comparing them. */
#define _GNU_SOURCE
#include "marks.h"

#include <string.h>

#include "compat.h"
#include "memory.h"

/* The fixed part is 72 to 80 bytes. */
enum { FIXED_MOST = 80, PIECE = FIXED_MOST + MARK_WORDS * 8 };

static char pieces[MARKS][PIECE];

static uint64_t
hash(const char *bytes, size_t size)
{
    uint64_t value = 0x9e3779b97f4a7c15u, word;
    for (size_t at = 0; at + sizeof word <= size; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        value = (value ^ word) * 0xff51afd7ed558ccdu;
        value ^= value >> 32;
    }
    return value;
}

/* Does the piece show the frame as the walk saw it? */
static bool
is_still(const char *piece, const struct mark *mark)
{
    uintptr_t code, instruction;
    memcpy(&code, piece + compat.layout->frame_code, sizeof code);
    memcpy(&instruction, piece + compat.layout->frame_instr, sizeof instruction);
    return (code & ~(uintptr_t)7) == mark->code && instruction == mark->instruction;
}

void
marks_read(struct marks *marks, const uint32_t *words)
{
    static struct iovec to[MARKS], from[MARKS];
    size_t fixed = compat.layout->frame_size, whole = 0;
    for (uint32_t i = 0; i < marks->count; i++) {
        size_t size = fixed + 8 * (words[i] < MARK_WORDS ? words[i] : MARK_WORDS);
        to[i] = (struct iovec){pieces[i], size};
        from[i] = (struct iovec){(void *)marks->at[i].frame, size};
        whole += size;
    }
    uint32_t still = 0, there = memory_read_pieces(to, from, marks->count) == whole ? marks->count : 0;
    for (; still < there && is_still(pieces[still], &marks->at[still]); still++) {
        marks->at[still].contents = hash(pieces[still] + fixed, to[still].iov_len - fixed);
    }
    marks->cut = still < marks->count;
    marks->count = still;
}

struct difference
marks_compare(const struct marks *before, const struct marks *now)
{
    if (before->count == 0 || now->count == 0) {
        return (struct difference){CHANGE_UNKNOWN, 0};
    }
    uint32_t common = before->count < now->count ? before->count : now->count;
    for (uint32_t i = 0; i < common; i++) {
        const struct mark *a = &before->at[i], *b = &now->at[i];
        if (a->frame != b->frame || a->code != b->code) {
            return (struct difference){CHANGE_FRAME, i};
        }
        if (a->instruction != b->instruction) {
            return (struct difference){CHANGE_ELSEWHERE, i};
        }
        if (a->contents != b->contents) {
            return (struct difference){CHANGE_AGAIN, i};
        }
    }
    if (before->cut || now->cut) { /* the first that was not marked was seen to go on, in one look or in the other */
        return (struct difference){CHANGE_CUT, common};
    }
    return (struct difference){before->count == now->count ? CHANGE_NONE : CHANGE_FRAME, common};
}
