/* Event lines between the core and Python: drain, wake, emit, lost, gc_callback. */
#define _GNU_SOURCE
#include <Python.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "gil.h"
#include "lines.h"
#include "module.h"
#include "slots.h"
#include "threads.h"
#include "watchdog.h"

/* A collection below this is not told of. */
static const uint64_t GC_TOLD_FROM = 5 * 1000 * 1000;

/* The lines that wait, as a list of bytes. */
static PyObject *
take_lines(void)
{
    PyObject *list = PyList_New(0);
    size_t size = lines_waiting();
    char *text = size == 0 ? NULL : malloc(size);
    size = text == NULL ? 0 : lines_take(text, size);
    for (size_t at = 0; list != NULL && at < size;) {
        size_t length = (size_t)((char *)memchr(text + at, '\n', size - at) + 1 - (text + at));
        PyObject *line = PyBytes_FromStringAndSize(text + at, (Py_ssize_t)length);
        if (line == NULL || PyList_Append(list, line) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(line);
        at += length;
    }
    free(text);
    return list;
}

/* Rung and not yet answered: also a drain that begins a moment later returns for it, as long as it is one that waits. */
static _Atomic bool bell;

/* The drainer also is the thread that asks for the GIL when the watchdog wants to know how long that takes: it then comes back
 * here without having run any Python. */
PyObject *
module_drain(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"timeout_s", NULL};
    double timeout;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "d", names, &timeout)) {
        return NULL;
    }
    uint64_t deadline = clock_ns() + (timeout > 0 ? (uint64_t)(timeout * 1e9) : 0);
    for (;;) {
        uint32_t seen = lines_signal();
        uint64_t now = clock_ns();
        if ((timeout > 0 && atomic_exchange(&bell, false)) || lines_waiting() != 0 || now >= deadline) {
            return take_lines();
        }
        PyThreadState *state = PyEval_SaveThread();
        lines_wait(seen, deadline - now);
        gil_ask_begins();
        PyEval_RestoreThread(state);
        gil_ask_ends();
        gil_take_request();
        if (PyErr_CheckSignals() != 0) {
            return NULL;
        }
    }
}

PyObject *
module_wake(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    atomic_store(&bell, true);
    lines_wake();
    return Py_NewRef(Py_None);
}

PyObject *
module_emit(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"line", "urgent", NULL};
    PyObject *line;
    int urgent = 1;
    char *text;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$p", names, &line, &urgent)) {
        return NULL;
    }
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(line, &text, &size) != 0) {
        return NULL;
    }
    if (size == 0 || memchr(text, '\n', (size_t)size) != text + size - 1) {
        PyErr_SetString(PyExc_ValueError, "an event line ends in its only newline");
        return NULL;
    }
    if (lines_may_block()) {
        Py_BEGIN_ALLOW_THREADS
        lines_keep(text, (size_t)size);
        Py_END_ALLOW_THREADS
    }
    else {
        lines_keep(text, (size_t)size);
    }
    if (urgent) {
        lines_wake();
    }
    return Py_NewRef(Py_None);
}

PyObject *
module_lost(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyLong_FromUnsignedLongLong(lines_lost());
}

/* ---- garbage collection ---- */

static long
integer_in(PyObject *info, const char *key)
{
    PyObject *value = PyDict_GetItemString(info, key);
    return value == NULL ? 0 : PyLong_AsLong(value);
}

static void
send_gc(PyObject *info, uint64_t t0, uint64_t t1)
{
    char text[256];
    struct line line = line_begin(text, sizeof text, "gc");
    line_key_unsigned(&line, "t0", t0);
    line_key_unsigned(&line, "t1", t1);
    line_key_unsigned(&line, "gen", (uint64_t)integer_in(info, "generation"));
    line_key_unsigned(&line, "collected", (uint64_t)integer_in(info, "collected"));
    line_key_unsigned(&line, "uncollectable", (uint64_t)integer_in(info, "uncollectable"));
    line_key_unsigned(&line, "tid", (uint64_t)threads_own_tid());
    const struct slot *slot = own_slot();
    line_key_measured(&line, "loop", slot == NULL ? UINT64_MAX : (uint64_t)slot->loop);
    Py_BEGIN_ALLOW_THREADS /* a write may block */
    line_send(&line);
    Py_END_ALLOW_THREADS
}

/* Collections do not nest: one time is enough. */
PyObject *
module_gc_callback(PyObject *self, PyObject *args)
{
    (void)self;
    static uint64_t began;
    const char *phase;
    PyObject *info;
    if (!PyArg_ParseTuple(args, "sO!", &phase, &PyDict_Type, &info)) {
        return NULL;
    }
    uint64_t now = clock_ticks();
    if (strcmp(phase, "start") == 0) {
        began = now;
    }
    else if (began != 0 && clock_span_ns(clock_since(now, began)) >= GC_TOLD_FROM && watchdog_running()) {
        send_gc(info, clock_at(began), clock_at(now));
    }
    return Py_NewRef(Py_None);
}
