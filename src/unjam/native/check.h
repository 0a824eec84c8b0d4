/* Trying every source of facts once, before it is believed. */
#ifndef UNJAM_CHECK_H
#define UNJAM_CHECK_H

#include <Python.h>

/* {source: "" or why not}: check() of the contract. With the GIL; 2 to 5 ms. */
PyObject *check_sources(void);


#endif
