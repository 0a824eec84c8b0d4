/* Code objects -> file, qualified name, kind; bytecode offsets -> lines and columns (PEP 657). Bounded: 1.7 MiB, when used. */
#define _GNU_SOURCE
#include "symbols.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "hashes.h"
#include "locations.h"
#include "memory.h"

/* A program of 500 modules has some 10,000 code objects, of which a few hundred are ever on the stack of a stalling loop. */
enum { CODES = 4096, POSITIONS = 16384, TEXT_BYTES = 1 << 20, TEXTS = 8192 };

/* Longer names are cut. Linux refuses paths over 4,096 bytes; those over 1,000 do not occur in import systems. */
enum { FILE_MOST = 1024, FUNCTION_MOST = 256 };

/* A linetable beyond this (a module of some 10,000 lines) gives no lines. */
enum { LINETABLE_MOST = 256 * 1024 };

struct code {
    uintptr_t address, filename, qualname, linetable;
    uint64_t made; /* hash of what does not change while a code object lives */
    int32_t firstlineno;
    uint32_t file, function; /* offsets into `texts`, each a size and the bytes */
    char kind;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char texts[TEXT_BYTES];
static uint32_t texts_used;
static uint32_t text_table[TEXTS];
static uint32_t text_count;
static struct code codes[CODES];
static uint32_t code_count;
static uint32_t code_table[CODES * 2];
static struct position positions[POSITIONS];
static int32_t position_offsets[POSITIONS];
static uint32_t position_count;
static uint32_t position_table[POSITIONS * 2];
static unsigned char linetable[LINETABLE_MOST];

void
symbols_lock(void)
{
    pthread_mutex_lock(&lock);
}

void
symbols_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void
symbols_unlock_after_fork(void)
{
    pthread_mutex_init(&lock, NULL);
}

void
symbols_reset(void)
{
    texts_used = text_count = code_count = position_count = 0;
    memset(text_table, 0, sizeof text_table);
    memset(code_table, 0, sizeof code_table);
    memset(position_table, 0, sizeof position_table);
}

bool
symbols_crowded(void)
{
    return texts_used > TEXT_BYTES / 4 * 3 || text_count > TEXTS / 2 || code_count > CODES / 4 * 3
           || position_count > POSITIONS / 4 * 3;
}

/* The tables are at most half full, hold index + 1, and 0 is empty. Fibonacci hashing. */
static uint32_t
hash(uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

/* ---- texts ---- */

static uint64_t
hash_of_text(const char *bytes, size_t size)
{
    uint64_t value = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++) {
        value = (value ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    }
    return value;
}

static struct text
text_at(uint32_t offset)
{
    uint32_t size;
    memcpy(&size, texts + offset, sizeof size);
    return (struct text){texts + offset + sizeof size, size};
}

static uint32_t
intern_text(const char *bytes, uint32_t size)
{
    uint32_t slot = hash(hash_of_text(bytes, size)) % TEXTS;
    for (; text_table[slot] != 0; slot = (slot + 1) % TEXTS) {
        struct text known = text_at(text_table[slot] - 1);
        if (known.size == size && memcmp(known.bytes, bytes, size) == 0) {
            return text_table[slot] - 1;
        }
    }
    if (text_count >= TEXTS / 2 || TEXT_BYTES - texts_used < size + sizeof size) {
        return NO_SYMBOL;
    }
    uint32_t offset = texts_used;
    memcpy(texts + offset, &size, sizeof size);
    memcpy(texts + offset + sizeof size, bytes, size);
    texts_used += size + (uint32_t)sizeof size;
    text_count++;
    text_table[slot] = offset + 1;
    return offset;
}

static size_t
encode(uint32_t point, char *to)
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (char)(0xc0 | point >> 6);
        to[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char)(0xe0 | point >> 12);
        to[1] = (char)(0x80 | (point >> 6 & 0x3f));
        to[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | point >> 18);
    to[1] = (char)(0x80 | (point >> 12 & 0x3f));
    to[2] = (char)(0x80 | (point >> 6 & 0x3f));
    to[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* The str object at `address` as UTF-8, cut to `most` bytes; returns its size, or -1. Only compact strings occur as names. */
static int
read_unicode(uintptr_t address, char *to, size_t most)
{
    const struct layout *at = compat.layout;
    char head[64], data[FILE_MOST * 4];
    int64_t length;
    uint32_t state;
    if (!memory_read(head, address, at->unicode_ascii_size)) {
        return -1;
    }
    memcpy(&length, head + at->unicode_length, sizeof length);
    memcpy(&state, head + at->unicode_state, sizeof state);
    unsigned kind = state >> at->state_kind_shift & 7;
    bool compact = state >> at->state_compact_shift & 1, ascii = state >> at->state_ascii_shift & 1;
    if (!compact || length < 0 || (kind != 1 && kind != 2 && kind != 4)) {
        return -1;
    }
    size_t points = (size_t)length < most ? (size_t)length : most, used = 0;
    if (!memory_read(data, address + (ascii ? at->unicode_ascii_size : at->unicode_compact_size), points * kind)) {
        return -1;
    }
    for (size_t i = 0; i < points && used + 4 <= most; i++) {
        uint32_t point = kind == 1   ? (unsigned char)data[i]
                         : kind == 2 ? ((const uint16_t *)(const void *)data)[i]
                                     : ((const uint32_t *)(const void *)data)[i];
        used += encode(point, to + used);
    }
    return (int)used;
}

static uint32_t
read_text(uintptr_t address, size_t most)
{
    char bytes[FILE_MOST];
    int size = read_unicode(address, bytes, most);
    return size < 0 ? NO_SYMBOL : intern_text(bytes, (uint32_t)size);
}

/* ---- code objects ---- */

static uintptr_t
pointer_at(const char *head, uint32_t offset)
{
    uintptr_t value;
    memcpy(&value, head + offset, sizeof value);
    return value;
}

static int32_t
int_at(const char *head, uint32_t offset)
{
    int32_t value;
    memcpy(&value, head + offset, sizeof value);
    return value;
}

/* Values of co_flags: Include/cpython/code.h, the same from 3.11 on. */
static char
kind_of(int32_t flags, struct text function)
{
    enum { OPTIMIZED = 0x1, GENERATOR = 0x20, COROUTINE = 0x80, ASYNC_GENERATOR = 0x200 };
    if (flags & COROUTINE) {
        return 'c';
    }
    if (flags & ASYNC_GENERATOR) {
        return 'a';
    }
    if (flags & GENERATOR) {
        return 'g';
    }
    if (flags & OPTIMIZED) {
        return 'f';
    }
    return function.size > 0 && function.bytes[0] == '<' ? 'm' : 'k';
}

/* Its size, the tuples that belong to it, and numbers from co_posonlyargcount on, among which is co_version since 3.12: no two code
 * objects have the same. (Include/cpython/code.h; 3.11 changes co_warmup, between the two parts.) */
enum { MADE_FROM = 16, MADE_TO = 48, MADE_AGAIN_FROM = 56, MADE_AGAIN_TO = 96 };

static uint64_t
hash_of_made(const char *head)
{
    uint64_t first = hash_words(head + MADE_FROM, MADE_TO - MADE_FROM);
    return hash_add(first, hash_words(head + MADE_AGAIN_FROM, MADE_AGAIN_TO - MADE_AGAIN_FROM));
}

/* A code object may lie where another one was, with its names where those of the other were. */
static bool
same_code(const struct code *known, const struct code *seen)
{
    return known->address == seen->address && known->filename == seen->filename && known->qualname == seen->qualname
           && known->linetable == seen->linetable && known->firstlineno == seen->firstlineno && known->made == seen->made;
}

/* Without a co_version, as in 3.11, only its names tell code that is made, run once and thrown away from the next of its kind. */
static bool
still_named(const struct code *known)
{
    bool lasts = known->kind != 'm' && text_at(known->file).bytes[0] != '<';
    return compat.layout->minor >= 12 || lasts
           || (read_text(known->filename, FILE_MOST) == known->file
               && read_text(known->qualname, FUNCTION_MOST) == known->function);
}

uint32_t
symbols_code(uintptr_t address, const char *head)
{
    const struct layout *at = compat.layout;
    struct code seen = {
        .address = address,
        .filename = pointer_at(head, at->code_filename),
        .qualname = pointer_at(head, at->code_qualname),
        .linetable = pointer_at(head, at->code_linetable),
        .firstlineno = int_at(head, at->code_firstlineno),
        .made = hash_of_made(head),
    };
    uint32_t slot = hash(address >> 4) % (CODES * 2);
    for (; code_table[slot] != 0; slot = (slot + 1) % (CODES * 2)) {
        const struct code *known = &codes[code_table[slot] - 1];
        if (same_code(known, &seen) && still_named(known)) {
            return code_table[slot] - 1;
        }
    }
    if (code_count >= CODES) {
        return NO_SYMBOL;
    }
    seen.file = read_text(seen.filename, FILE_MOST);
    seen.function = read_text(seen.qualname, FUNCTION_MOST);
    if (seen.file == NO_SYMBOL || seen.function == NO_SYMBOL) {
        return NO_SYMBOL;
    }
    seen.kind = kind_of(int_at(head, at->code_flags), text_at(seen.function));
    codes[code_count] = seen;
    code_table[slot] = ++code_count;
    return code_count - 1;
}

struct text
symbols_file(uint32_t code)
{
    return text_at(codes[code].file);
}

struct text
symbols_function(uint32_t code)
{
    return text_at(codes[code].function);
}

char
symbols_kind(uint32_t code)
{
    return codes[code].kind;
}

/* ---- positions ---- */

static void
locate(const struct code *code, int32_t offset, struct position *position)
{
    char head[VAR_SIZE + 8];
    if (!memory_read(head, code->linetable, sizeof head)) {
        return;
    }
    uint64_t size = pointer_at(head, VAR_SIZE);
    if (size > LINETABLE_MOST || !memory_read(linetable, code->linetable + BYTES_DATA, size)) {
        return;
    }
    locations_find(linetable, size, code->firstlineno, offset, position);
}

uint32_t
symbols_position(uint32_t code, int32_t offset)
{
    uint32_t slot = hash((uint64_t)code << 32 | (uint32_t)offset) % (POSITIONS * 2);
    for (; position_table[slot] != 0; slot = (slot + 1) % (POSITIONS * 2)) {
        uint32_t known = position_table[slot] - 1;
        if (positions[known].code == code && position_offsets[known] == offset) {
            return known;
        }
    }
    if (position_count >= POSITIONS) {
        return NO_SYMBOL;
    }
    struct position position = {.code = code, .column = -1, .end_column = -1};
    locate(&codes[code], offset, &position);
    positions[position_count] = position;
    position_offsets[position_count] = offset;
    position_table[slot] = ++position_count;
    return position_count - 1;
}

const struct position *
symbols_at(uint32_t position)
{
    return &positions[position];
}
