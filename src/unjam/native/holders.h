/* Who takes a lock: thread, task, line and time, without running any bytecode. With the GIL. */
#ifndef UNJAM_HOLDERS_H
#define UNJAM_HOLDERS_H

#include <Python.h>
#include <stdbool.h>

/* Once, before anything else here; false with an exception. */
bool holders_init(void);

/* (since, ident, thread, task, code, line) of now and of the calling thread: ns of CLOCK_MONOTONIC, weak references or None; NULL
 * without an exception where there is no memory. */
PyObject *holder_now(void);

/* set_lock_records and holder_here of _core.pyi. */
PyObject *module_set_lock_records(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *module_holder_here(PyObject *self, PyObject *unused);

#endif
