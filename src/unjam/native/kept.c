/* A kept descriptor is written to or closed only while it is provably ours. */
#define _GNU_SOURCE
#include "kept.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Above what programs hand to select(2) in practice and below the common limit of 1,024 descriptors. */
static const int HIGH = 700;

struct kept
kept_of(int fd)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        return (struct kept){.fd = -1};
    }
    return (struct kept){.fd = fd, .device = status.st_dev, .inode = status.st_ino};
}

struct kept
kept_high(int fd)
{
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
    if (high >= 0) {
        close(fd);
        fd = high;
    }
    return kept_of(fd);
}

bool
kept_is_ours(const struct kept *kept)
{
    struct stat status;
    return kept->fd >= 0 && fstat(kept->fd, &status) == 0 && status.st_dev == kept->device
           && status.st_ino == kept->inode;
}

void
kept_close(struct kept *kept)
{
    if (kept_is_ours(kept)) {
        close(kept->fd);
    }
    kept->fd = -1;
}
