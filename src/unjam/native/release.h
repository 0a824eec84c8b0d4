/* The end of objects of our own types that the garbage collector knows. With the GIL. */
#ifndef UNJAM_RELEASE_H
#define UNJAM_RELEASE_H

#include <Python.h>

/* What Py_tp_dealloc of such a type does, given its Py_tp_clear. */
static inline void
release_object(PyObject *self, inquiry clear)
{
    PyTypeObject *own = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(own, Py_tp_free);
    PyObject_GC_UnTrack(self);
    clear(self);
    release(self);
    Py_DECREF(own);
}

#endif
