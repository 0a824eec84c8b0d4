/* The slots of a class with __slots__, reached without a lookup by name. With the GIL. */
#ifndef UNJAM_MEMBERS_H
#define UNJAM_MEMBERS_H

#include <Python.h>

/* Where the slot `name` lies in the instances of `type`, 0 if that cannot be told for certain. Sets no exception. */
Py_ssize_t member_offset(PyObject *type, const char *name);

/* The place of that slot in `instance`. */
static inline PyObject **
member_place(PyObject *instance, Py_ssize_t offset)
{
    return (PyObject **)((char *)instance + offset);
}

#endif
