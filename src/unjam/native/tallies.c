/* The type `Tally`, and the steps that are counted into it. */
#define PY_SSIZE_T_CLEAN
#include "tallies.h"

#include <stddef.h>
#include <stdio.h>
#include <structmember.h>

#include "clock.h"
#include "compat.h"
#include "passing.h"
#include "release.h"
#include "steps.h"

/* A select that took longer has slept: nothing was ready when it began. One that only looks takes 1 to 2 us, with cold caches ten
 * times that; one that sleeps takes as long as the kernel needs to wake a thread up, seldom below 50. */
static const uint64_t SLEPT_NS = 30000;

struct tally {
    PyObject_HEAD
    uint64_t own_ns, waited_ns;
    uint64_t since, last; /* ticks: from when the present step counts, 0 between steps; the end of the last one */
    int loop;
    bool open, waits_seen;
    /* Of who derives from the type, which would need a dict for them; NULL is None. The scope is there from `of` to `finish`. */
    PyObject *scope, *name_of, *name, *holds, *delays;
};

PyObject *tally_variable;
static PyObject *observer, *type;
static bool asked; /* somebody has called set_tally */

/* ---- telling ---- */

/* An observer that fails is told of no more; its exception is shown as unraisable, and the one in flight is kept. Returns the
 * nanosecond that it answers, 0 for none. */
static uint64_t
tell(const struct slot *slot, PyObject *who, uint64_t from, uint64_t to, bool waited)
{
    uint64_t limit = GET(threshold_ns) / LONG_PART;
    if (observer == NULL || clock_span_ns(clock_since(to, from)) < limit) {
        return 0;
    }
    uint64_t answer = 0;
    PyObject *kind, *value, *traceback, *observe = Py_NewRef(observer);
    PyErr_Fetch(&kind, &value, &traceback);
    PyObject *result = PyObject_CallFunction(observe, "iOKKi", slot->loop, who, (unsigned long long)clock_at(from),
                                             (unsigned long long)clock_at(to), (int)waited);
    if (result == NULL) {
        PyErr_WriteUnraisable(observe);
        Py_CLEAR(observer);
    } else if (PyLong_Check(result)) {
        answer = PyLong_AsUnsignedLongLong(result);
        if (PyErr_Occurred()) {
            PyErr_Clear();
            answer = 0;
        }
    }
    Py_XDECREF(result);
    Py_DECREF(observe);
    PyErr_Restore(kind, value, traceback);
    return answer;
}

/* ---- waiting ---- */

/* A task that a transport wakes up: the bytes came in one turn, the future's callback runs in the next, the task in a third. */
enum { HOPS_OF_A_STEP = 2 };

/* How many turns lie between the present one and the last in whose select the loop slept; RECENT + 1 where that is out of sight. */
static unsigned
hops_since_sleep(const struct slot *slot)
{
    uint64_t since = GET(slot->left), turns = GET(slot->turns);
    for (unsigned back = 1; back <= RECENT; back++) {
        const struct recent_turn *turn = &slot->recent[(turns - back) % RECENT];
        if (back > turns || clock_span_ns(clock_since(since, turn->entered)) > SLEPT_NS) {
            return back - 1;
        }
        since = turn->left;
    }
    return RECENT + 1;
}

/* The earliest moment from which a step of the present turn may have been ready: the begin of this turn, or of one of `hops`
 * turns before it where the loop, which had `slept` so many before, did not sleep in between. What becomes ready in one turn runs
 * in the next. */
static uint64_t
ready_since(const struct slot *slot, unsigned slept, unsigned hops)
{
    unsigned back = hops < slept ? hops : slept;
    uint64_t turns = GET(slot->turns);
    return back == 0 ? GET(slot->left) : slot->recent[(turns - back) % RECENT].left;
}

/* A number of turns that this part of all requests was met with, and more than once, is one of the server's own. */
enum { OWN_PART = 5 };

