/* A re-implementation of asyncio.events.Handle.__init__ (the same in CPython 3.11 to 3.15) that notes the caller of the handle
 * when its callback is a C function or a partial of one; in asyncio's debug mode the original is called instead.
 */
#include "sites.h"

#include <string.h>

#include "compat.h"
#include "members.h"
#include "stacks.h"

/* Handles remembered, by address: a later handle at the same place of the table takes it over. */
enum { SITES = 1024 };

/* Frames of asyncio between the handle and who scheduled it; four are the most there are (call_later in a transport). */
enum { DEPTH = 12 };

static struct site {
    PyObject *handle; /* not a reference: only compared */
    PyObject *code;
    int32_t offset;
} sites[SITES];

enum { CONTEXT, LOOP, CALLBACK, ARGS, CANCELLED, REPR, SOURCE_TRACEBACK, MEMBERS };
static const char *const MEMBER_NAMES[MEMBERS] = {"_context",   "_loop", "_callback",        "_args",
                                                  "_cancelled", "_repr", "_source_traceback"};
static Py_ssize_t offsets[MEMBERS];

static PyObject *patched_type, *original_init, *our_init;
static PyObject *get_debug, *debug_member, *partial_type, *partial_func, *task_type;
static PyObject *(*copy_context)(void);

/* BaseEventLoop.get_debug, which returns the loop's `_debug`; and the class of loops last seen to have it. */
static PyObject *base_get_debug, *plain_loop;

/* Folder of asyncio with its slash, and the file names of its modules that were met: one object each. */
enum { FILES = 16 };
static char folder[1024];
static PyObject *files[FILES];
static int file_count;

/* ---- the table ---- */

static struct site *
place_of(PyObject *handle)
{
    return &sites[((uintptr_t)handle >> 4) * 0x9e3779b97f4a7c15u >> 54];
}

static void
forget(struct site *site)
{
    PyObject *code = site->code;
    site->handle = site->code = NULL;
    Py_XDECREF(code);
}

static void
remember_file(PyObject *file)
{
    if (file_count < FILES) {
        files[file_count++] = Py_NewRef(file);
    }
}

/* Is the code object one of asyncio's own? */
static bool
is_asyncio(const char *code)
{
    PyObject *file = *(PyObject **)(code + compat.layout->code_filename);
    for (int i = 0; i < file_count; i++) {
        if (files[i] == file) {
            return true;
        }
    }
    const char *name = PyUnicode_AsUTF8AndSize(file, NULL);
    bool is = name != NULL && strncmp(name, folder, strlen(folder)) == 0;
    if (is) {
        remember_file(file);
    }
    PyErr_Clear();
    return is;
}

/* The innermost frame of this thread that is not asyncio's. Its own memory: read directly. */
static void
note_caller(PyObject *handle)
{
    const struct layout *at = compat.layout;
    const char *frame = *(const char **)((char *)PyThreadState_Get() + at->tstate_frame);
    if (at->tstate_frame_indirect != 0) {
        frame = *(const char **)(frame + at->tstate_frame_indirect - 1);
    }
    for (int depth = 0; frame != NULL && depth < DEPTH; depth++) {
        if ((unsigned char)frame[at->frame_owner] < at->owner_no_python) {
            char *code = (char *)(*(uintptr_t *)(frame + at->frame_code) & ~(uintptr_t)7);
            int32_t offset = (int32_t)(*(char **)(frame + at->frame_instr) - (code + at->code_bytes));
            /* A frame that has not begun may be the interpreter's own, of a constant code object without a name. */
            bool begun = offset >= 2 * *(int32_t *)(code + at->code_firsttraceable);
            if (begun && !is_asyncio(code)) {
                struct site *site = place_of(handle);
                forget(site);
                *site = (struct site){handle, Py_NewRef((PyObject *)code), offset};
                return;
            }
        }
        frame = *(const char **)(frame + at->frame_previous);
    }
}

/* A C function that is not the wake-up of a task, or a partial of one. */
static bool
has_no_frame(PyObject *callback)
{
    if (Py_IS_TYPE(callback, (PyTypeObject *)partial_type)) {
        PyObject *inner = PyObject_GetAttr(callback, partial_func);
        bool without = inner != NULL && has_no_frame(inner);
        Py_XDECREF(inner);
        PyErr_Clear();
        return without;
    }
    if (!PyCFunction_Check(callback)) {
        return false;
    }
    PyObject *owner = PyCFunction_GetSelf(callback);
    return owner == NULL || task_type == NULL || !PyObject_TypeCheck(owner, (PyTypeObject *)task_type);
}

