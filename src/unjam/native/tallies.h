/* Tallies: what the steps of one context (a request) took of their loop, and how long they waited for it. With the GIL, in the
 * loop's thread.
 *
 *     begin()  ->  own counts from `since`          a step of its context begins: since = its begin, waited grows
 *     end()    ->  closed: counts no more           a step of its context ends:   own grows, last = its end
 *
 *     of()     ->  a new one, in the variable, begun         finish()  ->  ended, and its scope let go of
 *
 * Steps are found by the contextvar whose value the tally is, so that the tasks a request starts count as its own.
 */
#ifndef UNJAM_TALLIES_H
#define UNJAM_TALLIES_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#include "slots.h"

/* The variable whose values are looked for; NULL: nobody asks, and a step pays one comparison. */
extern PyObject *tally_variable;

/* Make the type; NULL with an exception. */
PyObject *tallies_type(void);

/* set_tally of _core.pyi; None is nobody. Borrowed. */
void tallies_set(PyObject *variable, PyObject *observe);

/* A step begins in the present context, at `t0` ticks. Every call is followed by one of tallies_leave. */
void tallies_enter(struct slot *slot, uint64_t t0);

/* It ends. `who` is told of as the holder of the loop where no tally is; `away`: the loop did not turn inside of it. */
void tallies_leave(struct slot *slot, uint64_t t1, PyObject *who, bool away);

#endif