/* How many turns before the present one the bytes of a request that begins now may have come. A server that is not busy begins it
 * so many turns after it slept, and a busy one more: the number met most often is the server's own. It may have two, one for a
 * request on a new connection and one for those that follow: the greater one counts, for the wait is told as "at most". Bytes that
 * came while the loop was away came in the turn before that. */
static unsigned
hops_of_a_begin(struct slot *slot, unsigned slept)
{
    slot->hops_seen += slept <= RECENT;
    if (slept <= RECENT && (++slot->hops[slept] > slot->hops[slot->hops_most] || slot->hops[slot->hops_most] == 0)) {
        slot->hops_most = slept;
    }
    unsigned own = slot->hops[slot->hops_most] != 0 ? slot->hops_most : RECENT;
    for (unsigned hops = RECENT; hops > own; hops--) {
        if (slot->hops[hops] > 1 && slot->hops[hops] >= slot->hops_seen / OWN_PART) {
            own = hops;
        }
    }
    return 1 + own;
}

static void
wait_ends(const struct slot *slot, struct tally *tally, uint64_t now, uint64_t since)
{
    since = since > tally->last ? since : tally->last;
    if (slot->by_steps || since == 0 || since >= now) {
        return;
    }
    uint64_t waited = clock_span_ns(now - since), ready = tell(slot, (PyObject *)tally, since, now, true);
    if (ready > clock_at(since)) {
        uint64_t ended = clock_at(now), less = ready < ended ? ended - ready : 0;
        waited = less < waited ? less : waited;
    }
    tally->waited_ns += waited;
}

/* ---- steps ---- */

/* The tally of the present context; a new reference, or NULL. */
static struct tally *
tally_of_context(void)
{
    PyObject *value = NULL;
    if (compat.variable_get(tally_variable, NULL, &value) != 0) {
        PyErr_Clear();
    }
    if (value != NULL && !PyObject_TypeCheck(value, (PyTypeObject *)type)) {
        Py_CLEAR(value);
    }
    return (struct tally *)value;
}

/* The same where it is open, and of this loop. */
static struct tally *
present_tally(const struct slot *slot)
{
    struct tally *tally = tally_of_context();
    if (tally != NULL && tally->open && tally->loop == slot->loop) {
        return tally;
    }
    Py_XDECREF((PyObject *)tally);
    return NULL;
}

void
tallies_enter(struct slot *slot, uint64_t t0)
{
    slot->tally_depth++;
    if (slot->tally != NULL) {
        return;
    }
    struct tally *tally = present_tally(slot);
    slot->tally_level = slot->tally_depth;
    slot->tally = tally;
    slot->tally_since = t0;
    if (tally != NULL) {
        tally->since = t0;
        wait_ends(slot, tally, t0, ready_since(slot, hops_since_sleep(slot), HOPS_OF_A_STEP));
    }
}

/* What the present step has taken up to now goes to the tally. */
static void
step_counts(struct tally *tally, uint64_t now)
{
    tally->own_ns += clock_span_ns(clock_since(now, tally->since));
    tally->since = 0;
    tally->last = now;
}

void
tallies_leave(struct slot *slot, uint64_t t1, PyObject *who, bool away)
{
    if (slot->tally_depth-- != slot->tally_level) {
        return;
    }
    struct tally *tally = slot->tally;
    uint64_t since = slot->tally_since;
    slot->tally = NULL;
    slot->tally_level = slot->tally_depth;
    slot->tally_since = t1;
    if (tally != NULL) {
        step_counts(tally, t1);
    }
    if (away) {
        tell(slot, tally != NULL ? (PyObject *)tally : who, since, t1, false);
    }
    Py_XDECREF((PyObject *)tally);
}

/* ---- the type ---- */

