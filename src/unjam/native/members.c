/* PyMemberDescrObject and PyMemberDef (Include/cpython/descrobject.h, structmember.h): the same from 3.11 to 3.15. */
#include "members.h"

#include <stdbool.h>
#include <string.h>

struct member_descriptor {
    PyObject head;
    void *type, *name, *qualname;
    struct {
        const char *name;
        int type;
        Py_ssize_t offset;
    } *member;
};

Py_ssize_t
member_offset(PyObject *type, const char *name)
{
    enum { OBJECT_EX = 16 }; /* Py_T_OBJECT_EX: a slot made by __slots__ */
    Py_ssize_t offset = 0;
    PyObject *descriptor = PyObject_GetAttrString(type, name);
    if (descriptor != NULL && Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) {
        const struct member_descriptor *known = (const struct member_descriptor *)descriptor;
        bool right = strcmp(known->member->name, name) == 0 && known->member->type == OBJECT_EX;
        offset = right ? known->member->offset : 0;
    }
    Py_XDECREF(descriptor);
    PyErr_Clear();
    return offset;
}
