/* Patching of global offset tables (ELF gABI, x86-64 and AArch64 psABI), with RELRO protection put back.
 *
 * libc and ld.so themselves are never patched. What the table held before is what the hook calls, so that another interposer
 * stays in the chain; a table that holds something else again is left alone.
 */
#define _GNU_SOURCE
#include <Python.h>

#include "hooks.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "slots.h"
#include "steps.h"
#include "tallies.h"
#include "turns.h"

#if defined(__x86_64__)
enum { RELOC_SLOT = R_X86_64_JUMP_SLOT, RELOC_DATA = R_X86_64_GLOB_DAT };
#else
enum { RELOC_SLOT = R_AARCH64_JUMP_SLOT, RELOC_DATA = R_AARCH64_GLOB_DAT };
#endif

/* ---- the hooks: loop's thread, without the GIL; keep errno; no allocation; async-signal-safe ---- */

typedef int (*wait_function)(int, struct epoll_event *, int, int);
typedef int (*pwait_function)(int, struct epoll_event *, int, int, const sigset_t *);
typedef int (*pwait2_function)(int, struct epoll_event *, int, const struct timespec *, const sigset_t *);
typedef int (*context_function)(PyObject *);

enum { WAIT, PWAIT, PWAIT2, CONTEXT_ENTER, CONTEXT_EXIT, FUNCTIONS };

static _Atomic uintptr_t originals[FUNCTIONS];

static inline struct slot *
slot_of(int epoll_fd)
{
    struct slot *slot = own_slot();
    if (slot != NULL && GET(slot->epoll_fd) == epoll_fd) {
        return slot;
    }
    return GET(adoptions) != 0 ? slot_adopt(epoll_fd) : NULL;
}

/* Before the call; returns whether `leave` is to follow it. */
static inline bool
enter(struct slot *slot, bool waits)
{
    if (waits) {
        turn_ends(slot);
    }
    else {
        turn_passes(slot);
    }
    return waits;
}

/* After the call. The slot may have been given to another loop while this one waited. */
static inline void
leave(struct slot *slot, int epoll_fd)
{
    if (GET(slot->epoll_fd) == epoll_fd) {
        int kept = errno;
        turn_begins(slot);
        errno = kept;
    }
}

static int
hooked_wait(int fd, struct epoll_event *events, int most, int timeout)
{
    wait_function original = (wait_function)GET(originals[WAIT]);
    struct slot *slot = slot_of(fd);
    if (slot == NULL || !enter(slot, timeout != 0)) {
        return original(fd, events, most, timeout);
    }
    int ready = original(fd, events, most, timeout);
    leave(slot, fd);
    return ready;
}

static int
hooked_pwait(int fd, struct epoll_event *events, int most, int timeout, const sigset_t *mask)
{
    pwait_function original = (pwait_function)GET(originals[PWAIT]);
    struct slot *slot = slot_of(fd);
    if (slot == NULL || !enter(slot, timeout != 0)) {
        return original(fd, events, most, timeout, mask);
    }
    int ready = original(fd, events, most, timeout, mask);
    leave(slot, fd);
    return ready;
}

static int
hooked_pwait2(int fd, struct epoll_event *events, int most, const struct timespec *timeout, const sigset_t *mask)
{
    pwait2_function original = (pwait2_function)GET(originals[PWAIT2]);
    struct slot *slot = slot_of(fd);
    bool waits = timeout == NULL || timeout->tv_sec != 0 || timeout->tv_nsec != 0;
    if (slot == NULL || !enter(slot, waits)) {
        return original(fd, events, most, timeout, mask);
    }
    int ready = original(fd, events, most, timeout, mask);
    leave(slot, fd);
    return ready;
}

/* With the GIL: a step of a loop whose handles cannot be replaced begins by entering its context, and ends by leaving it. */
static int
hooked_context_enter(PyObject *context)
{
    int status = ((context_function)GET(originals[CONTEXT_ENTER]))(context);
    struct slot *slot = tally_variable == NULL || status != 0 ? NULL : own_slot();
    if (slot != NULL && !steps_seen_on(slot)) {
        tallies_enter(slot, clock_ticks());
    }
    return status;
}

