/* Choose the table of the running CPython and look up what the limited API does not give. */
#define _GNU_SOURCE
#include <Python.h>

#include "compat.h"

#include <dlfcn.h>
#include <string.h>

#include "offsets.h"

struct compat compat;

/* The head of _Py_DebugOffsets (3.13 and later), which starts _PyRuntime: pycore_debug_offsets.h. */
struct debug_head {
    char cookie[8];
    uint64_t version;
    uint64_t free_threaded;
};

static const struct layout *
layout_of(unsigned minor)
{
    for (size_t i = 0; i < sizeof LAYOUTS / sizeof LAYOUTS[0]; i++) {
        if (LAYOUTS[i].minor == minor) {
            return &LAYOUTS[i];
        }
    }
    return NULL;
}

/* Why the table must not be used with this interpreter, or "". */
static const char *
refusal(const struct layout *layout)
{
    if (layout == NULL) {
        return "no offset table for this version of CPython";
    }
    if (compat.runtime == 0 || compat.code_type == 0) {
        return "the interpreter does not export _PyRuntime or PyCode_Type";
    }
    if (layout->minor < 13) {
        return "";
    }
    const struct debug_head *head = (const struct debug_head *)compat.runtime;
    if (memcmp(head->cookie, "xdebugpy", sizeof head->cookie) != 0) {
        return "_PyRuntime does not begin with the debug cookie";
    }
    if (head->version >> 16 != Py_Version >> 16) {
        return "the debug offsets are of another version";
    }
    return head->free_threaded ? "free-threaded build" : "";
}

void
compat_init(void)
{
    compat.runtime = (uintptr_t)dlsym(RTLD_DEFAULT, "_PyRuntime");
    compat.code_type = (uintptr_t)dlsym(RTLD_DEFAULT, "PyCode_Type");
    compat.context_enter = (int (*)(void *))dlsym(RTLD_DEFAULT, "PyContext_Enter");
    compat.context_exit = (int (*)(void *))dlsym(RTLD_DEFAULT, "PyContext_Exit");
    compat.copy_context = (void *(*)(void))dlsym(RTLD_DEFAULT, "PyContext_CopyCurrent");
    compat.variable_get = (int (*)(void *, void *, void *))dlsym(RTLD_DEFAULT, "PyContextVar_Get");
    compat.variable_set = (void *(*)(void *, void *))dlsym(RTLD_DEFAULT, "PyContextVar_Set");
    compat.context_type = dlsym(RTLD_DEFAULT, "PyContext_Type");
    compat.traceback_add = (void (*)(const char *, const char *, int))dlsym(RTLD_DEFAULT, "_PyTraceback_Add");
    compat.first_tstate = (void *(*)(void *))dlsym(RTLD_DEFAULT, "PyInterpreterState_ThreadHead");
    compat.next_tstate = (void *(*)(void *))dlsym(RTLD_DEFAULT, "PyThreadState_Next");
    const struct layout *layout = layout_of((Py_Version >> 16) & 0xff);
    compat.reason = refusal(layout);
    compat.layout = compat.reason[0] == '\0' ? layout : NULL;
}