static bool
begins(PyObject *self)
{
    struct tally *tally = (struct tally *)self;
    struct slot *slot = own_slot();
    bool by_handles = slot != NULL && steps_seen_on(slot);
    if (slot == NULL || tally->open || (!by_handles && slot->tally_depth == 0)) {
        return false;
    }
    uint64_t now = clock_ticks(), began = by_handles ? GET(slot->step_began) : slot->tally_since;
    tally->open = true;
    tally->loop = slot->loop;
    tally->waits_seen = !slot->by_steps;
    tally->since = now;
    if (slot->tally_depth == 0) { /* the step began before anybody asked */
        slot->tally_depth = slot->tally_level = 1;
    }
    struct tally *before = slot->tally;
    slot->tally = (struct tally *)Py_NewRef(self);
    slot->tally_since = now;
    Py_XDECREF((PyObject *)before);
    unsigned slept = hops_since_sleep(slot);
    wait_ends(slot, tally, began == 0 ? now : began, ready_since(slot, slept, hops_of_a_begin(slot, slept)));
    return true;
}

static PyObject *
begin(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(begins(self));
}

/* Whether the tally of the present context is of something that is not finished. */
static bool
inside_of_one(void)
{
    struct tally *tally = tally_of_context();
    bool inside = tally != NULL && tally->scope != NULL;
    Py_XDECREF((PyObject *)tally);
    return inside;
}

static PyObject *
of(PyObject *class, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        return PyErr_Format(PyExc_TypeError, "of() takes a scope and a function that names it");
    }
    if (!asked) {
        return PyObject_CallMethod(class, "anew", "OO", args[0], args[1]);
    }
    if (tally_variable == NULL || compat.variable_set == NULL || inside_of_one()) {
        return Py_NewRef(Py_None);
    }
    PyObject *made = PyObject_CallNoArgs(class);
    if (made == NULL || !begins(made)) {
        Py_XDECREF(made);
        return made == NULL ? NULL : Py_NewRef(Py_None);
    }
    ((struct tally *)made)->scope = Py_NewRef(args[0]);
    ((struct tally *)made)->name_of = Py_NewRef(args[1]);
    PyObject *token = compat.variable_set(tally_variable, made);
    if (token == NULL) {
        Py_CLEAR(made);
    }
    Py_XDECREF(token);
    return made;
}

static void
ends(PyObject *self)
{
    struct tally *tally = (struct tally *)self;
    struct slot *slot = own_slot();
    tally->open = false;
    if (slot != NULL && slot->tally == tally) {
        uint64_t now = clock_ticks(), since = tally->since;
        step_counts(tally, now);
        slot->tally = NULL;
        slot->tally_since = now;
        tell(slot, self, since, now, false);
        Py_DECREF(self);
    }
}

static PyObject *
end(PyObject *self, PyObject *unused)
{
    (void)unused;
    ends(self);
    return Py_NewRef(Py_None);
}

static PyObject *
finish(PyObject *self, PyObject *unused)
{
    (void)unused;
    struct tally *tally = (struct tally *)self;
    ends(self);
    if (tally->holds != NULL || tally->delays != NULL) {
        PyObject *kept = PyObject_CallMethod(self, "keep_name", NULL);
        if (kept == NULL) {
            return NULL;
        }
        Py_DECREF(kept);
    }
    Py_CLEAR(tally->scope);
    return Py_NewRef(Py_None);
}

static PyObject *
waited_ns(PyObject *self, void *unused)
{
    (void)unused;
    const struct tally *tally = (struct tally *)self;
    return tally->waits_seen ? PyLong_FromUnsignedLongLong(tally->waited_ns) : Py_NewRef(Py_None);
}

static uint64_t
own_until_now(const struct tally *tally)
{
    const struct slot *slot = own_slot();
    bool running = slot != NULL && slot->tally == tally;
    return tally->own_ns + (running ? clock_span_ns(clock_since(clock_ticks(), tally->since)) : 0);
}