static int
hooked_context_exit(PyObject *context)
{
    struct slot *slot = own_slot();
    if (slot != NULL && slot->tally_depth != 0 && !steps_seen_on(slot)) {
        tallies_leave(slot, clock_ticks(), Py_None, true);
    }
    return ((context_function)GET(originals[CONTEXT_EXIT]))(context);
}

static const struct hook {
    const char *name;
    uintptr_t replacement;
} HOOKS[FUNCTIONS] = {
    [WAIT] = {"epoll_wait", (uintptr_t)hooked_wait},
    [PWAIT] = {"epoll_pwait", (uintptr_t)hooked_pwait},
    [PWAIT2] = {"epoll_pwait2", (uintptr_t)hooked_pwait2},
    [CONTEXT_ENTER] = {"PyContext_Enter", (uintptr_t)hooked_context_enter},
    [CONTEXT_EXIT] = {"PyContext_Exit", (uintptr_t)hooked_context_exit},
};

/* ---- one loaded object ---- */

struct object {
    ElfW(Addr) base;
    const ElfW(Phdr) *headers;
    size_t header_count;
    const ElfW(Sym) *symbols;
    const char *names;
    const ElfW(Rela) *tables[2]; /* PLT and data relocations */
    size_t table_sizes[2];
};

/* glibc leaves addresses in the dynamic section relocated, other C libraries as they are in the file. */
static uintptr_t
address_in(const struct object *object, ElfW(Addr) value)
{
    return value < object->base ? object->base + value : value;
}

static bool
read_dynamic(struct object *object)
{
    const ElfW(Dyn) *entry = NULL;
    for (size_t i = 0; i < object->header_count; i++) {
        if (object->headers[i].p_type == PT_DYNAMIC) {
            entry = (const ElfW(Dyn) *)(object->base + object->headers[i].p_vaddr);
        }
    }
    for (; entry != NULL && entry->d_tag != DT_NULL; entry++) {
        uintptr_t value = entry->d_un.d_val;
        switch (entry->d_tag) {
        case DT_SYMTAB:
            object->symbols = (const ElfW(Sym) *)address_in(object, value);
            break;
        case DT_STRTAB:
            object->names = (const char *)address_in(object, value);
            break;
        case DT_JMPREL:
            object->tables[0] = (const ElfW(Rela) *)address_in(object, value);
            break;
        case DT_PLTRELSZ:
            object->table_sizes[0] = value / sizeof(ElfW(Rela));
            break;
        case DT_RELA:
            object->tables[1] = (const ElfW(Rela) *)address_in(object, value);
            break;
        case DT_RELASZ:
            object->table_sizes[1] = value / sizeof(ElfW(Rela));
            break;
        }
    }
    return object->symbols != NULL && object->names != NULL;
}

/* Was the address made read-only after relocation? The end of such a range is rounded down to a page, as ld.so does. */
static bool
is_relro(const struct object *object, uintptr_t address)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < object->header_count; i++) {
        const ElfW(Phdr) *header = &object->headers[i];
        uintptr_t from = object->base + header->p_vaddr;
        if (header->p_type == PT_GNU_RELRO && address >= (from & ~(page - 1))
            && address < ((from + header->p_memsz) & ~(page - 1))) {
            return true;
        }
    }
    return false;
}

static bool
write_slot(const struct object *object, uintptr_t *slot, uintptr_t value)
{
    uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *page = (void *)((uintptr_t)slot & ~(size - 1));
    bool protect = is_relro(object, (uintptr_t)slot);
    if (protect && mprotect(page, size, PROT_READ | PROT_WRITE) != 0) {
        return false;
    }
    __atomic_store_n(slot, value, __ATOMIC_SEQ_CST);
    if (protect) {
        mprotect(page, size, PROT_READ);
    }
    return true;
}

/* Does the value still point to the object's own lazy-binding stub? Calling that would make ld.so overwrite our hook. */
static bool
is_unbound(const struct object *object, uintptr_t value)
{
    for (size_t i = 0; i < object->header_count; i++) {
        const ElfW(Phdr) *header = &object->headers[i];
        uintptr_t from = object->base + header->p_vaddr;
        if (header->p_type == PT_LOAD && value >= from && value < from + header->p_memsz) {
            return true;
        }
    }
    return false;
}

static int patched; /* slots of epoll_wait and its kin that are ours after the last pass */
static bool contexts;

