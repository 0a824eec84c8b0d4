/* Steps: a Handle._run that counts and times them. Everything that takes a PyObject needs the GIL. */
#ifndef UNJAM_STEPS_H
#define UNJAM_STEPS_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#include "slots.h"

/* Replace type._run; false with an exception set. Installing twice changes `on_failure` only. */
bool steps_install(PyObject *type, PyObject *on_failure);

/* Put the original back if ours is still there. */
bool steps_uninstall(void);

bool steps_installed(void);

/* NULL or None: nobody. Borrowed. */
void steps_set_observer(PyObject *observe);
void steps_set_victim_observer(PyObject *observe, int most);

/* From slots.c and turns.h, in the loop's thread, without the GIL: a turn from `left` to `entered` was a stall; one after it has ended. */
void steps_turn_was_late(struct slot *slot, uint32_t stall, uint64_t left, uint64_t entered);
void steps_victims_turn(struct slot *slot);

/* Does the loop run its steps through ours? */
bool steps_seen_on(const struct slot *slot);

#endif
