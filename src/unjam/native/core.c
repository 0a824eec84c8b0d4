/* The module `unjam.native._core`: the contract of _core.pyi, and the life of the engine. */
#define _GNU_SOURCE
#include <Python.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "check.h"
#include "clock.h"
#include "compat.h"
#include "gil.h"
#include "hooks.h"
#include "lines.h"
#include "memory.h"
#include "samples.h"
#include "sites.h"
#include "slots.h"
#include "stacks.h"
#include "steps.h"
#include "threads.h"
#include "watchdog.h"

/* A collection below this is not told of. */
static const uint64_t GC_TOLD_FROM = 5 * 1000 * 1000;

static PyInterpreterState *home; /* the interpreter that called start() */

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

static bool paused;

/* Have no watchdog for a moment; patches, loops and statistics stay. */
static PyObject *
watch_pause(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    paused = watchdog_running();
    Py_BEGIN_ALLOW_THREADS
    watchdog_stop();
    Py_END_ALLOW_THREADS
    return Py_NewRef(Py_None);
}

static PyObject *
watch_resume(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    if (paused && !watchdog_restart()) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    paused = false;
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
    Py_BEGIN_ALLOW_THREADS
    watchdog_flush(timeout_s <= 0 ? 0 : (uint64_t)(timeout_s * 1e9));
    Py_END_ALLOW_THREADS
    return PyLong_FromUnsignedLong(slot_stalls());
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
    return Py_NewRef(Py_None);
}

static PyObject *
check(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    clock_init();
    return check_sources();
}

/* ---- loops ---- */

/* The thread state of a thread of this interpreter, NULL if there is none. */
static void *
find_tstate(unsigned long ident)
{
    if (compat.layout == NULL || compat.first_tstate == NULL || compat.next_tstate == NULL) {
        return NULL;
    }
    void *tstate = compat.first_tstate(PyInterpreterState_Get());
    for (; tstate != NULL; tstate = compat.next_tstate(tstate)) {
        unsigned long found = 0;
        memory_read(&found, (uintptr_t)tstate + compat.layout->tstate_ident, sizeof found);
        if (found == ident) {
            break;
        }
    }
    return tstate;
}

static PyObject *
register_loop(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"loop_id", "epoll_fd", "thread_ident", NULL};
    int loop, epoll_fd;
    unsigned long ident = 0, own = PyThread_get_thread_ident();
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "ii|k", names, &loop, &epoll_fd, &ident)) {
        return NULL;
    }
    if (!watchdog_running() || home != PyInterpreterState_Get() || slot_find(loop) != NULL) {
        return Py_NewRef(Py_None);
    }
    ident = ident == 0 ? own : ident;
    uintptr_t tstate = (uintptr_t)(ident == own ? PyThreadState_Get() : find_tstate(ident));
    if (tstate != 0) {
        pid_t tid = ident == own ? threads_own_tid() : gil_thread_of(tstate);
        hooks_install();
        slot_take(loop, epoll_fd, tid, ident, tstate, stacks_base(tstate));
        watchdog_wake();
    }
    return Py_NewRef(Py_None);
}

static PyObject *
unregister_loop(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"loop_id", NULL};
    int loop;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "i", names, &loop)) {
        return NULL;
    }
    struct slot *slot = slot_find(loop);
    if (slot != NULL) {
        slot_release(slot, watchdog_running());
        watchdog_wake();
    }
    return Py_NewRef(Py_None);
}

static bool
put(PyObject *dict, const char *key, PyObject *value)
{
    bool done = value != NULL && PyDict_SetItemString(dict, key, value) == 0;
    Py_XDECREF(value);
    return done;
}

/* An int, or None where it was not observed. */
static PyObject *
observed(bool is, uint64_t value)
{
    return is ? PyLong_FromUnsignedLongLong(value) : Py_NewRef(Py_None);
}