/* ---- Handle.__init__ ---- */

static void
put(PyObject *handle, int member, PyObject *value)
{
    PyObject **place = member_place(handle, offsets[member]), *old = *place;
    *place = Py_NewRef(value);
    Py_XDECREF(old);
}

/* Has the loop the method of BaseEventLoop, so that what it would return is there without a call? */
static bool
is_plain(PyObject *loop)
{
    PyObject *type = (PyObject *)Py_TYPE(loop);
    if (type == plain_loop) {
        return true;
    }
    PyObject *method = base_get_debug == NULL ? NULL : PyObject_GetAttr(type, get_debug);
    bool plain = method != NULL && method == base_get_debug;
    Py_XDECREF(method);
    PyErr_Clear();
    if (plain) {
        PyObject *before = plain_loop;
        plain_loop = Py_NewRef(type);
        Py_XDECREF(before);
    }
    return plain;
}

/* 1, 0, or -1 with an exception. */
static int
in_debug_mode(PyObject *loop)
{
    PyObject *debug = is_plain(loop) ? PyObject_GetAttr(loop, debug_member) : PyObject_CallMethodObjArgs(loop, get_debug, NULL);
    int is = debug == NULL ? -1 : PyObject_IsTrue(debug);
    Py_XDECREF(debug);
    return is;
}

static PyObject *
init_by_original(PyObject *handle, PyObject *callback, PyObject *args, PyObject *loop, PyObject *context)
{
    return PyObject_CallFunctionObjArgs(original_init, handle, callback, args, loop, context, NULL);
}

static PyObject *
init_with(PyObject *handle, PyObject *callback, PyObject *args, PyObject *loop, PyObject *context)
{
    int debug = in_debug_mode(loop);
    if (debug != 0) {
        return debug < 0 ? NULL : init_by_original(handle, callback, args, loop, context);
    }
    PyObject *used = context == Py_None ? copy_context() : Py_NewRef(context);
    if (used == NULL) {
        return NULL;
    }
    put(handle, CONTEXT, used);
    Py_DECREF(used);
    put(handle, LOOP, loop);
    put(handle, CALLBACK, callback);
    put(handle, ARGS, args);
    put(handle, CANCELLED, Py_False);
    put(handle, REPR, Py_None);
    put(handle, SOURCE_TRACEBACK, Py_None);
    struct site *site = place_of(handle);
    if (site->handle == handle) {
        forget(site);
    }
    if (has_no_frame(callback)) {
        note_caller(handle);
    }
    return Py_NewRef(Py_None);
}

/* By keyword, or with arguments that are wrong. */
static PyObject *
init_parsed(PyObject *handle, PyObject *positional, PyObject *keywords)
{
    static char *names[] = {"callback", "args", "loop", "context", NULL};
    PyObject *callback, *args, *loop, *context = Py_None;
    if (!PyArg_ParseTupleAndKeywords(positional, keywords, "OOO|O:__init__", names, &callback, &args, &loop, &context)) {
        return NULL;
    }
    return init_with(handle, callback, args, loop, context);
}

static PyObject *
init(PyObject *handle, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    if (names == NULL && (count == 3 || count == 4)) {
        return init_with(handle, arguments[0], arguments[1], arguments[2], count == 4 ? arguments[3] : Py_None);
    }
    Py_ssize_t named = names == NULL ? 0 : PyTuple_Size(names);
    PyObject *positional = PyTuple_New(count), *keywords = PyDict_New(), *result = NULL;
    bool filled = positional != NULL && keywords != NULL;
    for (Py_ssize_t i = 0; filled && i < count; i++) {
        filled = PyTuple_SetItem(positional, i, Py_NewRef(arguments[i])) == 0;
    }
    for (Py_ssize_t i = 0; filled && i < named; i++) {
        filled = PyDict_SetItem(keywords, PyTuple_GetItem(names, i), arguments[count + i]) == 0;
    }
    if (filled) {
        result = init_parsed(handle, positional, keywords);
    }
    Py_XDECREF(keywords);
    Py_XDECREF(positional);
    return result;
}

static PyMethodDef INIT = {"__init__", (PyCFunction)(void (*)(void))init, METH_FASTCALL | METH_KEYWORDS,
                           "__init__($self, callback, args, loop, context=None)\n--\n\n"};

/* ---- installing ---- */

/* sys.modules[module].name, NULL without an exception where it is not there: nothing is imported on our account. */
static PyObject *
loaded(const char *module, const char *name)
{
    PyObject *modules = PySys_GetObject("modules");
    PyObject *found = modules == NULL ? NULL : PyDict_GetItemString(modules, module);
    PyObject *value = found == NULL ? NULL : PyObject_GetAttrString(found, name);
    PyErr_Clear();
    return value;
}

