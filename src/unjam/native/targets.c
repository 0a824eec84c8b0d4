/* Sockets are asked for their peer, everything else is named by its link in /proc/self/fd. */
#define _GNU_SOURCE
#include "targets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "memory.h"
#include "threads.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
    struct sockaddr_storage room;
};

static int
option(int fd, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

static void
write_local(const struct sockaddr_un *local, size_t size, char *target)
{
    size_t length = size > offsetof(struct sockaddr_un, sun_path) ? size - offsetof(struct sockaddr_un, sun_path) : 0;
    if (length > 0 && local->sun_path[0] == '\0') { /* an abstract name */
        snprintf(target, TARGET_SIZE, "unix @%.*s", (int)length - 1, local->sun_path + 1);
    }
    else {
        snprintf(target, TARGET_SIZE, length > 0 ? "unix %.*s" : "unix", (int)length, local->sun_path);
    }
}

static void
write_address(const union address *address, size_t size, const char *kind, char *target)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(target, TARGET_SIZE, "%s %s:%d", kind, host, ntohs(address->v4.sin_port));
    }
    else if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        snprintf(target, TARGET_SIZE, "%s [%s]:%d", kind, host, ntohs(address->v6.sin6_port));
    }
    else if (address->any.sa_family == AF_UNIX) {
        write_local(&address->local, size, target);
    }
    else {
        strcpy(target, "socket");
    }
}

static const char *
kind_of(int fd)
{
    switch (option(fd, SO_TYPE)) {
    case SOCK_STREAM:
        return option(fd, SO_ACCEPTCONN) == 1 ? "tcp listener" : "tcp";
    case SOCK_DGRAM:
        return "udp";
    default:
        return "socket";
    }
}

static void
target_of_socket(int fd, char *target)
{
    union address address = {0};
    socklen_t size = sizeof address;
    const char *kind = kind_of(fd);
    if (getpeername(fd, &address.any, &size) != 0) {
        size = sizeof address;
        if (getsockname(fd, &address.any, &size) != 0) {
            strcpy(target, "socket");
            return;
        }
    }
    write_address(&address, size, kind, target);
}

void
target_of_address(int fd, uintptr_t at, size_t size, char *target)
{
    union address address = {0};
    size = size < sizeof address ? size : sizeof address;
    if (size < sizeof address.any.sa_family || !memory_read(&address, at, size)) {
        strcpy(target, "socket");
        return;
    }
    write_address(&address, size, kind_of(fd), target);
}

void
target_of_path(uintptr_t address, char *target)
{
    char path[TARGET_SIZE - 8];
    size_t size = sizeof path - 1;
    /* The string may end just before memory that is not there: read less, down to one page's worth of luck. */
    while (size >= 16 && !memory_read(path, address, size)) {
        size /= 2;
    }
    if (size < 16) {
        return;
    }
    path[size] = '\0';
    snprintf(target, TARGET_SIZE, "file %s", path);
}

void
target_of_fd(int fd, char *target)
{
    char link[32], path[TARGET_SIZE - 8];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    if (n <= 0) {
        target[0] = '\0';
    }
    else if (strncmp(path, "socket:", 7) == 0) {
        target_of_socket(fd, target);
    }
    else if (strncmp(path, "pipe:", 5) == 0) {
        strcpy(target, "pipe");
    }
    else if (strncmp(path, "anon_inode:", 11) == 0) {
        size_t skip = path[11] == '[' ? 12 : 11;
        snprintf(target, TARGET_SIZE, "%.*s", (int)strcspn(path + skip, "]"), path + skip);
    }
    else {
        bool tty = strncmp(path, "/dev/pts/", 9) == 0 || strncmp(path, "/dev/tty", 8) == 0;
        snprintf(target, TARGET_SIZE, "%s %s", tty ? "tty" : "file", path);
    }
}
