/* A re-implementation of asyncio.events.Handle._run, the same in CPython 3.11 to 3.15:
 *
 *     try: self._context.run(self._callback, *self._args)
 *     except (SystemExit, KeyboardInterrupt): raise
 *     except BaseException as exc: ... self._loop.call_exception_handler(...)        <- `on_failure`
 */
#include "steps.h"

#include <string.h>

#include "clock.h"
#include "compat.h"
#include "members.h"
#include "sites.h"
#include "tallies.h"
#include "turns.h"

/* Nobody is told of a step below this part of the threshold: 0.1 ms at 50 ms. */
enum { CROWD_PART = 500 };

/* To tell of a step takes 5 us where all that the observer needs is in the CPU's caches, and ten times that behind a step of a real
 * service. It is told of so few of those that are not long that this adds one part in so many, with the number and the length of the
 * others. */
enum { TELLING_PART = 100 };

static PyObject *patched_type, *original_run, *our_run;
static PyObject *on_failure;
static PyObject *step_observer, *victim_observer;
static uint32_t victims_most = 20;

/* Where `_run` stands in asyncio/events.py, for tracebacks. */
static char run_file[1024];
static int run_line;

/* ---- the members of a Handle ---- */

enum { CALLBACK, ARGS, CONTEXT, MEMBERS };
static const char *const MEMBER_NAMES[MEMBERS] = {"_callback", "_args", "_context"};
static Py_ssize_t member_offsets[MEMBERS];
static enum { UNTRIED, DIRECT, BY_NAME } access_mode;

static PyObject *
direct(PyObject *handle, int member)
{
    return Py_XNewRef(*member_place(handle, member_offsets[member]));
}

/* Once, on the first handle: do the offsets lead to what the attributes give? */
static void
try_access(PyObject *handle)
{
    access_mode = DIRECT;
    for (int member = 0; member < MEMBERS; member++) {
        PyObject *named = PyObject_GetAttrString(handle, MEMBER_NAMES[member]);
        PyObject *found = member_offsets[member] != 0 && named != NULL ? direct(handle, member) : NULL;
        if (named == NULL || found != named) {
            access_mode = BY_NAME;
        }
        Py_XDECREF(found);
        Py_XDECREF(named);
    }
    PyErr_Clear();
}

/* New reference; NULL with an exception. */
static PyObject *
member_of(PyObject *handle, int member)
{
    PyObject *value = access_mode == DIRECT ? direct(handle, member) : NULL;
    return value != NULL ? value : PyObject_GetAttrString(handle, MEMBER_NAMES[member]);
}

/* ---- running one ---- */

/* context.run(callback, *args) of a context that is not a contextvars.Context. */
static PyObject *
run_by_name(PyObject *context, PyObject *callback, PyObject *args)
{
    PyObject *result = NULL, *run = PyObject_GetAttrString(context, "run");
    PyObject *first = run == NULL ? NULL : PyTuple_Pack(1, callback);
    PyObject *all = first == NULL ? NULL : PySequence_Concat(first, args);
    if (all != NULL) {
        result = PyObject_CallObject(run, all);
    }
    Py_XDECREF(all);
    Py_XDECREF(first);
    Py_XDECREF(run);
    return result;
}

