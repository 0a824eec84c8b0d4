/* The module `unjam.native._core`: the contract of _core.pyi, and the life of the engine. */
#define _GNU_SOURCE
#include <Python.h>
#include <pthread.h>
#include <stdbool.h>

#include "cgroup.h"
#include "check.h"
#include "clock.h"
#include "compat.h"
#include "gil.h"
#include "holders.h"
#include "hooks.h"
#include "lines.h"
#include "locks.h"
#include "memory.h"
#include "module.h"
#include "runs.h"
#include "sites.h"
#include "slots.h"
#include "stacks.h"
#include "steps.h"
#include "tallies.h"
#include "watchdog.h"

static PyInterpreterState *home; /* the interpreter that called start() */

bool
module_watches_here(void)
{
    return watchdog_running() && home == PyInterpreterState_Get();
}

/* ---- life ---- */

static PyObject *
start(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"threshold_ns", "tick_ns", "fd", "keep", NULL};
    unsigned long long threshold = 0, tick = 0;
    int fd = -1, keep = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$KKii", names, &threshold, &tick, &fd, &keep)) {
        return NULL;
    }
    if (threshold == 0 || tick == 0) {
        PyErr_SetString(PyExc_ValueError, "threshold_ns and tick_ns must be given and be above 0");
        return NULL;
    }
    if (watchdog_running()) {
        PyErr_SetString(PyExc_RuntimeError, "the engine watches already");
        return NULL;
    }
    home = PyInterpreterState_Get();
    clock_init();
    cgroup_find();
    gil_find((uintptr_t)PyThreadState_Get());
    SET(threshold_ns, threshold);
    if (!lines_open(fd, keep)) {
        return PyErr_NoMemory();
    }
    stacks_begin();
    hooks_install();
    if (!watchdog_start(tick)) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return Py_NewRef(Py_None);
}

static PyObject *
stop(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_BEGIN_ALLOW_THREADS
    watchdog_stop();
    Py_END_ALLOW_THREADS
    if (!steps_uninstall()) {
        return NULL;
    }
    hooks_remove();
    slots_reset();
    cgroup_close();
    lines_wake();
    return Py_NewRef(Py_None);
}

/* Have no watchdog for a moment; patches, loops and statistics stay. */
static PyObject *
watch_pause(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_BEGIN_ALLOW_THREADS
    watchdog_pause();
    Py_END_ALLOW_THREADS
    return Py_NewRef(Py_None);
}

static PyObject *
watch_resume(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    if (!watchdog_resume()) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return Py_NewRef(Py_None);
}

/* How many stalls there have been in this process; by then their lines are with `drain`. */
static PyObject *
flush(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"timeout_s", NULL};
    double timeout_s;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "d", names, &timeout_s)) {
        return NULL;
    }
    if (watchdog_has_more()) {
        Py_BEGIN_ALLOW_THREADS
        watchdog_flush(timeout_s <= 0 ? 0 : (uint64_t)(timeout_s * 1e9));
        Py_END_ALLOW_THREADS
    }
    return PyLong_FromUnsignedLong(slot_stalls());
}

/* -1 where a loop is in a stall just now. */
static PyObject *
mark(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    bool more = watchdog_has_more();
    return PyLong_FromLong(more ? -1 : (long)slot_stalls());
}

static PyObject *
set_threshold(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"threshold_ns", NULL};
    unsigned long long threshold;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "K", names, &threshold)) {
        return NULL;
    }
    SET(threshold_ns, threshold);
    watchdog_wake();
    return Py_NewRef(Py_None);
}

/* No Python API and no GIL here: only what keeps the child's hooks and locks from the parent's state. */
static void
forked(void)
{
    current_slot = NULL;
    atomic_store(&adoptions, 0);
    memory_reset();
    watchdog_reset();
    lines_reset();
    symbols_unlock_after_fork();
}

static PyObject *
after_fork_in_child(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    forked();
    slots_reset();
    stacks_after_fork();
    cgroup_close();
    steps_set_observer(NULL);
    steps_set_victim_observer(NULL, 0);
    tallies_set(NULL, NULL);
    return Py_NewRef(Py_None);
}

static PyObject *
check(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return check_sources();
}

/* ---- steps ---- */

static PyObject *
install_steps(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"handle_type", "on_failure", NULL};
    PyObject *type, *on_failure;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!O", names, &PyType_Type, &type, &on_failure)) {
        return NULL;
    }
    return steps_install(type, on_failure) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
