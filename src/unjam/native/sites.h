/* Where handles were scheduled whose callback has no Python frame of its own. With the GIL. */
#ifndef UNJAM_SITES_H
#define UNJAM_SITES_H

#include <Python.h>
#include <stdbool.h>

/* Replace type.__init__ of asyncio's Handle; does nothing where its layout is not the known one. False with an exception. */
bool sites_install(PyObject *type);

/* Put the original back if ours is still there, and forget all sites. False with an exception. */
bool sites_uninstall(void);

/* (file, line, function) or None. New reference. */
PyObject *sites_of(PyObject *handle);

#endif