/* `slot`: NULL in a thread without a loop. */
static PyObject *
run_in(struct slot *slot, PyObject *context, PyObject *callback, PyObject *args)
{
    if ((void *)Py_TYPE(context) != compat.context_type || compat.context_enter == NULL || compat.context_exit == NULL) {
        return run_by_name(context, callback, args);
    }
    if (compat.context_enter(context) != 0) {
        return NULL;
    }
    if (tally_variable != NULL && slot != NULL) {
        tallies_enter(slot, GET(slot->step_began));
    }
    PyObject *result = PyObject_Call(callback, args, NULL);
    if (compat.context_exit(context) != 0) {
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *
call_back(struct slot *slot, PyObject *handle)
{
    if (access_mode == UNTRIED) {
        try_access(handle);
    }
    PyObject *result = NULL, *context = member_of(handle, CONTEXT);
    PyObject *callback = context == NULL ? NULL : member_of(handle, CALLBACK);
    PyObject *args = callback == NULL ? NULL : member_of(handle, ARGS);
    if (args != NULL && !PyTuple_CheckExact(args)) {
        PyObject *tuple = PySequence_Tuple(args);
        Py_DECREF(args);
        args = tuple;
    }
    if (args != NULL) {
        result = run_in(slot, context, callback, args);
    }
    Py_XDECREF(args);
    Py_XDECREF(callback);
    Py_XDECREF(context);
    return result;
}

/* An exception is set: raise it on, or hand it to the loop as `except BaseException as exc` would, sys.exc_info() included. */
static PyObject *
fail(PyObject *handle)
{
    if (compat.traceback_add != NULL) {
        compat.traceback_add("_run", run_file, run_line);
    }
    if (PyErr_ExceptionMatches(PyExc_SystemExit) || PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        return NULL;
    }
    PyObject *type, *value, *traceback, *old_type, *old_value, *old_traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(value, traceback);
    }
    PyErr_GetExcInfo(&old_type, &old_value, &old_traceback);
    PyErr_SetExcInfo(Py_NewRef(type), Py_NewRef(value), Py_XNewRef(traceback));
    PyObject *failure = Py_NewRef(on_failure);
    PyObject *result = PyObject_CallFunctionObjArgs(failure, handle, value, NULL);
    Py_DECREF(failure);
    PyErr_SetExcInfo(old_type, old_value, old_traceback);
    Py_XDECREF(traceback);
    Py_DECREF(value);
    Py_DECREF(type);
    return result;
}

static bool
run_one(struct slot *slot, PyObject *handle)
{
    PyObject *result = call_back(slot, handle);
    if (result == NULL) {
        result = fail(handle);
    }
    Py_XDECREF(result);
    return result != NULL;
}

/* ---- observers ---- */

/* An observer that fails is told of no more; its exception is shown as unraisable. Takes the reference to `args`. */
static void
tell(PyObject **observer, PyObject *args)
{
    PyObject *observe = Py_NewRef(*observer);
    PyObject *result = args == NULL ? NULL : PyObject_CallObject(observe, args);
    if (result == NULL) {
        PyErr_WriteUnraisable(observe);
        Py_CLEAR(*observer);
    }
    Py_XDECREF(result);
    Py_XDECREF(args);
    Py_DECREF(observe);
}

static void
begin_victims(struct slot *slot, uint32_t stall, uint64_t left)
{
    slot->victims_stall = stall;
    slot->victims_since = left;
    slot->victims_left = victims_most;
    slot->victims_turn = 0;
}

static void __attribute__((noinline, cold))
before_step(struct slot *slot, PyObject *handle)
{
    slot->victims_left--;
    if (victim_observer != NULL) {
        unsigned long long since = clock_at(slot->victims_since), now = clock_ns();
        unsigned long long ended = slot->victims_turn == 0 ? 0 : clock_at(slot->victims_ended);
        tell(&victim_observer, Py_BuildValue("(iIOKKKI)", slot->loop, slot->victims_stall, handle, since, now, ended, slot->victims_turn));
    }
}

/* Whether the observer is told of a step of a late turn that is not long, which is `limit`; one that it is not told of is counted. */
static bool
is_told(struct slot *slot, uint64_t t0, uint64_t t1, uint64_t limit)
{
    if (slot->untold_turn != GET(slot->turns)) {
        slot->untold_turn = GET(slot->turns);
        slot->untold = 0;
        slot->untold_ns = 0;
    }
    uint64_t wait = clock_span_ns(slot->told_for) * TELLING_PART;
    if (clock_span_ns(clock_since(t1, slot->told_at)) >= (wait < limit ? wait : limit)) {
        return true;
    }
    slot->untold++;
    slot->untold_ns += clock_span_ns(clock_since(t1, t0));
    return false;
}

/* Those that it was not told of are like one that is not long. */
static void
tell_step(struct slot *slot, uint32_t stall, PyObject *handle, uint64_t t0, uint64_t t1, bool is_long)
{
    uint32_t more = is_long ? 0 : slot->untold;
    unsigned long long from = clock_at(t0), to = clock_at(t1), more_ns = is_long ? 0 : slot->untold_ns;
    slot->untold -= more;
    slot->untold_ns -= more_ns;
    tell(&step_observer, Py_BuildValue("(iIOKKIK)", slot->loop, stall, handle, from, to, more, more_ns));
    slot->told_at = clock_ticks();
    slot->told_for = clock_since(slot->told_at, t1);
}

static void __attribute__((noinline, cold))
after_step(struct slot *slot, PyObject *handle, uint64_t t0, uint64_t t1)
{
    uint64_t left = GET(slot->left), limit = GET(threshold_ns);
    uint64_t age = clock_span_ns(clock_since(t1, left));
    if (left == 0 || age < limit / LONG_PART) {
        return;
    }
    uint32_t stall = age >= limit ? slot_stall(slot, GET(slot->turns) + 1) : 0;
    if (stall != 0 && victim_observer != NULL && slot->victims_stall != stall) {
        begin_victims(slot, stall, left);
    }
    bool is_long = clock_span_ns(clock_since(t1, t0)) >= limit / LONG_PART;
    if (step_observer != NULL && (is_long || is_told(slot, t0, t1, limit / LONG_PART))) {
        tell_step(slot, stall, handle, t0, t1, is_long);
    }
}

void
steps_turn_was_late(struct slot *slot, uint32_t stall, uint64_t left, uint64_t entered)
{
    if (victim_observer == NULL || !steps_seen_on(slot)) {
        return;
    }
    if (slot->victims_stall != stall) {
        begin_victims(slot, stall, left);
    }
    slot->victims_turn = 1;
    slot->victims_ended = entered;
}

void
steps_victims_turn(struct slot *slot)
{
    bool goes_on = slot->victims_turn != 0 && slot->victims_turn < VICTIM_TURNS;
    slot->victims_turn = goes_on ? slot->victims_turn + 1 : 0;
    slot->victims_left = goes_on ? victims_most : 0;
}

bool
steps_seen_on(const struct slot *slot)
{
    return GET(slot->steps) != 0 || GET(slot->step_began) != 0;
}

/* ---- Handle._run ---- */

static PyObject *
run(PyObject *handle, PyObject *unused)
{
    (void)unused;
    struct slot *slot = own_slot();
    if (slot == NULL) {
        return run_one(NULL, handle) ? Py_NewRef(Py_None) : NULL;
    }
    if (slot->victims_left != 0) {
        before_step(slot, handle);
    }
    if (slot->by_steps) {
        turn_begins(slot);
    }
    uint64_t turns = GET(slot->turns), t0 = clock_ticks();
    SET(slot->step_began, t0);
    bool done = run_one(slot, handle);
    uint64_t t1 = clock_ticks(), length = clock_since(t1, t0);
    SET(slot->steps, GET(slot->steps) + 1);
    SET(slot->step_began, 0);
    if (slot->tally_depth != 0) {
        tallies_leave(slot, t1, handle, turns == GET(slot->turns));
    }
    if (turns == GET(slot->turns)) { /* else the loop turned inside of the step: it was not away for so long */
        if (length > GET(slot->turn_longest_step)) {
            SET(slot->turn_longest_step, length);
        }
        if (clock_span_ns(length) >= GET(threshold_ns) / CROWD_PART && done) {
            after_step(slot, handle, t0, t1);
        }
    }
    if (slot->by_steps) {
        turn_ends(slot);
    }
    return done ? Py_NewRef(Py_None) : NULL;
}

/* ---- installing ---- */

static PyMethodDef RUN = {"_run", run, METH_NOARGS, NULL};

/* File and line of the statement in which the original calls the callback: the second line of its body. */
static void
remember_source(PyObject *function)
{
    PyObject *code = PyObject_GetAttrString(function, "__code__");
    PyObject *file = code == NULL ? NULL : PyObject_GetAttrString(code, "co_filename");
    PyObject *line = code == NULL ? NULL : PyObject_GetAttrString(code, "co_firstlineno");
    PyObject *bytes = file == NULL ? NULL : PyUnicode_EncodeFSDefault(file);
    if (bytes != NULL) {
        strncpy(run_file, PyBytes_AsString(bytes), sizeof run_file - 1);
    }
    run_line = line == NULL ? 0 : (int)PyLong_AsLong(line) + 2;
    Py_XDECREF(bytes);
    Py_XDECREF(line);
    Py_XDECREF(file);
    Py_XDECREF(code);
    PyErr_Clear();
}

/* Let `*place` hold another reference, or none for NULL and None. */
static void
set(PyObject **place, PyObject *value)
{
    PyObject *old = *place;
    *place = value == NULL || value == Py_None ? NULL : Py_NewRef(value);
    Py_XDECREF(old);
}

bool
steps_install(PyObject *type, PyObject *failure)
{
    set(&on_failure, failure);
    if (patched_type == type) {
        return true;
    }
    if (!steps_uninstall()) {
        return false;
    }
    PyObject *original = PyObject_GetAttrString(type, "_run");
    PyObject *ours = original == NULL ? NULL : PyDescr_NewMethod((PyTypeObject *)type, &RUN);
    access_mode = UNTRIED;
    for (int member = 0; member < MEMBERS; member++) {
        member_offsets[member] = member_offset(type, MEMBER_NAMES[member]);
    }
    if (ours == NULL || PyObject_SetAttrString(type, "_run", ours) != 0) {
        Py_XDECREF(ours);
        Py_XDECREF(original);
        return false;
    }
    remember_source(original);
    patched_type = Py_NewRef(type);
    original_run = original;
    our_run = ours;
    return sites_install(type);
}

bool
steps_uninstall(void)
{
    if (patched_type == NULL) {
        return true;
    }
    PyObject *present = PyObject_GetAttrString(patched_type, "_run");
    bool done = sites_uninstall() && present != NULL;
    if (present == our_run) {
        done = PyObject_SetAttrString(patched_type, "_run", original_run) == 0 && done;
    }
    Py_XDECREF(present);
    Py_CLEAR(patched_type);
    Py_CLEAR(original_run);
    Py_CLEAR(our_run);
    return done;
}

bool
steps_installed(void)
{
    return patched_type != NULL;
}

void
steps_set_observer(PyObject *observe)
{
    set(&step_observer, observe);
}

void
steps_set_victim_observer(PyObject *observe, int most)
{
    victims_most = most < 0 ? 0 : (uint32_t)most;
    set(&victim_observer, observe);
}
