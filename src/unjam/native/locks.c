/* Locks that know who holds them. */
#define PY_SSIZE_T_CLEAN
#include "locks.h"

#include <stddef.h>
#include <structmember.h>

#include "holders.h"

struct tracked {
    PyObject_HEAD
    PyObject *inner, *holder, *weakrefs;
    Py_ssize_t depth; /* of an RLock: how often its holder has it */
    unsigned changes; /* of hands */
};

/* Names that are looked up each time, interned once. */
enum name { ACQUIRE, RELEASE, LOCKED, RELEASE_SAVE, ACQUIRE_RESTORE, AT_FORK_REINIT, NAMES };
static const char *const SPELLED[NAMES] = {"acquire", "release", "locked", "_release_save", "_acquire_restore", "_at_fork_reinit"};
static PyObject *names[NAMES];

static PyObject *make_lock, *make_rlock; /* _thread.allocate_lock, _thread.RLock */

/* ---- taking and giving back ---- */

static PyObject *
called(PyObject *object, enum name name, PyObject *argument)
{
    return PyObject_CallMethodObjArgs(object, names[name], argument, NULL);
}

/* Takes over `holder`, NULL for nobody. */
static void
hold(struct tracked *self, Py_ssize_t depth, PyObject *holder)
{
    PyObject *old = self->holder;
    self->depth = depth;
    self->holder = holder;
    self->changes++;
    Py_XDECREF(old);
}

/* What the real acquire() said; where it has the lock, that is recorded. Making the record may run finalizers, and these may let
 * other threads run: the lock may have changed hands meanwhile. */
static PyObject *
taken(struct tracked *self, PyObject *got)
{
    if (got != Py_True || ++self->depth > 1) {
        return got;
    }
    unsigned before = ++self->changes;
    PyObject *holder = holder_now();
    if (self->changes == before) {
        hold(self, self->depth, holder);
    } else {
        Py_XDECREF(holder);
    }
    return got;
}

static PyObject *
lock_acquire(PyObject *object, PyObject *args, PyObject *keywords)
{
    struct tracked *self = (struct tracked *)object;
    PyObject *method = PyObject_GetAttr(self->inner, names[ACQUIRE]);
    PyObject *got = method == NULL ? NULL : PyObject_Call(method, args, keywords);
    Py_XDECREF(method);
    return taken(self, got);
}

static PyObject *
lock_enter(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct tracked *self = (struct tracked *)object;
    return taken(self, called(self->inner, ACQUIRE, NULL));
}

static PyObject *
given_back(struct tracked *self, Py_ssize_t depth)
{
    PyObject *done = called(self->inner, RELEASE, NULL);
    if (done != NULL && depth == 0) {
        hold(self, 0, NULL);
    } else if (done != NULL) {
        self->depth = depth;
    }
    return done;
}

static PyObject *
lock_release(PyObject *object, PyObject *unused)
{
    (void)unused;
    return given_back((struct tracked *)object, 0);
}

static PyObject *
rlock_release(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct tracked *self = (struct tracked *)object;
    return given_back(self, self->depth - 1);
}

static PyObject *
lock_exit(PyObject *object, PyObject *args)
{
    (void)args;
    return lock_release(object, NULL);
}

static PyObject *
rlock_exit(PyObject *object, PyObject *args)
{
    (void)args;
    return rlock_release(object, NULL);
}

static PyObject *
lock_locked(PyObject *object, PyObject *unused)
{
    (void)unused;
    return called(((struct tracked *)object)->inner, LOCKED, NULL);
}

/* Condition.wait gives an RLock back at whatever depth, and takes it again at the same. */
static PyObject *
rlock_release_save(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct tracked *self = (struct tracked *)object;
    PyObject *state = called(self->inner, RELEASE_SAVE, NULL);
    if (state == NULL) {
        return NULL;
    }
    PyObject *saved = Py_BuildValue("NnO", state, self->depth, self->holder == NULL ? Py_None : self->holder);
    hold(self, 0, NULL);
    return saved;
}

static PyObject *
rlock_acquire_restore(PyObject *object, PyObject *saved)
{
    struct tracked *self = (struct tracked *)object;
    PyObject *state, *holder;
    Py_ssize_t depth;
    if (!PyTuple_Check(saved) || !PyArg_ParseTuple(saved, "OnO", &state, &depth, &holder)) {
        return NULL;
    }
    PyObject *done = called(self->inner, ACQUIRE_RESTORE, state);
    if (done != NULL) {
        hold(self, depth, holder == Py_None ? NULL : Py_NewRef(holder));
    }
    return done;
}

static PyObject *
at_fork_reinit(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct tracked *self = (struct tracked *)object;
    PyObject *done = called(self->inner, AT_FORK_REINIT, NULL);
    if (done != NULL) {
        hold(self, 0, NULL);
    }
    return done;
}

/* ---- the types ---- */

