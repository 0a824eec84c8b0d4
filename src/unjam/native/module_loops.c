/* The loops as Python registers them, lets them rest and asks for their statistics. */
#define _GNU_SOURCE
#include <Python.h>
#include <stdbool.h>

#include "clock.h"
#include "gil.h"
#include "hooks.h"
#include "module.h"
#include "runs.h"
#include "slots.h"
#include "stacks.h"
#include "steps.h"
#include "threads.h"
#include "watchdog.h"

PyObject *
module_register_loop(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"loop_id", "epoll_fd", "thread_ident", "instead_of", "followed", NULL};
    int loop, epoll_fd, before = 0, kind = LOOP_OTHER, passes_on = 0;
    PyObject *object = Py_None, *record = Py_None;
    unsigned long ident = 0, own = PyThread_get_thread_ident();
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "ii|ki(OOip)", names, &loop, &epoll_fd, &ident, &before, &object, &record,
            &kind, &passes_on)) {
        return NULL;
    }
    struct slot *resting = slot_find(before != 0 ? before : loop);
    if (!module_watches_here()) {
        return Py_NewRef(Py_False);
    }
    if (resting != NULL && runs_again(resting, loop, epoll_fd)) {
        runs_know(resting, object, record, kind, passes_on);
        return Py_NewRef(Py_True);
    }
    if (slot_find(loop) != NULL) {
        return Py_NewRef(Py_False);
    }
    ident = ident == 0 ? own : ident;
    uintptr_t tstate = (uintptr_t)(ident == own ? PyThreadState_Get() : module_find_tstate(ident));
    if (tstate != 0) {
        pid_t tid = ident == own ? threads_own_tid() : gil_thread_of(tstate);
        hooks_install();
        struct slot *taken = slot_take(loop, epoll_fd, tid, ident, tstate, stacks_base(tstate));
        if (taken != NULL) {
            runs_know(taken, object, record, kind, passes_on);
        }
        if (taken == NULL || GET(watchdog_asleep) != 0) { /* it makes room, or it looks within a tick anyway */
            watchdog_wake();
        }
    }
    return Py_NewRef(Py_False);
}

PyObject *
module_rest_loop(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"loop_id", NULL};
    int loop;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "i", names, &loop)) {
        return NULL;
    }
    struct slot *slot = slot_find(loop);
    return PyBool_FromLong(slot != NULL && slot_rest(slot));
}

PyObject *
module_is_resting(PyObject *self, PyObject *args)
{
    (void)self;
    int loop;
    if (!PyArg_ParseTuple(args, "i", &loop)) {
        return NULL;
    }
    const struct slot *slot = slot_find(loop);
    return slot == NULL ? Py_NewRef(Py_None) : PyBool_FromLong(slot->rested_ns != 0);
}

PyObject *
module_unregister_loop(PyObject *self, PyObject *args, PyObject *keywords)
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
    uint64_t left = GET(slot->left), now = slot->rested_ns != 0 ? slot->rested_ns : clock_ns();
    uint64_t since = left == 0 ? now : clock_at(left), away_ns = GET(slot->away_ns) - slot->away_before_ns;
    uint64_t longest_step = GET(slot->longest_step), in_turn = GET(slot->turn_longest_step);
    PyObject *stats = PyDict_New();
    bool done = stats != NULL && module_put(stats, "loop", PyLong_FromLong(slot->loop))
                && module_put(stats, "turns", module_observed(turns, GET(slot->turns) - slot->turns_before))
                && module_put(stats, "steps", module_observed(steps, GET(slot->steps)))
                && module_put(stats, "away_ns", module_observed(turns, away_ns + clock_since(now, since)))
                && module_put(stats, "alive_ns", module_observed(true, clock_since(now, slot->registered_ns)))
                && module_put(stats, "longest_turn_ns", module_observed(turns, GET(slot->longest_turn_ns)))
                && module_put(stats, "longest_step_ns",
                       module_observed(steps, clock_span_ns(longest_step > in_turn ? longest_step : in_turn)))
                && module_put(stats, "lag", histogram(slot)) && module_put(stats, "in_select", PyBool_FromLong(turns && left == 0))
                && module_put(stats, "away_since_ns", module_observed(turns && left != 0, since));
    if (!done) {
        Py_CLEAR(stats);
    }
    return stats;
}

PyObject *
module_loop_stats(PyObject *self, PyObject *args, PyObject *keywords)
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

/* The statistics of a loop that rests, which is registered no more from now on; None where it runs, perhaps again. */
PyObject *
module_end_rest(PyObject *self, PyObject *args)
{
    (void)self;
    int loop;
    if (!PyArg_ParseTuple(args, "i", &loop)) {
        return NULL;
    }
    struct slot *slot = slot_find(loop);
    if (slot == NULL || slot->rested_ns == 0) {
        return Py_NewRef(Py_None);
    }
    uint32_t runs = GET(slot->runs);
    PyObject *stats = stats_of(slot); /* a collection of garbage may run other code, and let it run again */
    if (stats != NULL && (slot->loop != loop || slot->rested_ns == 0 || GET(slot->runs) != runs)) {
        Py_DECREF(stats);
        return Py_NewRef(Py_None);
    }
    if (stats != NULL) {
        slot_release(slot, watchdog_running());
        watchdog_wake();
    }
    return stats;
}
