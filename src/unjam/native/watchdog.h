/* The watchdog: a thread that never takes the GIL. */
#ifndef UNJAM_WATCHDOG_H
#define UNJAM_WATCHDOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Not 0: it sleeps until a loop moves; who leaves a select has to wake it. */
extern _Atomic uint32_t watchdog_asleep;

/* Start the thread; false with errno where that fails. A tick is at most a fifth of the threshold and at least 1 ms. */
bool watchdog_start(uint64_t tick_ns);

/* End the thread for a moment, wait until the system has let go of it, and start it again as it was: the process forks. A loop may
 * begin and end meanwhile. */
void watchdog_pause(void);
bool watchdog_resume(void);

/* Whether a stall is open, or has ended and is still to be written: else a flush has nothing to do. */
bool watchdog_has_more(void);

/* Have a line written of every stall that has ended and a fresh one of every open one, and wait for it. Without the GIL. */
void watchdog_flush(uint64_t timeout_ns);

/* Write what is open, and end the thread. Without the GIL; takes no longer than one look at the loops. */
void watchdog_stop(void);

/* Whether somebody looks at the loops, now or after a pause. */
bool watchdog_running(void);

/* Wake it from its deep sleep. Any thread, no GIL, async-signal-safe. */
void watchdog_wake(void);

/* In the child after a fork: there is no such thread here. */
void watchdog_reset(void);

#endif
