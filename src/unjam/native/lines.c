/* One JSON object a line, one write(2) a line. What cannot be brought out is counted. */
#define _GNU_SOURCE
#include "lines.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "futex.h"

/* Bytes of ring for one line to keep: the usual stall line takes 600 to 1,500. */
enum { RING_BYTES_PER_LINE = 1024, RING_LEAST = 64 * 1024, RING_MOST = 8 * 1024 * 1024 };

/* Order of the locks: output before ring. Neither is held while the GIL is asked for. */
static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t ring_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept output = {.fd = -1};
static _Atomic bool writes; /* there is an output */
static bool output_torn;
static char *ring;
static size_t ring_size, ring_head, ring_used; /* head: where the oldest byte is */
static _Atomic uint64_t lost;
static uint64_t lost_told;
static const char *_Atomic lost_why = "";
static _Atomic uint32_t signal_word;

static void send_to_ring(const char *text, size_t size);

/* ---- making ---- */

static void
append(struct line *line, const char *text, size_t size)
{
    if (line->overflowed || line->size - line->used < size) {
        line->overflowed = true;
        return;
    }
    memcpy(line->text + line->used, text, size);
    line->used += size;
}

void
line_raw(struct line *line, const char *text)
{
    append(line, text, strlen(text));
}

void
line_unsigned(struct line *line, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    append(line, digits + at, sizeof digits - at);
}

