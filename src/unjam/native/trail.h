/* The samples of one stall in the order in which they were taken, and how each differs from the one before. Watchdog's thread only. */
#ifndef UNJAM_TRAIL_H
#define UNJAM_TRAIL_H

#include <stdint.h>

#include "lines.h"
#include "marks.h"

/* Samples whose order is kept: with the intervals of watch.c those of ten seconds, and of a minute beyond. */
enum { TRAIL = 400 };

struct look {
    uint64_t ns;
    uint32_t group;
    struct difference difference;
    uint64_t contexts; /* entered or left since the last sample that knew; NO_COUNT: not counted */
};

struct trail {
    uint32_t count;
    struct marks marks; /* of the sample before */
    struct look looks[TRAIL];
};

void trail_clear(struct trail *trail);

/* A sample was taken at `ns` and counted in group number `group`. */
void trail_add(struct trail *trail, uint32_t group, uint64_t ns, const struct marks *marks);

/* As in docs/recording.md; the turn began at `t0`. */
void trail_write(const struct trail *trail, uint64_t t0, struct line *line);

#endif
