/* Reads of a moment, for who collects the wait-for graph: read_words, read_of_thread.
 *
 * They keep the GIL: each takes some microseconds, and who gives it up for that long waits for a whole switch interval, 5 ms, before a
 * thread that computes gives it back. A collection makes ten thousands of them.
 */
#define _GNU_SOURCE
#include <Python.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "memory.h"
#include "module.h"

/* More than any frame's value stack that was seen; a longer one is told as unreadable. */
enum { MOST_WORDS = 1024 };

PyObject *
module_read_words(PyObject *self, PyObject *args)
{
    (void)self;
    unsigned long long address;
    unsigned int count;
    uint64_t words[MOST_WORDS];
    if (!PyArg_ParseTuple(args, "KI", &address, &count)) {
        return NULL;
    }
    bool read = count <= MOST_WORDS && memory_read(words, (uintptr_t)address, count * sizeof *words);
    PyObject *found = PyTuple_New(read ? (Py_ssize_t)count : 0);
    for (unsigned int i = 0; found != NULL && read && i < count; i++) {
        PyObject *word = PyLong_FromUnsignedLongLong(words[i]);
        if (word == NULL || PyTuple_SetItem(found, (Py_ssize_t)i, word) != 0) {
            Py_CLEAR(found);
        }
    }
    return found;
}

PyObject *
module_read_of_thread(PyObject *self, PyObject *args)
{
    (void)self;
    long tid;
    const char *name;
    char path[64], data[256];
    if (!PyArg_ParseTuple(args, "ls", &tid, &name)) {
        return NULL;
    }
    snprintf(path, sizeof path, "/proc/self/task/%ld/%s", tid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, data, sizeof data);
    if (fd >= 0) {
        close(fd);
    }
    return size < 0 ? Py_NewRef(Py_None) : PyBytes_FromStringAndSize(data, size);
}
