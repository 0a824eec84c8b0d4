/* cpu.stat of the nearest control group with a CPU quota: Documentation/admin-guide/cgroup-v2.rst, scheduler/sched-bwc.rst. */
#define _GNU_SOURCE
#include "cgroup.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kept.h"

enum { PATH_SIZE = 1024 };

/* The two versions differ in names and units only. */
static const struct version {
    const char *filesystem;
    const char *quota, *unlimited; /* file, and how it begins without a quota */
    const char *total;             /* key in cpu.stat */
    uint64_t unit_ns;
} VERSIONS[] = {
    {"cgroup", "cpu.cfs_quota_us", "-1", "throttled_time ", 1},
    {"cgroup2", "cpu.max", "max", "throttled_usec ", 1000},
};

static struct kept stat_file = {.fd = -1};
static const struct version *version;

static ssize_t
read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
    return n;
}

/* Is `word` one of the comma-separated `list`? */
static bool
listed(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += length) {
        bool starts = at == list || at[-1] == ',';
        if (starts && (at[length] == '\0' || at[length] == ',' || at[length] == '\n')) {
            return true;
        }
    }
    return false;
}

/* Where the hierarchy with the cpu controller is mounted (`point`), and which group of it that mount shows (`root`). */
static bool
find_mount(const char *filesystem, char *root, char *point)
{
    char line[2 * PATH_SIZE], kind[32], options[512];
    bool found = false;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        char *tail = strstr(line, " - ");
        if (tail != NULL && sscanf(tail, " - %31s %*s %511s", kind, options) == 2 && strcmp(kind, filesystem) == 0
            && (strcmp(kind, "cgroup2") == 0 || listed(options, "cpu"))) {
            found = sscanf(line, "%*s %*s %*s %1023s %1023s", root, point) == 2;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

/* Our group in that hierarchy, as /proc/self/cgroup names it. */
static bool
find_group(bool unified, char *group)
{
    char line[2 * PATH_SIZE];
    bool found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        char *controllers = strchr(line, ':');
        char *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (path == NULL) {
            continue;
        }
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        found = unified ? controllers[1] == '\0' : listed(controllers + 1, "cpu");
        snprintf(group, PATH_SIZE, "%s", path);
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

/* Open cpu.stat in `folder` or the nearest of its parents, down to `point`, that has a quota. */
static bool
open_limited(const struct version *candidate, char *folder, size_t point_length)
{
    char path[2 * PATH_SIZE + 32], text[64];
    for (;;) {
        snprintf(path, sizeof path, "%s/%s", folder, candidate->quota);
        if (read_file(path, text, sizeof text) > 0 && strncmp(text, candidate->unlimited, strlen(candidate->unlimited)) != 0) {
            snprintf(path, sizeof path, "%s/cpu.stat", folder);
            stat_file = kept_high(open(path, O_RDONLY | O_CLOEXEC));
            return stat_file.fd >= 0;
        }
        char *last = strrchr(folder, '/');
        if (last == NULL || (size_t)(last - folder) < point_length) {
            return false;
        }
        *last = '\0';
    }
}

/* Does this version have a hierarchy with the cpu controller that shows our group? If so, open what limits it. */
static bool
try_version(const struct version *candidate)
{
    char root[PATH_SIZE], point[PATH_SIZE], group[PATH_SIZE], folder[2 * PATH_SIZE];
    bool unified = candidate == &VERSIONS[1];
    if (!find_mount(candidate->filesystem, root, point) || !find_group(unified, group)) {
        return false;
    }
    size_t shown = strcmp(root, "/") == 0 ? 0 : strlen(root);
    const char *below = strncmp(group, root, shown) == 0 ? group + shown : "";
    snprintf(folder, sizeof folder, "%s%s", point, strcmp(below, "/") == 0 ? "" : below);
    if (open_limited(candidate, folder, strlen(point))) {
        version = candidate;
    }
    return access(folder, R_OK) == 0;
}

const char *
cgroup_find(void)
{
    bool readable = false;
    cgroup_close();
    for (size_t i = 0; i < sizeof VERSIONS / sizeof VERSIONS[0] && stat_file.fd < 0; i++) {
        readable |= try_version(&VERSIONS[i]);
    }
    return readable ? "" : "no control group with the cpu controller is readable";
}

/* The number behind `key` in cpu.stat, UINT64_MAX where it cannot be had. */
static uint64_t
counter(const char *key)
{
    char text[1024];
    ssize_t n = stat_file.fd < 0 ? -1 : pread(stat_file.fd, text, sizeof text - 1, 0);
    if (n <= 0) {
        return UINT64_MAX;
    }
    text[n] = '\0';
    const char *at = strstr(text, key);
    return at == NULL ? UINT64_MAX : strtoull(at + strlen(key), NULL, 10);
}

uint64_t
cgroup_throttled(void)
{
    uint64_t total = stat_file.fd < 0 ? UINT64_MAX : counter(version->total);
    return total == UINT64_MAX ? total : total * version->unit_ns;
}

uint64_t
cgroup_throttlings(void)
{
    uint64_t times = stat_file.fd < 0 ? 0 : counter("nr_throttled ");
    return times == UINT64_MAX ? 0 : times;
}

void
cgroup_close(void)
{
    kept_close(&stat_file);
}
