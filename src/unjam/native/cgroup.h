/* CPU quota of the control group this process runs in, v1 and v2. */
#ifndef UNJAM_CGROUP_H
#define UNJAM_CGROUP_H

#include <stdint.h>

/* Find cpu.stat of the nearest group with a quota. "" also where there is no quota, else why that cannot be told. Any thread. */
const char *cgroup_find(void);

/* Nanoseconds for which the group was throttled so far, summed over CPUs; UINT64_MAX: no quota, or not readable. 5 to 20 us. */
uint64_t cgroup_throttled(void);

/* How often it was throttled so far, 0 without a quota. */
uint64_t cgroup_throttlings(void);

void cgroup_close(void);

#endif