static PyObject *
own_ns(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(own_until_now((struct tally *)self));
}

/* Of a millisecond: formatting integers costs a third of what formatting doubles does. */
enum { HUNDREDTH_NS = 10000 };

static PyObject *
timing(PyObject *self, PyObject *unused)
{
    (void)unused;
    const struct tally *tally = (struct tally *)self;
    char text[96];
    unsigned long long own = own_until_now(tally) / HUNDREDTH_NS, waited = tally->waited_ns / HUNDREDTH_NS;
    int length = snprintf(text, sizeof text, "loop;dur=%llu.%02u", own / 100, (unsigned)(own % 100));
    if (tally->waits_seen) {
        length += snprintf(text + length, sizeof text - (size_t)length, ", loop-wait;dur=%llu.%02u", waited / 100,
                           (unsigned)(waited % 100));
    }
    return PyBytes_FromStringAndSize(text, length);
}

static PyObject *
passing(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3) {
        return PyErr_Format(PyExc_TypeError, "passing() takes what sends, kinds of messages and what changes them");
    }
    return passing_of(self, args[0], args[1], args[2]);
}

static PyMethodDef METHODS[] = {
    {"timing", timing, METH_NOARGS, NULL},
    {"begin", begin, METH_NOARGS, NULL},
    {"end", end, METH_NOARGS, NULL},
    {"of", (PyCFunction)(void (*)(void))of, METH_FASTCALL | METH_CLASS, NULL},
    {"finish", finish, METH_NOARGS, NULL},
    {"passing", (PyCFunction)(void (*)(void))passing, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef GETTERS[] = {
    {"own_ns", own_ns, NULL, NULL, NULL},
    {"waited_ns", waited_ns, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define KEPT(name) {#name, T_OBJECT, offsetof(struct tally, name), 0, NULL}

static PyMemberDef KEPT_OF_TYPE[] = {KEPT(scope), KEPT(name_of), KEPT(name), KEPT(holds), KEPT(delays), {0}};

static int
visit_kept(PyObject *self, visitproc visit, void *arg)
{
    struct tally *tally = (struct tally *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(tally->scope);
    Py_VISIT(tally->name_of);
    Py_VISIT(tally->name);
    Py_VISIT(tally->holds);
    Py_VISIT(tally->delays);
    return 0;
}

static int
clear_kept(PyObject *self)
{
    struct tally *tally = (struct tally *)self;
    Py_CLEAR(tally->scope);
    Py_CLEAR(tally->name_of);
    Py_CLEAR(tally->name);
    Py_CLEAR(tally->holds);
    Py_CLEAR(tally->delays);
    return 0;
}

static void
deallocate(PyObject *self)
{
    release_object(self, clear_kept);
}

static PyType_Slot SLOTS_OF_TYPE[] = {
    {Py_tp_methods, METHODS},        {Py_tp_getset, GETTERS},     {Py_tp_members, KEPT_OF_TYPE},
    {Py_tp_traverse, visit_kept},    {Py_tp_clear, clear_kept},   {Py_tp_dealloc, deallocate},
    {0, NULL},
};

static PyType_Spec SPEC = {
    .name = "unjam.native._core.Tally",
    .basicsize = sizeof(struct tally),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = SLOTS_OF_TYPE,
};

PyObject *
tallies_type(void)
{
    type = passing_prepare() ? PyType_FromSpec(&SPEC) : NULL;
    return type;
}

/* Let `*place` hold another reference, or none for NULL and None. */
static void
set(PyObject **place, PyObject *value)
{
    PyObject *old = *place;
    *place = value == NULL || value == Py_None ? NULL : Py_NewRef(value);
    Py_XDECREF(old);
}

void
tallies_set(PyObject *variable, PyObject *observe)
{
    asked = observe != NULL && observe != Py_None;
    set(&observer, observe);
    set(&tally_variable, compat.variable_get == NULL ? NULL : variable);
}
