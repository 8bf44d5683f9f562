/*
 * A plain envelope has fields 1 to 13 only, each a string, in the order of their numbers, a handful in its lists:
 * what tr_acl_envelope_write and any other canonical packer make where there is no budget and no user
 * parameter. It is read in one copy: the bytes go to the arena, and each string gets its NUL where the next
 * field's tag stood. (protobuf-c makes a look-up and a block for each field, twelve times as many instructions,
 * and each round trip has two of them.)
 *
 * Whatever is not just so is not judged here but left to protobuf-c, so that there is one opinion of what a good
 * envelope is. acl_test.c compares both ways.
 */
#include "proto/acl_plain.h"

#include <errno.h>
#include <stdbool.h>

#define ITEMS_MAX 16 /* of all lists */
#define NUMBERS   14

enum { TAG_BYTES = 2 };

typedef struct plain_field {
    size_t offset;
    bool list;
} plain_field_t;

static const plain_field_t fields[NUMBERS] = {
    [1] = {offsetof(tr_acl_t, sender), false},
    [2] = {offsetof(tr_acl_t, receivers), true},
    [3] = {offsetof(tr_acl_t, reply_to), true},
    [4] = {offsetof(tr_acl_t, language), false},
    [5] = {offsetof(tr_acl_t, encoding), false},
    [6] = {offsetof(tr_acl_t, ontology), false},
    [7] = {offsetof(tr_acl_t, protocol), false},
    [8] = {offsetof(tr_acl_t, conversation_id), false},
    [9] = {offsetof(tr_acl_t, reply_with), false},
    [10] = {offsetof(tr_acl_t, in_reply_to), false},
    [11] = {offsetof(tr_acl_t, topic), false},
    [12] = {offsetof(tr_acl_t, traceparent), false},
    [13] = {offsetof(tr_acl_t, delegation), true},
};

typedef struct plain_reader {
    const uint8_t *at, *end;
    const char *items[ITEMS_MAX]; /* lists lie one behind the other, as their fields do */
    size_t items_n;
} plain_reader_t;

/* The number of a string field; 0 where it is something else, or does not come after `before`. */
static unsigned next_number(plain_reader_t *r, unsigned before) {
    unsigned tag = *r->at++, number = tag >> 3;
    bool in_order = number > before || (number == before && number < NUMBERS && fields[number].list);
    return (tag & 7) == TAG_BYTES && number < NUMBERS && in_order ? number : 0;
}

/* False where the length is longer than two bytes, or than what is left. */
static bool next_length(plain_reader_t *r, size_t *ret_len) {
    if (r->at == r->end)
        return false;
    size_t len = *r->at++;
    if (len & 0x80) {
        if (r->at == r->end || *r->at & 0x80)
            return false;
        len = (len & 0x7f) | (size_t)*r->at++ << 7;
    }
    *ret_len = len;
    return len <= (size_t)(r->end - r->at);
}

/* False where there are too many items. */
static bool put(plain_reader_t *r, tr_acl_t *acl, unsigned number, const char *text) {
    char *field = (char *)acl + fields[number].offset;
    if (!fields[number].list) {
        *(const char **)(void *)field = *text ? text : NULL;
        return true;
    }
    if (r->items_n == ITEMS_MAX)
        return false;
    tr_acl_list_t *list = (tr_acl_list_t *)(void *)field;
    if (!list->count++)
        list->items = &r->items[r->items_n];
    r->items[r->items_n++] = text;
    return true;
}

static bool read_all(plain_reader_t *r, tr_acl_t *acl, const uint8_t *bytes, char *copy) {
    unsigned number = 0;
    size_t len;
    while (r->at < r->end) {
        number = next_number(r, number);
        if (!number || !next_length(r, &len))
            return false;
        char *text = copy + (r->at - bytes);
        text[len] = 0;
        r->at += len;
        if (!put(r, acl, number, text))
            return false;
    }
    return true;
}

int tr_acl_plain_read(tr_acl_t *ret_acl, const uint8_t *bytes, size_t len, tr_arena_t *arena) {
    struct {
        plain_reader_t reader;
        char copy[];
    } *mine = tr_arena_alloc(arena, sizeof *mine + len + 1);
    if (!mine)
        return -ENOMEM;
    mine->reader.at = bytes;
    mine->reader.end = bytes + len;
    mine->reader.items_n = 0;
    if (len)
        memcpy(mine->copy, bytes, len);
    tr_acl_t acl = {0};
    if (!read_all(&mine->reader, &acl, bytes, mine->copy))
        return 0;
    *ret_acl = acl;
    return 1;
}
