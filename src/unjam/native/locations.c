/* Decoding of co_linetable as described in CPython's InternalDocs/code_objects.md (Objects/locations.md in 3.11 and 3.12).
 *
 * Each entry: 1 cccc lll, c = form, l = code units - 1; then what the form needs.
 *     0-9  same line, two column nibbles     10-12  line + (c - 10), two columns as bytes
 *     13   line delta only                   14     line delta, end line delta, both columns + 1, as varints
 *     15   no location
 */
#include "locations.h"

struct reader {
    const unsigned char *at, *end;
};

static unsigned
next_byte(struct reader *reader)
{
    return reader->at < reader->end ? *reader->at++ : 0;
}

/* Six bits a byte, least significant first, 0x40 says that more follow. */
static uint32_t
next_varint(struct reader *reader)
{
    unsigned byte = next_byte(reader);
    uint32_t value = byte & 63;
    for (unsigned shift = 6; (byte & 64) && shift < 32; shift += 6) {
        byte = next_byte(reader);
        value |= (uint32_t)(byte & 63) << shift;
    }
    return value;
}

static int32_t
next_signed(struct reader *reader)
{
    uint32_t value = next_varint(reader);
    return value & 1 ? -(int32_t)(value >> 1) : (int32_t)(value >> 1);
}

/* Read what follows the first byte of an entry; `line` is the running line number of the table. */
static void
read_entry(struct reader *reader, unsigned form, int32_t *line, struct position *entry)
{
    entry->line = entry->end_line = 0;
    entry->column = entry->end_column = -1;
    if (form == 15) {
        return;
    }
    int32_t lines = 0;
    if (form == 14) {
        *line += next_signed(reader);
        lines = (int32_t)next_varint(reader);
        entry->column = (int32_t)next_varint(reader) - 1;
        entry->end_column = (int32_t)next_varint(reader) - 1;
    }
    else if (form == 13) {
        *line += next_signed(reader);
    }
    else if (form >= 10) {
        *line += (int32_t)form - 10;
        entry->column = (int32_t)next_byte(reader);
        entry->end_column = (int32_t)next_byte(reader);
    }
    else {
        unsigned byte = next_byte(reader);
        entry->column = (int32_t)(form << 3 | byte >> 4);
        entry->end_column = entry->column + (int32_t)(byte & 15);
    }
    entry->line = *line;
    entry->end_line = *line + lines;
}

void
locations_find(const unsigned char *table, size_t size, int32_t first_line, int32_t offset, struct position *position)
{
    struct reader reader = {table, table + size};
    struct position entry = {.code = position->code};
    int32_t line = first_line, end = 0;
    if (offset < 0) {
        position->line = position->end_line = first_line;
        return;
    }
    while (reader.at < reader.end) {
        unsigned first = next_byte(&reader);
        read_entry(&reader, first >> 3 & 15, &line, &entry);
        end += (int32_t)((first & 7) + 1) * 2;
        if (offset < end) {
            *position = entry;
            return;
        }
    }
}
