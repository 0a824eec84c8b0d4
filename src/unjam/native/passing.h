/* A callable that passes messages on, those of some kinds changed. With the GIL. */
#ifndef UNJAM_PASSING_H
#define UNJAM_PASSING_H

#include <Python.h>
#include <stdbool.h>

/* Make the type; false with an exception. */
bool passing_prepare(void);

/* One that calls `send(message)`, with `change(owner, message)` for a message whose "type" is in the frozenset `kinds`. */
PyObject *passing_of(PyObject *owner, PyObject *send, PyObject *kinds, PyObject *change);

#endif
