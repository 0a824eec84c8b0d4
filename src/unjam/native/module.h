/* The parts of the module that live in files of their own, and what they share. With the GIL. */
#ifndef UNJAM_MODULE_H
#define UNJAM_MODULE_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

/* The functions of _core.pyi by these names. */
PyObject *module_drain(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *module_wake(PyObject *self, PyObject *unused);
PyObject *module_emit(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *module_lost(PyObject *self, PyObject *unused);
PyObject *module_gc_callback(PyObject *self, PyObject *args);
PyObject *module_stack_of(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *module_thread_state(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *module_read_words(PyObject *self, PyObject *args);
PyObject *module_read_of_thread(PyObject *self, PyObject *args);

PyObject *module_register_loop(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *module_rest_loop(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *module_is_resting(PyObject *self, PyObject *args);
PyObject *module_unregister_loop(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *module_loop_stats(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *module_end_rest(PyObject *self, PyObject *args);

/* Whether the engine watches, and for this interpreter. */
bool module_watches_here(void);

/* The thread state of a thread of this interpreter, NULL if there is none. */
void *module_find_tstate(unsigned long ident);

/* dict[key] = value, which is taken over and may be NULL with an exception; false with an exception. */
bool module_put(PyObject *dict, const char *key, PyObject *value);

/* An int, or None where it was not observed. */
PyObject *module_observed(bool is, uint64_t value);

#endif
