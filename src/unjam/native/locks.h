/* Locks that know who holds them (`--track-locks`): threading.Lock and threading.RLock, each with a real one inside. With the GIL.
 *
 *     TrackedLock, TrackedRLock
 *     inner   -> _thread.lock or _thread.RLock        holder -> NULL, or (since, ident, thread, task, code, line)
 *
 * Between taking the real lock and returning no bytecode runs, so no signal handler does: its exception comes before all of it or
 * after, as with the real ones, and a `with` never leaves a lock taken.
 */
#ifndef UNJAM_LOCKS_H
#define UNJAM_LOCKS_H

#include <Python.h>
#include <stdbool.h>

/* Add both types to the module; false with an exception. */
bool locks_add_types(PyObject *module);

#endif
