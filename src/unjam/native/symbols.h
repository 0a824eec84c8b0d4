/* Names and lines of code objects, read without the GIL and kept in bounded tables.
 *
 * All functions but symbols_lock are called with that lock held. The tables only grow; symbols_reset empties them, and every
 * index given out before is void then.
 */
#ifndef UNJAM_SYMBOLS_H
#define UNJAM_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No entry. */
#define NO_SYMBOL UINT32_MAX

/* UTF-8; lone surrogates in their three-byte form. */
struct text {
    const char *bytes;
    uint32_t size;
};

struct position {
    uint32_t code;
    int32_t line, end_line;     /* 0: unknown */
    int32_t column, end_column; /* -1: unknown */
};

/* The head of a code object as it was read: everything before its bytecode. */
enum { CODE_HEAD = 256 };

void symbols_lock(void);
void symbols_unlock(void);

/* The entry of the code object at `code`, whose head is given; NO_SYMBOL if it cannot be read or the tables are full. */
uint32_t symbols_code(uintptr_t code, const char *head);

/* The entry of one place in it; `offset` is in bytes from the start of the bytecode. */
uint32_t symbols_position(uint32_t code, int32_t offset);

const struct position *symbols_at(uint32_t position);
struct text symbols_file(uint32_t code);
struct text symbols_function(uint32_t code);

/* f, c, g, a, m or k: docs/recording.md. */
char symbols_kind(uint32_t code);

/* More than three quarters full? */
bool symbols_crowded(void);
void symbols_reset(void);

/* In the child after a fork: the lock is free again. */
void symbols_unlock_after_fork(void);

#endif
