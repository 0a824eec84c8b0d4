/* Reading the words of frames with one system call, and comparing them. */
#define _GNU_SOURCE
#include "marks.h"

#include <string.h>
#include <sys/uio.h>

#include "compat.h"
#include "hashes.h"
#include "memory.h"

/* The fixed part is 72 to 80 bytes. */
enum { FIXED_MOST = 80, PIECE = FIXED_MOST + MARK_WORDS * 8 };

/* Frames follow each other on the data stack: those no farther apart than this are read as one piece of memory. What is in one piece is read
 * at once, and each more costs as much as some hundred bytes. */
enum { GAP = 256 };

static char pieces[MARKS * (PIECE + GAP)];

/* Does the piece show the frame as the walk saw it? */
static bool
is_still(const char *piece, const struct mark *mark)
{
    uintptr_t code, instruction;
    memcpy(&code, piece + compat.layout->frame_code, sizeof code);
    memcpy(&instruction, piece + compat.layout->frame_instr, sizeof instruction);
    return (code & ~(uintptr_t)7) == mark->code && instruction == mark->instruction;
}

/* Read `sizes[i]` bytes of each frame; `places` says where they are then. */
static bool
read_frames(const struct marks *marks, const size_t *sizes, const char **places)
{
    static struct iovec to[MARKS], from[MARKS];
    uint32_t count = 0;
    size_t whole = 0;
    uintptr_t end = 0;
    for (uint32_t i = 0; i < marks->count; i++) {
        uintptr_t frame = marks->at[i].frame;
        size_t gap = frame - end;
        if (count == 0 || frame < end || gap > GAP) {
            to[count] = (struct iovec){pieces + whole, 0};
            from[count++] = (struct iovec){(void *)frame, 0};
            gap = 0;
        }
        places[i] = pieces + whole + gap;
        whole += gap + sizes[i];
        to[count - 1].iov_len = from[count - 1].iov_len += gap + sizes[i];
        end = frame + sizes[i];
    }
    return memory_read_pieces(to, from, count) == whole;
}

void
marks_read(struct marks *marks, const uint32_t *words)
{
    static size_t sizes[MARKS];
    static const char *places[MARKS];
    size_t fixed = compat.layout->frame_size;
    for (uint32_t i = 0; i < marks->count; i++) {
        sizes[i] = fixed + 8 * (words[i] < MARK_WORDS ? words[i] : MARK_WORDS);
    }
    uint32_t still = 0, there = read_frames(marks, sizes, places) ? marks->count : 0;
    for (; still < there && is_still(places[still], &marks->at[still]); still++) {
        marks->at[still].contents = hash_words(places[still] + fixed, sizes[still] - fixed);
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
