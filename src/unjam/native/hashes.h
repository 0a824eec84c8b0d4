/* Hashes of memory that is compared, never followed. */
#ifndef UNJAM_HASHES_H
#define UNJAM_HASHES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
hash_add(uint64_t value, uint64_t word)
{
    value = (value ^ word) * 0xff51afd7ed558ccdu;
    return value ^ value >> 32;
}

/* Of whole words; what is left behind the last of them is not counted. */
static inline uint64_t
hash_words(const char *bytes, size_t size)
{
    uint64_t value = 0x9e3779b97f4a7c15u, word;
    for (size_t at = 0; at + sizeof word <= size; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        value = hash_add(value, word);
    }
    return value;
}

#endif