static PyObject *
made(PyTypeObject *type, PyObject *make)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyObject *inner = PyObject_CallNoArgs(make);
    struct tracked *self = inner == NULL ? NULL : (struct tracked *)allocate(type, 0);
    if (self == NULL) {
        Py_XDECREF(inner);
        return NULL;
    }
    self->inner = inner;
    return (PyObject *)self;
}

static PyObject *
lock_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    if (PyTuple_Size(args) != 0 || (keywords != NULL && PyDict_Size(keywords) != 0)) {
        PyErr_SetString(PyExc_TypeError, "threading.Lock() takes no arguments");
        return NULL;
    }
    return made(type, make_lock);
}

/* The real one ignores its arguments. */
static PyObject *
rlock_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)args;
    (void)keywords;
    return made(type, make_rlock);
}

static void
lock_dealloc(PyObject *object)
{
    struct tracked *self = (struct tracked *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->weakrefs != NULL) {
        PyObject_ClearWeakRefs(object);
    }
    Py_XDECREF(self->holder);
    Py_XDECREF(self->inner);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static PyObject *
lock_repr(PyObject *object)
{
    return PyObject_Repr(((struct tracked *)object)->inner);
}

/* Whatever else this version's real RLock can do, such as _is_owned(); none of it takes or frees it. */
static PyObject *
rlock_getattr(PyObject *object, PyObject *name)
{
    PyObject *found = PyObject_GenericGetAttr(object, name);
    if (found == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        found = PyObject_GetAttr(((struct tracked *)object)->inner, name);
    }
    return found;
}

static PyMemberDef MEMBERS[] = {
    {"_inner", T_OBJECT, offsetof(struct tracked, inner), READONLY, NULL},
    {"holder", T_OBJECT, offsetof(struct tracked, holder), READONLY, NULL},
    {"depth", T_PYSSIZET, offsetof(struct tracked, depth), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct tracked, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

#define TAKING(name) {name, (PyCFunction)(void (*)(void))lock_acquire, METH_VARARGS | METH_KEYWORDS, NULL}

static PyMethodDef LOCK_METHODS[] = {
    TAKING("acquire"),
    TAKING("acquire_lock"),
    {"release", lock_release, METH_NOARGS, NULL},
    {"release_lock", lock_release, METH_NOARGS, NULL},
    {"locked", lock_locked, METH_NOARGS, NULL},
    {"locked_lock", lock_locked, METH_NOARGS, NULL},
    {"__enter__", lock_enter, METH_NOARGS, NULL},
    {"__exit__", lock_exit, METH_VARARGS, NULL},
    {"_at_fork_reinit", at_fork_reinit, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef RLOCK_METHODS[] = {
    TAKING("acquire"),
    {"release", rlock_release, METH_NOARGS, NULL},
    {"__enter__", lock_enter, METH_NOARGS, NULL},
    {"__exit__", rlock_exit, METH_VARARGS, NULL},
    {"_release_save", rlock_release_save, METH_NOARGS, NULL},
    {"_acquire_restore", rlock_acquire_restore, METH_O, NULL},
    {"_at_fork_reinit", at_fork_reinit, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot LOCK_SLOTS[] = {
    {Py_tp_new, lock_new},     {Py_tp_dealloc, lock_dealloc},  {Py_tp_repr, lock_repr},
    {Py_tp_members, MEMBERS},  {Py_tp_methods, LOCK_METHODS},  {0, NULL},
};

static PyType_Slot RLOCK_SLOTS[] = {
    {Py_tp_new, rlock_new},    {Py_tp_dealloc, lock_dealloc},  {Py_tp_repr, lock_repr}, {Py_tp_getattro, rlock_getattr},
    {Py_tp_members, MEMBERS},  {Py_tp_methods, RLOCK_METHODS}, {0, NULL},
};

static PyType_Spec LOCK_SPEC = {
    .name = "unjam.native._core.TrackedLock",
    .basicsize = sizeof(struct tracked),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = LOCK_SLOTS,
};

/* Programs may derive from the real RLock's type. */
static PyType_Spec RLOCK_SPEC = {
    .name = "unjam.native._core.TrackedRLock",
    .basicsize = sizeof(struct tracked),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = RLOCK_SLOTS,
};

static bool
add_type(PyObject *module, const char *name, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    bool added = type != NULL && PyModule_AddObjectRef(module, name, type) == 0;
    Py_XDECREF(type);
    return added;
}

bool
locks_add_types(PyObject *module)
{
    for (int i = 0; i < NAMES; i++) {
        names[i] = PyUnicode_InternFromString(SPELLED[i]);
        if (names[i] == NULL) {
            return false;
        }
    }
    PyObject *thread = PyImport_ImportModule("_thread");
    make_lock = thread == NULL ? NULL : PyObject_GetAttrString(thread, "allocate_lock");
    make_rlock = make_lock == NULL ? NULL : PyObject_GetAttrString(thread, "RLock");
    Py_XDECREF(thread);
    return make_rlock != NULL && holders_init() && add_type(module, "TrackedLock", &LOCK_SPEC) && add_type(module, "TrackedRLock", &RLOCK_SPEC);
}