static bool
find_folder(PyObject *function)
{
    PyObject *code = PyObject_GetAttrString(function, "__code__");
    PyObject *file = code == NULL ? NULL : PyObject_GetAttrString(code, "co_filename");
    const char *name = file == NULL ? NULL : PyUnicode_AsUTF8AndSize(file, NULL);
    const char *slash = name == NULL ? NULL : strrchr(name, '/');
    bool fits = slash != NULL && (size_t)(slash - name) + 2 <= sizeof folder;
    if (fits) {
        memcpy(folder, name, (size_t)(slash - name) + 1);
        folder[slash - name + 1] = '\0';
    }
    Py_XDECREF(file);
    Py_XDECREF(code);
    PyErr_Clear();
    return fits;
}

static bool
is_known_layout(PyObject *type)
{
    bool known = compat.layout != NULL && compat.copy_context != NULL;
    for (int member = 0; member < MEMBERS; member++) {
        offsets[member] = member_offset(type, MEMBER_NAMES[member]);
        known = known && offsets[member] != 0;
    }
    copy_context = (PyObject * (*)(void)) compat.copy_context;
    partial_type = partial_type != NULL ? partial_type : loaded("functools", "partial");
    task_type = task_type != NULL ? task_type : loaded("_asyncio", "Task");
    get_debug = get_debug != NULL ? get_debug : PyUnicode_InternFromString("get_debug");
    debug_member = debug_member != NULL ? debug_member : PyUnicode_InternFromString("_debug");
    partial_func = partial_func != NULL ? partial_func : PyUnicode_InternFromString("func");
    return known && partial_type != NULL && get_debug != NULL && debug_member != NULL && partial_func != NULL;
}

/* Unless somebody has put a method of his own there. */
static void
find_base(void)
{
    PyObject *base = base_get_debug != NULL ? NULL : loaded("asyncio.base_events", "BaseEventLoop");
    PyObject *method = base == NULL ? NULL : PyObject_GetAttr(base, get_debug);
    PyObject *code = method == NULL ? NULL : PyObject_GetAttrString(method, "__code__");
    if (code != NULL && (uintptr_t)Py_TYPE(code) == compat.code_type && is_asyncio((const char *)code)) {
        base_get_debug = Py_NewRef(method);
    }
    Py_XDECREF(code);
    Py_XDECREF(method);
    Py_XDECREF(base);
    PyErr_Clear();
}

bool
sites_install(PyObject *type)
{
    if (patched_type != NULL || !is_known_layout(type)) {
        return true;
    }
    PyObject *original = PyObject_GetAttrString(type, "__init__");
    if (original == NULL || !find_folder(original)) {
        Py_XDECREF(original);
        return original != NULL;
    }
    find_base();
    PyObject *ours = PyDescr_NewMethod((PyTypeObject *)type, &INIT);
    if (ours == NULL || PyObject_SetAttrString(type, "__init__", ours) != 0) {
        Py_XDECREF(ours);
        Py_DECREF(original);
        return false;
    }
    patched_type = Py_NewRef(type);
    original_init = original;
    our_init = ours;
    return true;
}

bool
sites_uninstall(void)
{
    if (patched_type == NULL) {
        return true;
    }
    PyObject *present = PyObject_GetAttrString(patched_type, "__init__");
    bool done = present != NULL;
    if (present == our_init) {
        done = PyObject_SetAttrString(patched_type, "__init__", original_init) == 0;
    }
    Py_XDECREF(present);
    Py_CLEAR(patched_type);
    Py_CLEAR(original_init);
    Py_CLEAR(our_init);
    for (int i = 0; i < SITES; i++) {
        forget(&sites[i]);
    }
    return done;
}

PyObject *
sites_of(PyObject *handle)
{
    const struct site *site = place_of(handle);
    struct frame frame;
    if (site->handle != handle || !stacks_copy_place((uintptr_t)site->code, site->offset, &frame)) {
        return Py_NewRef(Py_None);
    }
    PyObject *file = PyUnicode_DecodeUTF8(frame.file, (Py_ssize_t)strlen(frame.file), "surrogatepass");
    PyObject *function = PyUnicode_DecodeUTF8(frame.function, (Py_ssize_t)strlen(frame.function), "surrogatepass");
    if (file == NULL || function == NULL) {
        Py_XDECREF(file);
        Py_XDECREF(function);
        return NULL;
    }
    return Py_BuildValue("NiN", file, frame.position.line, function);
}
