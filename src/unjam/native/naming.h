/* The frames of a walk by the positions of symbols.h. All but the turn with the lock of symbols.c. */
#ifndef UNJAM_NAMING_H
#define UNJAM_NAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "marks.h"
#include "walk.h"

/* The positions of the frames of a thread, outermost first, into `to` (STACK_FRAMES of them); returns their number, or -1 for a torn walk
 * or full tables. Within one turn of a loop, frames that stand as they stood when the thread was looked at last are known, unless `anew`. */
int naming_of(const struct walk *walk, uintptr_t tstate, bool anew, uint32_t *to);

/* Mark the first `count` of those that were named last. */
void naming_mark(const struct walk *walk, struct marks *marks, uint32_t count);

/* A turn of a loop begins to be looked at. Watchdog's thread. */
void naming_turn_begins(void);

/* The tables of symbols.c have been emptied. */
void naming_forget(void);

#endif
