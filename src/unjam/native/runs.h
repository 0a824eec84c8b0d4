/* Following the runs of loops: which loop each thread runs, without a call of Python where nothing is to be decided. With the GIL. */
#ifndef UNJAM_RUNS_H
#define UNJAM_RUNS_H

#include <Python.h>
#include <stdbool.h>

#include "slots.h"

/* What a loop can be asked: its own attributes (asyncio's), its methods (uvloop's), nothing. */
enum loop_kind { LOOP_OTHER, LOOP_ASYNCIO, LOOP_UVLOOP };

/* The loop in this slot, and `record`, which stands for it in Python and whose attribute `get` gives the loop: where nobody is to be
 * told of each loop (`passes_on`), a new one of the same type that follows it in its thread takes over the record, too. */
void runs_know(const struct slot *slot, PyObject *loop, PyObject *record, enum loop_kind kind, bool passes_on);

/* What rests in this slot runs again, with the loop of that number; as slot_run_again, and the thread is found anew. */
bool runs_again(struct slot *slot, int loop, int epoll_fd);

/* follow_runs, telling_runs and keep_record of _core.pyi. */
PyObject *runs_follow(PyObject *self, PyObject *args);
PyObject *runs_telling(PyObject *self, PyObject *original);
PyObject *runs_keep(PyObject *self, PyObject *args);

#endif
