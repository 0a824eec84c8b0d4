/* A suite of tests runs thousands of loops, each a few times: what can be followed by comparing pointers is followed here.
 *
 *     runs    --told None-->             rests    its slot is kept, slot_rest()
 *     rests   --told the same loop-->    runs     slot_run_again()
 *     rests   --told a new loop-->       runs     where the one before is over and nobody was told of it: record and number go on
 *     all else                                    is told to `changed`, in Python
 */
#include "runs.h"

#include "hooks.h"
#include "stacks.h"
#include "watchdog.h"

/* Of the loop that has the slot of the same index: references, which only the GIL may touch, so they are not in the slot. What a
 * loop leaves here is dropped when the next one comes. */
static struct known {
    PyObject *ref;    /* to the loop, weak */
    PyObject *type;   /* of the loop */
    PyObject *record;
    enum loop_kind kind;
    bool passes_on;
    int epoll_fd;
} known[SLOTS];

static PyObject *changed, *descriptor_of;

static struct known *
known_of(const struct slot *slot)
{
    return &known[slot - slots];
}

void
runs_know(const struct slot *slot, PyObject *loop, PyObject *record, enum loop_kind kind, bool passes_on)
{
    struct known *it = known_of(slot);
    struct known before = *it;
    *it = (struct known){.kind = kind, .passes_on = passes_on, .epoll_fd = GET(slot->epoll_fd)};
    it->ref = kind == LOOP_OTHER ? NULL : PyWeakref_NewRef(loop, NULL);
    if (it->ref != NULL) {
        it->type = Py_NewRef((PyObject *)Py_TYPE(loop));
        it->record = Py_NewRef(record);
    }
    PyErr_Clear(); /* a loop without weak references is told of in Python each time */
    Py_XDECREF(before.ref);
    Py_XDECREF(before.type);
    Py_XDECREF(before.record);
}

bool
runs_again(struct slot *slot, int loop, int epoll_fd)
{
    if (!slot_run_again(slot, loop, epoll_fd)) {
        return false;
    }
    uintptr_t present = (uintptr_t)PyThreadState_Get();
    if (GET(slot->tstate) != present) {
        SET(slot->tstate, present);
        slot->stack_base = stacks_base(present);
    }
    hooks_install();
    return true;
}

/* The loop of a slot, borrowed; NULL where it is gone. */
static PyObject *
loop_of(const struct known *it)
{
    PyObject *loop = it->ref == NULL ? NULL : PyWeakref_GetObject(it->ref);
    return loop == Py_None ? NULL : loop;
}

/* The names of the attributes that are read and set each time: making them anew took a fifth of what a run costs. */
static PyObject *closed_name, *thread_name, *is_closed_name, *get_name;

static bool
names_are_made(void)
{
    if (get_name == NULL) {
        closed_name = PyUnicode_InternFromString("_closed");
        thread_name = PyUnicode_InternFromString("_thread_id");
        is_closed_name = PyUnicode_InternFromString("is_closed");
        get_name = PyUnicode_InternFromString("get");
    }
    return closed_name != NULL && thread_name != NULL && is_closed_name != NULL && get_name != NULL;
}

/* Whether an attribute of asyncio's loops is that; such a loop of a program may answer anything, or raise. */
static bool
attribute_is_true(PyObject *loop, PyObject *name)
{
    PyObject *value = PyObject_GetAttr(loop, name);
    bool is = value == Py_True;
    Py_XDECREF(value);
    PyErr_Clear();
    return is;
}

/* Whether a loop says that it still runs in this thread: another one has been run inside of it. */
static bool
still_runs(const struct known *it, PyObject *loop)
{
    if (it->kind != LOOP_ASYNCIO || loop == NULL) {
        return false;
    }
    PyObject *ident = PyObject_GetAttr(loop, thread_name);
    bool is = ident != NULL && PyLong_Check(ident) && PyLong_AsUnsignedLong(ident) == PyThread_get_thread_ident();
    Py_XDECREF(ident);
    PyErr_Clear();
    return is;
}

