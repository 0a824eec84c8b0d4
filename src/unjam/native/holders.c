/* Who takes a lock: how that is recorded. */
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include "holders.h"

#include <time.h>

static PyObject *active; /* threading._active: Thread objects by ident */
static PyObject *through; /* names of modules that take a lock on behalf of their caller */
static PyObject *running_loop; /* _asyncio._get_running_loop; NULL: no task is recorded */
static PyObject *task_of; /* the tasks by loop, or what gives the one of a loop: C functions only */
static PyObject *f_globals, *f_back, *module_name; /* names that are looked up each time */

/* A weak reference, or None where there is nothing to refer to; takes over `value`, which may be NULL. */
static PyObject *
weakly(PyObject *value)
{
    PyObject *reference = value == NULL || value == Py_None ? NULL : PyWeakref_NewRef(value, NULL);
    Py_XDECREF(value);
    if (reference == NULL) {
        PyErr_Clear();
        return Py_NewRef(Py_None);
    }
    return reference;
}

static PyObject *
found_in(PyObject *dict, PyObject *key)
{
    PyObject *value = PyDict_GetItemWithError(dict, key);
    return value == NULL ? NULL : Py_NewRef(value);
}

static PyObject *
present_task(void)
{
    PyObject *loop = running_loop == NULL ? NULL : PyObject_CallNoArgs(running_loop), *task = NULL;
    if (loop != NULL && loop != Py_None) {
        task = PyDict_Check(task_of) ? found_in(task_of, loop) : PyObject_CallFunctionObjArgs(task_of, loop, NULL);
    }
    Py_XDECREF(loop);
    return task;
}

static bool
passes_through(PyObject *frame)
{
    PyObject *globals = PyObject_GetAttr(frame, f_globals);
    PyObject *name = globals == NULL ? NULL : PyDict_GetItemWithError(globals, module_name);
    bool passes = name != NULL && PyUnicode_CheckExact(name) && PySet_Contains(through, name) == 1;
    Py_XDECREF(globals);
    return passes;
}

/* The innermost frame that takes the lock for itself; a new reference, or NULL. */
static PyObject *
taking_frame(void)
{
    PyObject *frame = (PyObject *)PyThreadState_GetFrame(PyThreadState_Get());
    while (frame != NULL && through != NULL && passes_through(frame)) {
        PyObject *back = PyObject_GetAttr(frame, f_back);
        if (back == NULL || back == Py_None) {
            Py_XDECREF(back);
            break;
        }
        Py_DECREF(frame);
        frame = back;
    }
    return frame;
}

PyObject *
holder_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    PyObject *ident = PyLong_FromUnsignedLong(PyThread_get_thread_ident());
    PyObject *thread = weakly(active == NULL || ident == NULL ? NULL : found_in(active, ident)), *task = weakly(present_task());
    PyObject *frame = taking_frame(), *holder = NULL;
    if (ident != NULL && frame != NULL) {
        PyObject *code = (PyObject *)PyFrame_GetCode((PyFrameObject *)frame);
        holder = Py_BuildValue("LOOONi", (long long)now.tv_sec * 1000000000 + now.tv_nsec, ident, thread, task, code,
                               PyFrame_GetLineNumber((PyFrameObject *)frame));
    }
    Py_XDECREF(frame);
    Py_DECREF(task);
    Py_DECREF(thread);
    Py_XDECREF(ident);
    PyErr_Clear();
    return holder;
}

PyObject *
module_holder_here(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    PyObject *holder = holder_now();
    return holder == NULL ? Py_NewRef(Py_None) : holder;
}

static void
keep(PyObject **place, PyObject *value)
{
    PyObject *old = *place;
    *place = value == NULL || value == Py_None ? NULL : Py_NewRef(value);
    Py_XDECREF(old);
}

PyObject *
module_set_lock_records(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *keys[] = {"active", "through", "running_loop", "task_of", NULL};
    PyObject *threads, *modules, *loop = NULL, *task = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!O!|OO", keys, &PyDict_Type, &threads, &PyFrozenSet_Type, &modules, &loop,
                                     &task)) {
        return NULL;
    }
    keep(&active, threads);
    keep(&through, modules);
    keep(&running_loop, task == NULL || task == Py_None ? NULL : loop);
    keep(&task_of, task);
    return Py_NewRef(Py_None);
}

bool
holders_init(void)
{
    f_globals = PyUnicode_InternFromString("f_globals");
    f_back = PyUnicode_InternFromString("f_back");
    module_name = PyUnicode_InternFromString("__name__");
    return f_globals != NULL && f_back != NULL && module_name != NULL;
}