void
line_signed(struct line *line, int64_t value)
{
    if (value < 0) {
        append(line, "-", 1);
    }
    line_unsigned(line, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

/* Length of the well-formed UTF-8 sequence at `text` that needs no escape, 0 if there is none. */
static size_t
sequence(const unsigned char *text, size_t size)
{
    unsigned char first = text[0];
    size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;
    if (first >= 0xf5 || (first >= 0x80 && first < 0xc2) || length > size) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (first == 0xe0 && text[1] < 0xa0) || (first == 0xf0 && text[1] < 0x90);
    bool beyond = (first == 0xed && text[1] >= 0xa0) || (first == 0xf4 && text[1] >= 0x90);
    bool control = first < 0x20 || first == '"' || first == '\\' || first == 0x7f;
    return overlong || beyond || control ? 0 : length;
}

static size_t
append_escaped(struct line *line, const unsigned char *text, size_t size)
{
    char escape[8];
    bool surrogate = text[0] == 0xed && size >= 3 && (text[1] & 0xe0) == 0xa0 && (text[2] & 0xc0) == 0x80;
    unsigned unit = text[0] < 0x80 ? text[0] : 0xdc00u + text[0];
    if (surrogate) {
        unit = 0xd000u | (unsigned)(text[1] & 0x3f) << 6 | (text[2] & 0x3f);
    }
    snprintf(escape, sizeof escape, "\\u%04x", unit);
    append(line, escape, 6);
    return surrogate ? 3 : 1;
}

void
line_string(struct line *line, const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + size;
    append(line, "\"", 1);
    while (at < end) {
        const unsigned char *from = at;
        size_t length;
        while (at < end && (length = sequence(at, (size_t)(end - at))) != 0) {
            at += length;
        }
        append(line, (const char *)from, (size_t)(at - from));
        if (at < end) {
            at += append_escaped(line, at, (size_t)(end - at));
        }
    }
    append(line, "\"", 1);
}

void
line_key(struct line *line, const char *key)
{
    append(line, ",\"", 2);
    line_raw(line, key);
    append(line, "\":", 2);
}

void
line_key_signed(struct line *line, const char *key, int64_t value)
{
    line_key(line, key);
    line_signed(line, value);
}

void
line_key_unsigned(struct line *line, const char *key, uint64_t value)
{
    line_key(line, key);
    line_unsigned(line, value);
}

void
line_key_measured(struct line *line, const char *key, uint64_t value)
{
    line_key(line, key);
    if (value == UINT64_MAX) {
        line_raw(line, "null");
    }
    else {
        line_unsigned(line, value);
    }
}

void
line_key_string(struct line *line, const char *key, const char *text)
{
    line_key(line, key);
    line_string(line, text, strlen(text));
}

void
line_key_bool(struct line *line, const char *key, bool value)
{
    line_key(line, key);
    line_raw(line, value ? "true" : "false");
}

struct line
line_begin(char *text, size_t size, const char *kind)
{
    struct line line = {.text = text, .size = size};
    line_raw(&line, "{\"e\":\"");
    line_raw(&line, kind);
    line_raw(&line, "\",\"t\":");
    line_unsigned(&line, clock_ns());
    return line;
}

static bool
line_end(struct line *line)
{
    append(line, "}\n", 2);
    if (line->overflowed) {
        lines_count_lost("line too long");
    }
    return !line->overflowed;
}

void
line_send(struct line *line)
{
    if (line_end(line)) {
        lines_send(line->text, line->used);
    }
}

void
line_tell(struct line *line)
{
    if (line_end(line)) {
        send_to_ring(line->text, line->used);
        lines_wake();
    }
}

/* ---- bringing out ---- */

void
lines_count_lost(const char *why)
{
    atomic_store(&lost_why, why);
    atomic_fetch_add(&lost, 1);
}

uint64_t
lines_lost(void)
{
    return atomic_load(&lost);
}

/* One write; a line of which only a part arrived is ended by a newline before the next, so that it spoils no other. */
static bool
write_line(const char *text, size_t size)
{
    if (output_torn && write(output.fd, "\n", 1) != 1) {
        return false;
    }
    output_torn = false;
    ssize_t n;
    do {
        n = write(output.fd, text, size);
    } while (n < 0 && errno == EINTR);
    output_torn = n > 0 && (size_t)n < size;
    return n == (ssize_t)size;
}

static void
write_lost(void)
{
    char text[160];
    uint64_t count = atomic_load(&lost);
    struct line line = line_begin(text, sizeof text, "lost");
    line_key_unsigned(&line, "events", count - lost_told);
    line_key_string(&line, "why", atomic_load(&lost_why));
    line_raw(&line, "}\n");
    if (!line.overflowed && write_line(line.text, line.used)) {
        lost_told = count;
    }
}

static void
send_to_output(const char *text, size_t size)
{
    pthread_mutex_lock(&output_lock);
    if (output.fd >= 0) {
        if (!kept_is_ours(&output)) {
            lines_count_lost("the program closed the descriptor");
        }
        else if (!write_line(text, size)) {
            lines_count_lost(errno == ENOSPC ? "disk full" : "write failed");
        }
        else if (atomic_load(&lost) != lost_told) {
            write_lost();
        }
    }
    pthread_mutex_unlock(&output_lock);
}

static void
copy_in(const char *text, size_t size)
{
    size_t at = (ring_head + ring_used) % ring_size;
    size_t first = size < ring_size - at ? size : ring_size - at;
    memcpy(ring + at, text, first);
    memcpy(ring, text + first, size - first);
    ring_used += size;
}

static void
send_to_ring(const char *text, size_t size)
{
    pthread_mutex_lock(&ring_lock);
    if (ring != NULL) {
        if (ring_size - ring_used < size) {
            lines_count_lost("nobody drains");
        }
        else {
            copy_in(text, size);
        }
    }
    pthread_mutex_unlock(&ring_lock);
}

bool
lines_may_block(void)
{
    return atomic_load(&writes);
}

void
lines_keep(const char *text, size_t size)
{
    send_to_output(text, size);
    send_to_ring(text, size);
}

void
lines_send(const char *text, size_t size)
{
    lines_keep(text, size);
    lines_wake();
}

size_t
lines_waiting(void)
{
    pthread_mutex_lock(&ring_lock);
    size_t used = ring_used;
    pthread_mutex_unlock(&ring_lock);
    return used;
}

size_t
lines_take(char *to, size_t size)
{
    pthread_mutex_lock(&ring_lock);
    size_t taken = size < ring_used ? size : ring_used;
    while (taken > 0 && ring[(ring_head + taken - 1) % ring_size] != '\n') {
        taken--;
    }
    size_t first = taken < ring_size - ring_head ? taken : ring_size - ring_head;
    if (taken > 0) {
        memcpy(to, ring + ring_head, first);
        memcpy(to + first, ring, taken - first);
        ring_used -= taken;
        /* From the start again where nothing is kept: the pages that a ring never reached take no memory. */
        ring_head = ring_used == 0 ? 0 : (ring_head + taken) % ring_size;
    }
    pthread_mutex_unlock(&ring_lock);
    return taken;
}

uint32_t
lines_signal(void)
{
    return atomic_load(&signal_word);
}

void
lines_wait(uint32_t seen, uint64_t timeout_ns)
{
    futex_wait(&signal_word, seen, timeout_ns);
}

void
lines_wake(void)
{
    atomic_fetch_add(&signal_word, 1);
    futex_wake_all(&signal_word);
}

bool
lines_open(int fd, int keep)
{
    lines_close();
    pthread_mutex_lock(&output_lock);
    output = kept_of(fd);
    atomic_store(&writes, fd >= 0);
    pthread_mutex_unlock(&output_lock);
    if (keep <= 0) {
        return true;
    }
    size_t size = (size_t)keep * RING_BYTES_PER_LINE;
    size = size < RING_LEAST ? RING_LEAST : size > RING_MOST ? RING_MOST : size;
    char *room = malloc(size);
    pthread_mutex_lock(&ring_lock);
    ring = room;
    ring_size = size;
    ring_head = ring_used = 0;
    pthread_mutex_unlock(&ring_lock);
    return room != NULL;
}

void
lines_close(void)
{
    pthread_mutex_lock(&output_lock);
    output.fd = -1;
    atomic_store(&writes, false);
    output_torn = false;
    pthread_mutex_unlock(&output_lock);
    pthread_mutex_lock(&ring_lock);
    free(ring);
    ring = NULL;
    ring_size = ring_head = ring_used = 0;
    pthread_mutex_unlock(&ring_lock);
}

void
lines_reset(void)
{
    pthread_mutex_init(&output_lock, NULL);
    pthread_mutex_init(&ring_lock, NULL);
    output.fd = -1;
    atomic_store(&writes, false);
    output_torn = false;
    ring = NULL;
    ring_size = ring_head = ring_used = 0;
    atomic_store(&lost, 0);
    lost_told = 0;
}
