/* The type `Passing`: all that a program sends goes through one of these, several times in each request. */
#define PY_SSIZE_T_CLEAN
#include "passing.h"

#include "release.h"

struct passing {
    PyObject_HEAD
    PyObject *owner, *send, *kinds, *change;
};

static PyObject *type, *kind_key;

/* Whether the message is of one of the kinds; -1 with an exception. */
static int
is_of_kinds(const struct passing *passing, PyObject *message)
{
    PyObject *kind = PyObject_GetItem(message, kind_key);
    int is = kind == NULL ? -1 : PySet_Contains(passing->kinds, kind);
    Py_XDECREF(kind);
    return is;
}

static PyObject *
call(PyObject *self, PyObject *args, PyObject *keywords)
{
    struct passing *passing = (struct passing *)self;
    if (keywords != NULL || PyTuple_Size(args) != 1) {
        return PyObject_Call(passing->send, args, keywords);
    }
    PyObject *message = PyTuple_GetItem(args, 0);
    int changes = is_of_kinds(passing, message);
    if (changes <= 0) {
        return changes < 0 ? NULL : PyObject_Call(passing->send, args, NULL);
    }
    PyObject *changed = PyObject_CallFunctionObjArgs(passing->change, passing->owner, message, NULL);
    PyObject *result = changed == NULL ? NULL : PyObject_CallFunctionObjArgs(passing->send, changed, NULL);
    Py_XDECREF(changed);
    return result;
}

static int
traverse(PyObject *self, visitproc visit, void *arg)
{
    struct passing *passing = (struct passing *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(passing->owner);
    Py_VISIT(passing->send);
    Py_VISIT(passing->kinds);
    Py_VISIT(passing->change);
    return 0;
}

static int
clear(PyObject *self)
{
    struct passing *passing = (struct passing *)self;
    Py_CLEAR(passing->owner);
    Py_CLEAR(passing->send);
    Py_CLEAR(passing->kinds);
    Py_CLEAR(passing->change);
    return 0;
}

static void
deallocate(PyObject *self)
{
    release_object(self, clear);
}

static PyType_Slot SLOTS_OF_TYPE[] = {
    {Py_tp_call, call}, {Py_tp_traverse, traverse}, {Py_tp_clear, clear}, {Py_tp_dealloc, deallocate}, {0, NULL},
};

static PyType_Spec SPEC = {
    .name = "unjam.native._core.Passing",
    .basicsize = sizeof(struct passing),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = SLOTS_OF_TYPE,
};

bool
passing_prepare(void)
{
    type = PyType_FromSpec(&SPEC);
    kind_key = PyUnicode_InternFromString("type");
    return type != NULL && kind_key != NULL;
}

PyObject *
passing_of(PyObject *owner, PyObject *send, PyObject *kinds, PyObject *change)
{
    if (!PyFrozenSet_Check(kinds)) {
        return PyErr_Format(PyExc_TypeError, "kinds are no frozenset");
    }
    struct passing *passing = (struct passing *)PyType_GenericAlloc((PyTypeObject *)type, 0);
    if (passing != NULL) {
        passing->owner = Py_NewRef(owner);
        passing->send = Py_NewRef(send);
        passing->kinds = Py_NewRef(kinds);
        passing->change = Py_NewRef(change);
    }
    return (PyObject *)passing;
}
