/* The self-check: each source must show what is known to be true of the calling thread. */
#define _GNU_SOURCE
#include "check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "cgroup.h"
#include "clock.h"
#include "compat.h"
#include "gil.h"
#include "hooks.h"
#include "memory.h"
#include "slots.h"
#include "stacks.h"
#include "steps.h"
#include "threads.h"
#include "watchdog.h"

/* Frames of every kind that a walk must get right: plain, deep, generator, coroutine, class body, called from C. */
static const char PROGRAM[] =
    "def deep(n, probe):\n"
    "    return probe() if n == 0 else deep(n - 1, probe)\n"
    "def generator(probe):\n"
    "    yield deep(2, probe)\n"
    "async def coroutine(probe):\n"
    "    class Body:\n"
    "        found = [next(generator(probe))]\n"
    "    return Body.found[0]\n"
    "def inside_c(probe):\n"
    "    return max([probe], key=lambda p: results.append(p()) or 0)\n"
    "def step(probe):\n"
    "    c = coroutine(probe)\n"
    "    try: c.send(None)\n"
    "    except StopIteration as end: results.append(end.value)\n"
    "results = []\n"
    "def run(probe):\n"
    "    results.clear()\n"
    "    deep(40, lambda: inside_c(probe))\n"
    "    step(probe)\n"
    "    return results[0] and results[1]\n"
    "class Handle:\n"
    "    __slots__ = ('_callback', '_args', '_context')\n"
    "    def _run(self): seen.append('python')\n"
    "def handle(callback, context):\n"
    "    h = Handle()\n"
    "    h._callback, h._args, h._context = callback, (1,), context\n"
    "    return h\n"
    "seen = []\n"
    "def steps(context):\n"
    "    handle(seen.append, context)._run()\n"
    "    handle(lambda n: n / 0, context)._run()\n"
    "    return seen == [1, 'ZeroDivisionError']\n"
    "def fail(handle, exception): seen.append(type(exception).__name__)\n";

static PyObject *
new_namespace(void)
{
    PyObject *names = PyDict_New();
    PyObject *code = Py_CompileString(PROGRAM, "<unjam self-check>", Py_file_input);
    PyObject *done = NULL;
    if (names != NULL && code != NULL && PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) == 0) {
        done = PyEval_EvalCode(code, names, names);
    }
    Py_XDECREF(done);
    Py_XDECREF(code);
    if (done == NULL) {
        Py_CLEAR(names);
    }
    return names;
}

/* ---- stacks ---- */

/* Is `frame` of the interpreter the one that the walk found? */
static bool
same_frame(PyObject *object, const struct frame *found)
{
    PyObject *code = PyObject_GetAttrString(object, "f_code"), *line = PyObject_GetAttrString(object, "f_lineno");
    PyObject *file = code == NULL ? NULL : PyObject_GetAttrString(code, "co_filename");
    PyObject *name = code == NULL ? NULL : PyObject_GetAttrString(code, "co_qualname");
    PyObject *file_bytes = file == NULL ? NULL : PyUnicode_AsEncodedString(file, "utf-8", "surrogatepass");
    PyObject *name_bytes = name == NULL ? NULL : PyUnicode_AsEncodedString(name, "utf-8", "surrogatepass");
    bool same = file_bytes != NULL && name_bytes != NULL && line != NULL
                && strncmp(PyBytes_AsString(file_bytes), found->file, sizeof found->file - 1) == 0
                && strncmp(PyBytes_AsString(name_bytes), found->function, sizeof found->function - 1) == 0
                && (!PyLong_Check(line) || PyLong_AsLong(line) == found->position.line);
    Py_XDECREF(name_bytes);
    Py_XDECREF(file_bytes);
    Py_XDECREF(name);
    Py_XDECREF(file);
    Py_XDECREF(line);
    Py_XDECREF(code);
    PyErr_Clear();
    return same;
}

/* Called by PROGRAM: does a walk equal the chain of frame objects? */
static PyObject *
probe(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    int count = 0;
    struct frame *frames = stacks_copy((uintptr_t)PyThreadState_Get(), &count);
    PyObject *frame = Py_XNewRef((PyObject *)PyEval_GetFrame());
    bool same = frames != NULL;
    int at = count - 1;
    for (; same && frame != NULL && frame != Py_None && at >= 0; at--) {
        same = same_frame(frame, &frames[at]);
        PyObject *outer = PyObject_GetAttrString(frame, "f_back");
        Py_DECREF(frame);
        frame = outer;
    }
    bool at_end = count >= STACK_FRAMES || (at < 0 && frame == Py_None);
    Py_XDECREF(frame);
    free(frames);
    return PyBool_FromLong(same && at_end);
}