static bool
is_over(const struct known *it, PyObject *loop)
{
    if (loop == NULL) {
        return true;
    }
    if (it->kind == LOOP_ASYNCIO) {
        return attribute_is_true(loop, closed_name);
    }
    PyObject *closed = PyObject_CallMethodObjArgs(loop, is_closed_name, NULL);
    bool is = closed == Py_True;
    Py_XDECREF(closed);
    PyErr_Clear();
    return is;
}

/* A new loop where one of its type was: the record is its own from now on. */
static bool
takes_over(struct slot *slot, PyObject *loop)
{
    struct known *it = known_of(slot);
    if (!it->passes_on || it->type != (PyObject *)Py_TYPE(loop) || slot->tally != NULL || !is_over(it, loop_of(it))) {
        return false;
    }
    PyObject *fd = PyObject_CallFunctionObjArgs(descriptor_of, loop, NULL);
    PyObject *ref = fd == NULL ? NULL : PyWeakref_NewRef(loop, NULL);
    int epoll_fd = ref == NULL ? -1 : (int)PyLong_AsLong(fd);
    Py_XDECREF(fd);
    /* Python has run: the drainer may have ended the rest meanwhile. */
    bool taken = epoll_fd >= 0 && slot_at_rest() == slot && runs_again(slot, slot->loop, epoll_fd);
    if (taken) {
        PyObject *before = it->ref;
        it->ref = Py_NewRef(ref);
        it->epoll_fd = epoll_fd;
        slot_forget_turns(slot);
        PyObject_SetAttr(it->record, get_name, ref);
        Py_XDECREF(before);
    }
    Py_XDECREF(ref);
    PyErr_Clear();
    return taken;
}

/* Whether all is done with that the calling thread runs this loop from now on, None for none. */
static bool
follows(PyObject *loop)
{
    struct slot *slot = own_slot();
    if (loop == Py_None) {
        const struct known *it = slot == NULL ? NULL : known_of(slot);
        PyObject *present = it == NULL ? NULL : loop_of(it);
        if (slot == NULL) {
            return slot_at_rest() != NULL; /* uvloop says it twice */
        }
        return present != NULL && (still_runs(it, present) || slot_rest(slot));
    }
    struct slot *resting = slot == NULL && watchdog_running() ? slot_at_rest() : NULL;
    if (resting == NULL) {
        return slot != NULL && loop_of(known_of(slot)) == loop;
    }
    const struct known *it = known_of(resting);
    return loop_of(it) == loop ? runs_again(resting, resting->loop, it->epoll_fd) : takes_over(resting, loop);
}

static PyObject *
set_running_loop(PyObject *original, PyObject *loop)
{
    PyObject *result = original == Py_None ? Py_NewRef(Py_None) : PyObject_CallFunctionObjArgs(original, loop, NULL);
    PyObject *callback = changed;
    if (result == NULL || callback == NULL || follows(loop)) {
        return result;
    }
    Py_INCREF(callback);
    PyObject *told = PyObject_CallFunctionObjArgs(callback, loop, NULL);
    Py_DECREF(callback);
    if (told == NULL) {
        Py_CLEAR(result);
    }
    Py_XDECREF(told);
    return result;
}

static PyMethodDef TELLING = {"_set_running_loop", set_running_loop, METH_O, NULL};

PyObject *
runs_telling(PyObject *self, PyObject *original)
{
    (void)self;
    return PyCFunction_New(&TELLING, original);
}

PyObject *
runs_follow(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *callback, *descriptor, *before = changed, *descriptor_before = descriptor_of;
    if (!PyArg_ParseTuple(args, "OO", &callback, &descriptor) || !names_are_made()) {
        return NULL;
    }
    changed = callback == Py_None ? NULL : Py_NewRef(callback);
    descriptor_of = Py_NewRef(descriptor);
    Py_XDECREF(before);
    Py_XDECREF(descriptor_before);
    return Py_NewRef(Py_None);
}

PyObject *
runs_keep(PyObject *self, PyObject *args)
{
    (void)self;
    int loop;
    if (!PyArg_ParseTuple(args, "i", &loop)) {
        return NULL;
    }
    struct slot *slot = slot_find(loop);
    if (slot != NULL) {
        known_of(slot)->passes_on = false;
    }
    return Py_NewRef(Py_None);
}
