/* Descriptors that we keep open in a process that may close or reuse any of them (a daemon closing all, a test counting them). */
#ifndef UNJAM_KEPT_H
#define UNJAM_KEPT_H

#include <stdbool.h>
#include <sys/types.h>

/* A descriptor and the file it was opened on; fd -1: none. */
struct kept {
    int fd;
    dev_t device;
    ino_t inode;
};

/* Keep `fd` as it is now. */
struct kept kept_of(int fd);

/* Move `fd` to a high number, out of the way of programs that count on low ones, and keep it. Takes over `fd` (-1: none). */
struct kept kept_high(int fd);

/* Does the number still mean our file? One fstat; the file must not be on a network file system that can hang. */
bool kept_is_ours(const struct kept *kept);

/* Close it if it is still ours. */
void kept_close(struct kept *kept);

#endif