uninstall_steps(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return steps_uninstall() ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
set_step_observer(PyObject *self, PyObject *observe)
{
    (void)self;
    steps_set_observer(observe);
    return Py_NewRef(Py_None);
}

static PyObject *
set_victim_observer(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"observe", "most", NULL};
    PyObject *observe;
    int most = 20;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|i", names, &observe, &most)) {
        return NULL;
    }
    steps_set_victim_observer(observe, most);
    return Py_NewRef(Py_None);
}

static PyObject *
set_tally(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"variable", "observe", NULL};
    PyObject *variable, *observe;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO", names, &variable, &observe)) {
        return NULL;
    }
    tallies_set(variable, observe);
    if (tally_variable != NULL) {
        hooks_of_contexts();
    }
    return Py_NewRef(Py_None);
}

static PyObject *
scheduled_site(PyObject *self, PyObject *handle)
{
    (void)self;
    return sites_of(handle);
}

/* ---- the module ---- */

#define KEYWORDS(function) {#function, (PyCFunction)(void (*)(void))function, METH_VARARGS | METH_KEYWORDS, NULL}
#define NO_ARGUMENTS(function) {#function, function, METH_NOARGS, NULL}
#define ONE_ARGUMENT(function) {#function, function, METH_O, NULL}
#define ELSEWHERE(function, flags) {#function, (PyCFunction)(void (*)(void))module_##function, flags, NULL}

static PyMethodDef METHODS[] = {
    NO_ARGUMENTS(check),
    KEYWORDS(start),
    NO_ARGUMENTS(stop),
    KEYWORDS(set_threshold),
    KEYWORDS(flush),
    {"pause", watch_pause, METH_NOARGS, NULL},
    {"resume", watch_resume, METH_NOARGS, NULL},
    ELSEWHERE(register_loop, METH_VARARGS | METH_KEYWORDS),
    ELSEWHERE(rest_loop, METH_VARARGS | METH_KEYWORDS),
    ELSEWHERE(is_resting, METH_VARARGS),
    ELSEWHERE(end_rest, METH_VARARGS),
    {"follow_runs", runs_follow, METH_VARARGS, NULL},
    {"telling_runs", runs_telling, METH_O, NULL},
    {"keep_record", runs_keep, METH_VARARGS, NULL},
    NO_ARGUMENTS(mark),
    ELSEWHERE(unregister_loop, METH_VARARGS | METH_KEYWORDS),
    ELSEWHERE(loop_stats, METH_VARARGS | METH_KEYWORDS),
    KEYWORDS(install_steps),
    NO_ARGUMENTS(uninstall_steps),
    ONE_ARGUMENT(set_step_observer),
    KEYWORDS(set_victim_observer),
    KEYWORDS(set_tally),
    ONE_ARGUMENT(scheduled_site),
    ELSEWHERE(gc_callback, METH_VARARGS),
    ELSEWHERE(drain, METH_VARARGS | METH_KEYWORDS),
    ELSEWHERE(wake, METH_NOARGS),
    ELSEWHERE(emit, METH_VARARGS | METH_KEYWORDS),
    ELSEWHERE(lost, METH_NOARGS),
    ELSEWHERE(stack_of, METH_VARARGS | METH_KEYWORDS),
    ELSEWHERE(thread_state, METH_VARARGS | METH_KEYWORDS),
    ELSEWHERE(read_words, METH_VARARGS),
    ELSEWHERE(read_of_thread, METH_VARARGS),
    ELSEWHERE(set_lock_records, METH_VARARGS | METH_KEYWORDS),
    ELSEWHERE(holder_here, METH_NOARGS),
    NO_ARGUMENTS(after_fork_in_child),
    {NULL, NULL, 0, NULL},
};

/* State is the process's, so a second interpreter shares it or, from 3.12 on, is refused the import (single-phase init). */
static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, .m_name = "_core", .m_size = -1, .m_methods = METHODS};

PyMODINIT_FUNC
PyInit__core(void)
{
    static bool registered;
    compat_init();
    clock_prepare();
    memory_reset();
    if (!registered && pthread_atfork(NULL, NULL, forked) != 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    registered = true;
    PyObject *module = PyModule_Create(&MODULE);
    PyObject *tally = module == NULL ? NULL : tallies_type();
    if (module != NULL
        && (PyModule_AddStringConstant(module, "TIER", "native") != 0 || PyModule_AddObjectRef(module, "Tally", tally) != 0
            || !locks_add_types(module))) {
        Py_CLEAR(module);
    }
    return module;
}