static PyObject *
histogram(const struct slot *slot)
{
    PyObject *lag = PyDict_New();
    for (unsigned i = 0; lag != NULL && !slot->by_steps && i < LAG_BUCKETS; i++) {
        uint64_t count = GET(slot->lag[i]);
        PyObject *bucket = count == 0 ? NULL : PyLong_FromUnsignedLong(i);
        PyObject *value = count == 0 ? NULL : PyLong_FromUnsignedLongLong(count);
        if (count != 0 && (bucket == NULL || value == NULL || PyDict_SetItem(lag, bucket, value) != 0)) {
            Py_CLEAR(lag);
        }
        Py_XDECREF(value);
        Py_XDECREF(bucket);
    }
    return lag;
}

static PyObject *
stats_of(const struct slot *slot)
{
    bool turns = !slot->by_steps, steps = steps_seen_on(slot);
    uint64_t left = GET(slot->left), now = clock_ns(), since = left == 0 ? now : clock_at(left);
    uint64_t longest_step = GET(slot->longest_step), in_turn = GET(slot->turn_longest_step);
    PyObject *stats = PyDict_New();
    bool done = stats != NULL && put(stats, "loop", PyLong_FromLong(slot->loop))
                && put(stats, "turns", observed(turns, GET(slot->turns)))
                && put(stats, "steps", observed(steps, GET(slot->steps)))
                && put(stats, "away_ns", observed(turns, GET(slot->away_ns) + clock_since(now, since)))
                && put(stats, "alive_ns", observed(true, clock_since(now, slot->registered_ns)))
                && put(stats, "longest_turn_ns", observed(turns, GET(slot->longest_turn_ns)))
                && put(stats, "longest_step_ns",
                       observed(steps, clock_span_ns(longest_step > in_turn ? longest_step : in_turn)))
                && put(stats, "lag", histogram(slot)) && put(stats, "in_select", PyBool_FromLong(turns && left == 0))
                && put(stats, "away_since_ns", observed(turns && left != 0, since));
    if (!done) {
        Py_CLEAR(stats);
    }
    return stats;
}

static PyObject *
loop_stats(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"loop_id", NULL};
    int loop;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "i", names, &loop)) {
        return NULL;
    }
    const struct slot *slot = slot_find(loop);
    return slot == NULL ? Py_NewRef(Py_None) : stats_of(slot);
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
scheduled_site(PyObject *self, PyObject *handle)
{
    (void)self;
    return sites_of(handle);
}

/* ---- lines ---- */

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

static _Atomic uint32_t wakes;

/* The drainer also is the thread that asks for the GIL when the watchdog wants to know how long that takes: it then comes back
 * here without having run any Python. */
static PyObject *
drain(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"timeout_s", NULL};
    double timeout;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "d", names, &timeout)) {
        return NULL;
    }
    uint64_t deadline = clock_ns() + (timeout > 0 ? (uint64_t)(timeout * 1e9) : 0);
    uint32_t woken = atomic_load(&wakes);
    for (;;) {
        uint32_t seen = lines_signal();
        uint64_t now = clock_ns();
        if (lines_waiting() != 0 || now >= deadline || atomic_load(&wakes) != woken) {
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

static PyObject *
wake(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    atomic_fetch_add(&wakes, 1);
    lines_wake();
    return Py_NewRef(Py_None);
}

static PyObject *
emit(PyObject *self, PyObject *line)
{
    (void)self;
    char *text;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(line, &text, &size) != 0) {
        return NULL;
    }
    if (size == 0 || memchr(text, '\n', (size_t)size) != text + size - 1) {
        PyErr_SetString(PyExc_ValueError, "an event line ends in its only newline");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    lines_send(text, (size_t)size);
    Py_END_ALLOW_THREADS
    return Py_NewRef(Py_None);
}

static PyObject *
lost(PyObject *self, PyObject *unused)
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
    line_key_measured(&line, "loop", current_slot == NULL ? UINT64_MAX : (uint64_t)current_slot->loop);
    line_send(&line);
}

/* Collections do not nest: one time is enough. */
static PyObject *
gc_callback(PyObject *self, PyObject *args)
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

/* ---- threads ---- */

static PyObject *
frame_tuple(const struct frame *frame)
{
    PyObject *file = PyUnicode_DecodeUTF8(frame->file, (Py_ssize_t)strlen(frame->file), "surrogatepass");
    PyObject *function = PyUnicode_DecodeUTF8(frame->function, (Py_ssize_t)strlen(frame->function), "surrogatepass");
    const struct position *at = &frame->position;
    const char kind[] = {frame->kind, '\0'};
    if (file == NULL || function == NULL) {
        Py_XDECREF(file);
        Py_XDECREF(function);
        return NULL;
    }
    return Py_BuildValue("NiNiiis", file, at->line, function, at->column, at->end_line, at->end_column, kind);
}

static PyObject *
stack_of(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"thread_ident", NULL};
    unsigned long ident;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "k", names, &ident)) {
        return NULL;
    }
    int count = 0;
    void *tstate = find_tstate(ident);
    struct frame *frames = tstate == NULL ? NULL : stacks_copy((uintptr_t)tstate, &count);
    if (frames == NULL) {
        return Py_NewRef(Py_None);
    }
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && i < count; i++) {
        PyObject *frame = frame_tuple(&frames[i]);
        if (frame == NULL || PyList_Append(list, frame) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(frame);
    }
    free(frames);
    return list;
}