static void
patch_slot(const struct object *object, int function, uintptr_t *slot)
{
    bool context = function >= CONTEXT_ENTER;
    uintptr_t value = *slot;
    if (value == HOOKS[function].replacement) {
        patched += !context;
        return;
    }
    if (context && !contexts) {
        return;
    }
    if (is_unbound(object, value)) {
        value = (uintptr_t)dlsym(RTLD_DEFAULT, HOOKS[function].name);
    }
    uintptr_t known = GET(originals[function]);
    if (value == 0 || (known != 0 && known != value)) {
        return;
    }
    SET(originals[function], value);
    bool written = write_slot(object, slot, HOOKS[function].replacement);
    patched += written && !context;
}

static void
restore_slot(const struct object *object, int function, uintptr_t *slot)
{
    if (*slot == HOOKS[function].replacement) {
        write_slot(object, slot, GET(originals[function]));
    }
}

/* The first and the fourth letters of the names in HOOKS: a process has some fifty thousand relocations, and comparing each with every
 * hook's name would take milliseconds. */
static bool first_letters[256], fourth_letters[256];

static void
note_letters(void)
{
    for (int function = 0; function < FUNCTIONS; function++) {
        const unsigned char *name = (const unsigned char *)HOOKS[function].name;
        first_letters[name[0]] = fourth_letters[name[3]] = true;
    }
}

static bool
may_be_hooked(const char *text)
{
    const unsigned char *name = (const unsigned char *)text;
    return first_letters[name[0]] && name[1] != 0 && name[2] != 0 && fourth_letters[name[3]];
}

typedef void (*visitor)(const struct object *, int, uintptr_t *);

static void
visit_slots(const struct object *object, visitor visit)
{
    for (int table = 0; table < 2; table++) {
        for (size_t i = 0; i < object->table_sizes[table]; i++) {
            const ElfW(Rela) *relocation = &object->tables[table][i];
            unsigned type = (unsigned)ELF64_R_TYPE(relocation->r_info);
            if (type != RELOC_SLOT && type != RELOC_DATA) {
                continue;
            }
            const char *name = object->names + object->symbols[ELF64_R_SYM(relocation->r_info)].st_name;
            for (int function = 0; function < FUNCTIONS && may_be_hooked(name); function++) {
                if (strcmp(name, HOOKS[function].name) == 0) {
                    visit(object, function, (uintptr_t *)(object->base + relocation->r_offset));
                }
            }
        }
    }
}

/* ---- all of them ---- */

/* ld.so, libc and the kernel's own page are left alone: they are what everybody else calls into. */
static bool
is_untouchable(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    return strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-", 5) == 0 || strncmp(name, "ld-", 3) == 0
           || strncmp(name, "ld.so", 5) == 0 || strncmp(name, "linux-vdso", 10) == 0
           || strncmp(name, "libpthread", 10) == 0;
}

static int
visit_object(struct dl_phdr_info *info, size_t size, void *visit)
{
    (void)size;
    struct object object = {.base = info->dlpi_addr, .headers = info->dlpi_phdr, .header_count = info->dlpi_phnum};
    if (!is_untouchable(info->dlpi_name) && read_dynamic(&object)) {
        visit_slots(&object, *(visitor *)visit);
    }
    return 0;
}

static unsigned long long loads_seen;

static int
count_loads(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    *(unsigned long long *)data = info->dlpi_adds;
    return 1;
}

const char *
hooks_install(void)
{
    unsigned long long loads = 0;
    dl_iterate_phdr(count_loads, &loads);
    if (patched == 0 || loads != loads_seen) {
        patched = 0;
        note_letters();
        dl_iterate_phdr(visit_object, &(visitor){patch_slot});
        loads_seen = loads;
    }
    return patched != 0 ? "" : "no loaded object calls epoll_wait through a table that can be written";
}

void
hooks_of_contexts(void)
{
    if (!contexts) {
        contexts = true;
        loads_seen = 0;
        if (patched != 0) { /* else the next hooks_install does it */
            hooks_install();
        }
    }
}

void
hooks_remove(void)
{
    contexts = false;
    if (patched != 0) {
        dl_iterate_phdr(visit_object, &(visitor){restore_slot});
        patched = 0;
    }
}
