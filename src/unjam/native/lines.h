/* Event lines: making them (JSON) and bringing them out (descriptor, ring for `drain`). */
#ifndef UNJAM_LINES_H
#define UNJAM_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kept.h"

/* One line being made; when it does not fit it is marked and never sent. */
struct line {
    char *text;
    size_t size, used;
    bool overflowed;
};

/* Begin {"e":KIND,"t":now in `text`. */
struct line line_begin(char *text, size_t size, const char *kind);

void line_raw(struct line *line, const char *text);
void line_unsigned(struct line *line, uint64_t value);
void line_signed(struct line *line, int64_t value);

/* A JSON string from UTF-8 of `size` bytes. Lone surrogates in their three-byte form and stray bytes survive as \udcXX. */
void line_string(struct line *line, const char *text, size_t size);

/* ,"KEY":value */
void line_key(struct line *line, const char *key);
void line_key_signed(struct line *line, const char *key, int64_t value);
void line_key_unsigned(struct line *line, const char *key, uint64_t value);

/* The same, null for UINT64_MAX. */
void line_key_measured(struct line *line, const char *key, uint64_t value);
void line_key_string(struct line *line, const char *key, const char *text);
void line_key_bool(struct line *line, const char *key, bool value);

/* End the object and send it. */
void line_send(struct line *line);

/* End the object and pass it to those who drain only: it is not written. */
void line_tell(struct line *line);

/* Where lines go: a descriptor (-1: none) and room for about `keep` lines for `drain`. False: no memory. */
bool lines_open(int fd, int keep);
void lines_close(void);

/* Send one whole line. Any thread, with or without the GIL; blocks no longer than write(2) and a copy. */
void lines_send(const char *text, size_t size);

/* As `lines_send`, and leave those who drain asleep: they find it when they next look. */
void lines_keep(const char *text, size_t size);

/* Whether sending may block: lines are written somewhere. Else the GIL may be kept. */
bool lines_may_block(void);

/* Count one line that could not be made or sent. */
void lines_count_lost(const char *why);
uint64_t lines_lost(void);

/* How many bytes wait; copy out whole lines, at most `size` bytes, and remove them; returns how many bytes. */
size_t lines_waiting(void);
size_t lines_take(char *to, size_t size);

/* The futex word that changes with each line and each `lines_wake`. */
uint32_t lines_signal(void);

/* Wait until the word is no longer `seen`, or the time is over. Without the GIL. */
void lines_wait(uint32_t seen, uint64_t timeout_ns);
void lines_wake(void);

/* After a fork, in the child: the locks are free again and nothing is open. */
void lines_reset(void);

#endif
