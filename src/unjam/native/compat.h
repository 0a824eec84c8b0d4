/* Every difference between CPython versions, in one place: where private fields lie, and which private functions exist.
 *
 * The core is one abi3 object that serves 3.11 to 3.15, so nothing of a version is known at build time. The tables come from
 * the headers of each version (scripts/offsets); none is trusted before check.c has compared a walk with sys._getframe.
 */
#ifndef UNJAM_COMPAT_H
#define UNJAM_COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Byte offsets, but for the fields that say otherwise. */
struct layout {
    uint32_t minor;
    uint32_t gil_in_runtime;        /* 3.11: the GIL inside _PyRuntime; 0 from 3.12 */
    uint32_t interp_gil;            /* from 3.12: pointer to the GIL inside PyInterpreterState */
    uint32_t gil_holder, gil_locked, gil_cond;
    uint32_t tstate_interp;
    uint32_t tstate_frame;          /* the current frame, or (indirect) the _PyCFrame that points to it */
    uint32_t tstate_frame_indirect; /* 1 + offset of current_frame in _PyCFrame up to 3.12, 0 from 3.13 */
    uint32_t tstate_ident, tstate_tid;
    uint32_t tstate_chunk, tstate_top;
    uint32_t tstate_contexts;       /* counts each entering and each leaving of a contextvars context */
    uint32_t frame_code, frame_previous, frame_instr, frame_owner;
    uint32_t frame_size;            /* of the fixed part */
    uint32_t owner_generator;       /* value of `owner`: frame of a generator or coroutine */
    uint32_t owner_no_python;       /* from this value of `owner` on, the frame is no Python frame */
    uint32_t code_flags, code_firstlineno, code_filename, code_qualname, code_linetable, code_firsttraceable, code_bytes;
    uint32_t code_locals, code_stacksize; /* ints: words of a frame beyond its fixed part */
    uint32_t unicode_length, unicode_state, unicode_ascii_size, unicode_compact_size;
    uint32_t state_kind_shift, state_compact_shift, state_ascii_shift; /* bits */
};

/* Offsets that the limited API itself fixes on 64-bit builds with a GIL. */
enum {
    OBJECT_TYPE = 8,  /* PyObject.ob_type */
    VAR_SIZE = 16,    /* PyVarObject.ob_size */
    BYTES_DATA = 32,  /* PyBytesObject.ob_sval */
};

/* What is known of the running interpreter. */
struct compat {
    const struct layout *layout; /* NULL: stacks and the GIL cannot be read */
    const char *reason;          /* why `layout` is NULL, "" otherwise */
    uintptr_t runtime;           /* _PyRuntime */
    uintptr_t code_type;         /* PyCode_Type */
    bool counts_contexts;        /* tstate_contexts was seen to count (check.c) */
    int (*context_enter)(void *);
    int (*context_exit)(void *);
    void *(*copy_context)(void);
    int (*variable_get)(void *, void *, void *);
    void *(*variable_set)(void *, void *);
    void *context_type;
    void (*traceback_add)(const char *, const char *, int);
    void *(*first_tstate)(void *);
    void *(*next_tstate)(void *);
};

extern struct compat compat;

/* Fill `compat`. Called once, with the GIL, when the module is loaded. */
void compat_init(void);

#endif
