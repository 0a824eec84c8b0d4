/* What a descriptor, an address or a path in this process is, in words. */
#ifndef UNJAM_TARGETS_H
#define UNJAM_TARGETS_H

#include <stddef.h>
#include <stdint.h>

/* "tcp 127.0.0.1:5432", "file /var/lib/x.db", "pipe", "unix /run/x.sock", "tty /dev/pts/0", "eventpoll" ...; TARGET_SIZE bytes.
 * Never touches the file itself: a stat on a dead network file system would hang. */
void target_of_fd(int fd, char *target);

/* The socket address at `address` in this process, for the socket `fd`. */
void target_of_address(int fd, uintptr_t address, size_t size, char *target);

/* The path at `address` in this process. */
void target_of_path(uintptr_t address, char *target);

#endif
