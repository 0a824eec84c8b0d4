/* The order of samples: comparing each with the one before, and writing it. */
#define _GNU_SOURCE
#include "trail.h"

#include "clock.h"

void
trail_clear(struct trail *trail)
{
    trail->count = 0;
    trail->marks.count = 0;
    trail->marks.contexts = NO_COUNT;
}

void
trail_add(struct trail *trail, uint32_t group, uint64_t ns, const struct marks *marks)
{
    uint64_t before = trail->marks.contexts;
    bool counted = marks->contexts != NO_COUNT && before != NO_COUNT;
    if (trail->count < TRAIL) {
        trail->looks[trail->count++] = (struct look){
            .ns = ns,
            .group = group,
            .difference = marks_compare(&trail->marks, marks),
            .contexts = counted ? marks->contexts - before : NO_COUNT,
        };
    }
    trail->marks = *marks;
    if (marks->contexts == NO_COUNT) {
        trail->marks.contexts = before;
    }
}

void
trail_write(const struct trail *trail, uint64_t t0, struct line *line)
{
    line_key(line, "trail");
    line_raw(line, "[");
    for (uint32_t i = 0; i < trail->count; i++) {
        const struct look *look = &trail->looks[i];
        const uint64_t values[] = {look->group, clock_since(look->ns, t0) / 1000, look->difference.change,
                                   look->difference.depth, look->contexts};
        line_raw(line, i == 0 ? "[" : ",[");
        for (int n = 0; n < 5 && values[n] != NO_COUNT; n++) {
            line_raw(line, n == 0 ? "" : ",");
            line_unsigned(line, values[n]);
        }
        line_raw(line, "]");
    }
    line_raw(line, "]");
}
