/* Reading memory of this process that may vanish while it is read. */
#ifndef UNJAM_MEMORY_H
#define UNJAM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Copy `size` bytes from `from`; false where that memory is not there. Any thread, no GIL; 0.4 us. */
bool memory_read(void *to, uintptr_t from, size_t size);

/* Copy several pieces at once; returns how many bytes arrived, in order, up to the first that could not be read. */
size_t memory_read_pieces(const struct iovec *to, const struct iovec *from, size_t pieces);

/* Forget the process id (after a fork). */
void memory_reset(void);

#endif
