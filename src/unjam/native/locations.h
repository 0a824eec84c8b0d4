/* The location table of a code object, 3.11 and later. */
#ifndef UNJAM_LOCATIONS_H
#define UNJAM_LOCATIONS_H

#include <stddef.h>
#include <stdint.h>

#include "symbols.h"

/* Fill in lines and columns of the instruction at `offset` bytes; what the table does not say stays as it is. A negative
 * offset (a frame that has not begun) is on the first line. The bytes may be garbage: they are read within bounds only. */
void locations_find(const unsigned char *table, size_t size, int32_t first_line, int32_t offset, struct position *position);

#endif
