/* Any thread of the interpreter as Python sees it: stack_of, thread_state. */
#define _GNU_SOURCE
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "gil.h"
#include "memory.h"
#include "module.h"
#include "samples.h"
#include "stacks.h"
#include "threads.h"

bool
module_put(PyObject *dict, const char *key, PyObject *value)
{
    bool done = value != NULL && PyDict_SetItemString(dict, key, value) == 0;
    Py_XDECREF(value);
    return done;
}

PyObject *
module_observed(bool is, uint64_t value)
{
    return is ? PyLong_FromUnsignedLongLong(value) : Py_NewRef(Py_None);
}

void *
module_find_tstate(unsigned long ident)
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

PyObject *
module_stack_of(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"thread_ident", NULL};
    unsigned long ident;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "k", names, &ident)) {
        return NULL;
    }
    int count = 0;
    void *tstate = module_find_tstate(ident);
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
    bool done = state != NULL && module_put(state, "state", PyUnicode_FromString(samples_state_name(sample->state)))
                && module_put(state, "holds_gil", sample->gil_known ? PyBool_FromLong(sample->holds_gil) : Py_NewRef(Py_None))
                && module_put(state, "sys", Py_BuildValue("z", call))
                && module_put(state, "fd", module_observed(sample->fd >= 0, (uint64_t)sample->fd)) && module_put(state, "target", target)
                && module_put(state, "holder", sample->state != STATE_GIL || sample->holder == 0 ? Py_NewRef(Py_None) : Py_BuildValue("{s:i}", "tid", (int)sample->holder));
    if (!done) {
        Py_CLEAR(state);
    }
    return state;
}

PyObject *
module_thread_state(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)self;
    static char *names[] = {"thread_ident", NULL};
    unsigned long ident;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "k", names, &ident)) {
        return NULL;
    }
    struct sample sample = {.state = STATE_UNKNOWN, .syscall = -1, .fd = -1};
    uintptr_t tstate = (uintptr_t)module_find_tstate(ident);
    if (tstate != 0) {
        struct kept file = threads_open(gil_thread_of(tstate), "syscall");
        samples_observe(&sample, &file, tstate);
        kept_close(&file);
    }
    return state_dict(&sample);
}