static const char *
try_stacks(PyObject *names)
{
    static PyMethodDef PROBE = {"probe", probe, METH_NOARGS, NULL};
    if (compat.layout == NULL) {
        return compat.reason;
    }
    PyObject *function = PyCFunction_New(&PROBE, NULL);
    PyObject *result = PyObject_CallFunctionObjArgs(PyDict_GetItemString(names, "run"), function, NULL);
    bool good = result == Py_True;
    Py_XDECREF(result);
    Py_XDECREF(function);
    PyErr_Clear();
    return good ? "" : "a walk of the Python stack does not equal sys._getframe";
}

/* ---- contexts ---- */

/* Does the field that should count contexts entered and left do so? Where it does not, steps of uvloop are not told apart by it. */
static bool
contexts_are_counted(void)
{
    uint64_t counts[2] = {0};
    uintptr_t tstate = (uintptr_t)PyThreadState_Get();
    PyObject *context = PyObject_CallObject((PyObject *)compat.context_type, NULL);
    bool read = context != NULL && memory_read(&counts[0], tstate + compat.layout->tstate_contexts, sizeof counts[0]);
    bool entered = read && compat.context_enter != NULL && compat.context_exit != NULL && compat.context_enter(context) == 0 && compat.context_exit(context) == 0;
    bool again = entered && memory_read(&counts[1], tstate + compat.layout->tstate_contexts, sizeof counts[1]);
    Py_XDECREF(context);
    PyErr_Clear();
    return again && counts[1] - counts[0] == 2;
}

/* ---- steps ---- */

static const char *
try_steps(PyObject *names)
{
    if (steps_installed()) {
        return "";
    }
    PyObject *context = PyObject_CallObject((PyObject *)compat.context_type, NULL), *result = NULL;
    bool installed = steps_install(PyDict_GetItemString(names, "Handle"), PyDict_GetItemString(names, "fail"));
    if (installed && context != NULL) {
        result = PyObject_CallFunctionObjArgs(PyDict_GetItemString(names, "steps"), context, NULL);
    }
    bool good = steps_uninstall() && result == Py_True;
    Py_XDECREF(result);
    Py_XDECREF(context);
    PyErr_Clear();
    return good ? "" : "a Handle run by the core does not do what the original does";
}

/* ---- turns ---- */

/* Poll an epoll object of our own twice through Python: the hook must see one turn between the two. */
static bool
polls_are_seen(PyObject *epoll, int fd)
{
    struct slot *slot = slot_take(-1, fd, threads_own_tid(), 0, 0, 0);
    if (slot == NULL) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        Py_XDECREF(PyObject_CallMethod(epoll, "poll", "i", 0));
    }
    bool seen = GET(slot->turns) == 2; /* the one that began with the slot, and the one between the polls */
    slot_release(slot, watchdog_running());
    return seen;
}

static const char *
try_turns(void)
{
    PyObject *module = PyImport_ImportModule("select");
    PyObject *epoll = module == NULL ? NULL : PyObject_CallMethod(module, "epoll", NULL);
    PyObject *fd = epoll == NULL ? NULL : PyObject_CallMethod(epoll, "fileno", NULL);
    const char *reason = hooks_install();
    bool seen = fd != NULL && polls_are_seen(epoll, (int)PyLong_AsLong(fd));
    Py_XDECREF(fd);
    Py_XDECREF(epoll);
    Py_XDECREF(module);
    PyErr_Clear();
    return seen ? "" : reason[0] != '\0' ? reason : "calls of epoll_wait do not pass through the hook";
}

/* ---- the operating system ---- */

static const char *
try_syscall(pid_t tid)
{
    struct kept file = threads_open(tid, "syscall");
    struct os_state state = threads_look(&file);
    kept_close(&file);
    return state.known ? "" : "/proc/self/task/TID/syscall cannot be read (process not dumpable, hidepid or seccomp)";
}

static const char *
try_schedstat(pid_t tid)
{
    struct kept file = threads_open(tid, "schedstat");
    uint64_t delay = threads_run_delay(&file);
    kept_close(&file);
    return delay != UNKNOWN_NS ? "" : "/proc/self/task/TID/schedstat cannot be read";
}

static const char *
try_cpu_clock(pid_t tid)
{
    return clock_read_ns(threads_cpu_clock(tid)) != 0 ? "" : "the CPU clock of a thread cannot be read";
}

PyObject *
check_sources(void)
{
    PyObject *names = new_namespace();
    if (names == NULL) {
        return NULL;
    }
    pid_t tid = threads_own_tid();
    compat.counts_contexts = compat.layout != NULL && contexts_are_counted();
    bool gil = gil_find((uintptr_t)PyThreadState_Get());
    const char *turns = try_turns(), *steps = try_steps(names), *stacks = try_stacks(names);
    if (!watchdog_running()) {
        hooks_remove();
    }
    Py_DECREF(names);
    return Py_BuildValue("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "turns", turns, "steps", steps, "stacks", stacks, "gil",
                         gil ? "" : "the GIL is not where the headers of this version put it", "syscall",
                         try_syscall(tid), "schedstat", try_schedstat(tid), "cpu-clock", try_cpu_clock(tid), "cgroup",
                         watchdog_running() ? "" : cgroup_find());
}