static PyObject *
state_dict(const struct sample *sample)
{
    char scratch[32];
    const char *call = sample->syscall < 0 ? NULL : threads_syscall_name(sample->syscall, scratch);
    PyObject *state = PyDict_New();
    PyObject *target = PyUnicode_DecodeFSDefault(sample->target);
    bool done = state != NULL && put(state, "state", PyUnicode_FromString(samples_state_name(sample->state)))
                && put(state, "holds_gil", sample->gil_known ? PyBool_FromLong(sample->holds_gil) : Py_NewRef(Py_None))
                && put(state, "sys", Py_BuildValue("z", call))
                && put(state, "fd", observed(sample->fd >= 0, (uint64_t)sample->fd)) && put(state, "target", target)
                && put(state, "holder", sample->holder == 0 ? Py_NewRef(Py_None) : Py_BuildValue("{s:i}", "tid", (int)sample->holder));
    if (!done) {
        Py_CLEAR(state);
    }
    return state;
}

static PyObject *
thread_state(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"thread_ident", NULL};
    unsigned long ident;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "k", names, &ident)) {
        return NULL;
    }
    struct sample sample = {.state = STATE_UNKNOWN, .syscall = -1, .fd = -1};
    uintptr_t tstate = (uintptr_t)find_tstate(ident);
    if (tstate != 0) {
        struct kept file = threads_open(gil_thread_of(tstate), "syscall");
        samples_observe(&sample, &file, tstate, false);
        kept_close(&file);
    }
    return state_dict(&sample);
}

/* ---- the module ---- */

#define KEYWORDS(function) {#function, (PyCFunction)(void (*)(void))function, METH_VARARGS | METH_KEYWORDS, NULL}
#define NO_ARGUMENTS(function) {#function, function, METH_NOARGS, NULL}
#define ONE_ARGUMENT(function) {#function, function, METH_O, NULL}

static PyMethodDef METHODS[] = {
    NO_ARGUMENTS(check),
    KEYWORDS(start),
    NO_ARGUMENTS(stop),
    KEYWORDS(set_threshold),
    KEYWORDS(flush),
    {"pause", watch_pause, METH_NOARGS, NULL},
    {"resume", watch_resume, METH_NOARGS, NULL},
    KEYWORDS(register_loop),
    KEYWORDS(unregister_loop),
    KEYWORDS(loop_stats),
    KEYWORDS(install_steps),
    NO_ARGUMENTS(uninstall_steps),
    ONE_ARGUMENT(set_step_observer),
    KEYWORDS(set_victim_observer),
    ONE_ARGUMENT(scheduled_site),
    {"gc_callback", gc_callback, METH_VARARGS, NULL},
    KEYWORDS(drain),
    NO_ARGUMENTS(wake),
    ONE_ARGUMENT(emit),
    NO_ARGUMENTS(lost),
    KEYWORDS(stack_of),
    KEYWORDS(thread_state),
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
    memory_reset();
    if (!registered && pthread_atfork(NULL, NULL, forked) != 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    registered = true;
    PyObject *module = PyModule_Create(&MODULE);
    if (module != NULL && PyModule_AddStringConstant(module, "TIER", "native") != 0) {
        Py_CLEAR(module);
    }
    return module;
}
