#include "proto/content.h"

#include <errno.h>
#include <string.h>

/*
 * The scan walks the bytes once, with a small stack of how many values each open array or map still expects,
 * and no recursion. Every value takes at least one byte, so a count beyond the bytes that are left is a lie
 * and is refused before anybody believes it.
 */
typedef struct scan {
    const uint8_t *at;
    size_t left;
    size_t expected[TR_CONTENT_DEPTH_MAX + 1]; /* [0] is the one value of the whole content */
    size_t depth;
} scan_t;

/* What follows a first byte of 0xc0..0xdf: a count of `count_bytes`, and `fixed` bytes more. */
typedef enum form {
    FORM_PLAIN,
    FORM_BYTES, /* the count is of bytes */
    FORM_ARRAY,
    FORM_MAP,
    FORM_BAD,
} form_t;

typedef struct lead {
    uint8_t form;
    uint8_t count_bytes;
    uint8_t fixed;
} lead_t;

static const lead_t leads[0x20] = {
    /* nil, (never used), false, true */
    {FORM_PLAIN, 0, 0},
    {FORM_BAD, 0, 0},
    {FORM_PLAIN, 0, 0},
    {FORM_PLAIN, 0, 0},
    /* bin 8, 16, 32; ext 8, 16, 32: the type follows the count */
    {FORM_BYTES, 1, 0},
    {FORM_BYTES, 2, 0},
    {FORM_BYTES, 4, 0},
    {FORM_BYTES, 1, 1},
    {FORM_BYTES, 2, 1},
    {FORM_BYTES, 4, 1},
    /* float 32, 64; uint 8 to 64; int 8 to 64 */
    {FORM_PLAIN, 0, 4},
    {FORM_PLAIN, 0, 8},
    {FORM_PLAIN, 0, 1},
    {FORM_PLAIN, 0, 2},
    {FORM_PLAIN, 0, 4},
    {FORM_PLAIN, 0, 8},
    {FORM_PLAIN, 0, 1},
    {FORM_PLAIN, 0, 2},
    {FORM_PLAIN, 0, 4},
    {FORM_PLAIN, 0, 8},
    /* fixext 1, 2, 4, 8, 16, each with its type */
    {FORM_PLAIN, 0, 2},
    {FORM_PLAIN, 0, 3},
    {FORM_PLAIN, 0, 5},
    {FORM_PLAIN, 0, 9},
    {FORM_PLAIN, 0, 17},
    /* str 8, 16, 32; array 16, 32; map 16, 32 */
    {FORM_BYTES, 1, 0},
    {FORM_BYTES, 2, 0},
    {FORM_BYTES, 4, 0},
    {FORM_ARRAY, 2, 0},
    {FORM_ARRAY, 4, 0},
    {FORM_MAP, 2, 0},
    {FORM_MAP, 4, 0},
};

static int scan_skip(scan_t *self, size_t n) {
    if (n > self->left)
        return -EBADMSG;
    self->at += n;
    self->left -= n;
    return 0;
}

/* A big-endian count of 0, 1, 2 or 4 bytes. */
static int scan_count(scan_t *self, size_t bytes, size_t *ret_count) {
    if (bytes > self->left)
        return -EBADMSG;
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count = count << 8 | self->at[i];
    *ret_count = count;
    return scan_skip(self, bytes);
}

static int scan_open(scan_t *self, size_t count, size_t values_each) {
    if (count > self->left / values_each)
        return -EBADMSG;
    if (self->depth == TR_CONTENT_DEPTH_MAX)
        return -E2BIG;
    self->expected[++self->depth] = count * values_each;
    return 0;
}

static int scan_long(scan_t *self, const lead_t *lead) {
    size_t count;
    if (lead->form == FORM_BAD)
        return -EBADMSG;
    int r = scan_count(self, lead->count_bytes, &count);
    if (r < 0)
        return r;
    switch ((form_t)lead->form) {
    case FORM_ARRAY: return scan_open(self, count, 1);
    case FORM_MAP: return scan_open(self, count, 2);
    case FORM_BYTES:
    case FORM_PLAIN:
    case FORM_BAD: break;
    }
    r = scan_skip(self, lead->fixed);
    return r < 0 ? r : scan_skip(self, count);
}

static int scan_value(scan_t *self) {
    if (self->left == 0)
        return -EBADMSG;
    uint8_t first = *self->at++;
    self->left--;
    if (first < 0x80 || first >= 0xe0) /* the small integers */
        return 0;
    if (first < 0x90)
        return scan_open(self, first & 0x0f, 2);
    if (first < 0xa0)
        return scan_open(self, first & 0x0f, 1);
    if (first < 0xc0)
        return scan_skip(self, first & 0x1f);
    return scan_long(self, &leads[first - 0xc0]);
}

int tr_content_check(const void *bytes, size_t len) {
    if (!bytes || len == 0)
        return -EBADMSG;
    scan_t scan = {.at = bytes, .left = len, .expected = {1}};
    for (;;) {
        while (scan.depth > 0 && scan.expected[scan.depth] == 0)
            scan.depth--;
        if (scan.expected[scan.depth] == 0)
            return scan.left == 0 ? 0 : -EBADMSG;
        scan.expected[scan.depth]--;
        int r = scan_value(&scan);
        if (r < 0)
            return r;
    }
}

int tr_content_init(tr_content_t *self, const void *bytes, size_t len) {
    int r = tr_content_check(bytes, len);
    if (r < 0)
        return r;
    tr_content_t content;
    /* Most contents are small: a first chunk near what their tree needs keeps a thousand of them in a mailbox
     * cheap. */
    size_t chunk = len < MSGPACK_ZONE_CHUNK_SIZE / 16 ? 64 + len * 16 : MSGPACK_ZONE_CHUNK_SIZE;
    if (!msgpack_zone_init(&content.zone, chunk))
        return -ENOMEM;
    size_t off = 0;
    msgpack_unpack_return got = msgpack_unpack(bytes, len, &off, &content.zone, &content.root);
    if (got != MSGPACK_UNPACK_SUCCESS || off != len) {
        msgpack_zone_destroy(&content.zone);
        return got == MSGPACK_UNPACK_NOMEM_ERROR ? -ENOMEM : -EBADMSG;
    }
    *self = content;
    return 0;
}

void tr_content_finish(tr_content_t *self) {
    if (self->zone.chunk_list.head) /* zeroed by an earlier finish: msgpack_zone_destroy would crash */
        msgpack_zone_destroy(&self->zone);
    memset(self, 0, sizeof *self);
}

bool tr_value_is_map(tr_value_t v) {
    return v && v->type == MSGPACK_OBJECT_MAP;
}

bool tr_value_is_array(tr_value_t v) {
    return v && v->type == MSGPACK_OBJECT_ARRAY;
}

bool tr_value_is_str(tr_value_t v) {
    return v && v->type == MSGPACK_OBJECT_STR;
}

tr_value_t tr_value_get(tr_value_t map, const char *key) {
    if (!tr_value_is_map(map))
        return NULL;
    for (uint32_t i = 0; i < map->via.map.size; i++)
        if (tr_value_equals(&map->via.map.ptr[i].key, key))
            return &map->via.map.ptr[i].val;
    return NULL;
}

tr_value_t tr_value_at(tr_value_t array, size_t index) {
    return tr_value_is_array(array) && index < array->via.array.size ? &array->via.array.ptr[index] : NULL;
}

size_t tr_value_size(tr_value_t v) {
    if (tr_value_is_array(v))
        return v->via.array.size;
    return tr_value_is_map(v) ? v->via.map.size : 0;
}

bool tr_value_has_only(tr_value_t map, const char *const *keys, size_t count) {
    size_t known = 0;
    for (size_t i = 0; i < count && tr_value_is_map(map); i++)
        known += tr_value_get(map, keys[i]) != NULL;
    return tr_value_is_map(map) && known == tr_value_size(map);
}

const char *tr_value_str(tr_value_t v, size_t *ret_len) {
    if (!tr_value_is_str(v))
        return NULL;
    *ret_len = v->via.str.size;
    return v->via.str.ptr;
}

int tr_value_copy(tr_value_t v, char *out, size_t out_size) {
    size_t len;
    const char *text = tr_value_str(v, &len);
    if (!text)
        return -ENOENT;
    if (memchr(text, '\0', len))
        return -EINVAL;
    if (len >= out_size)
        return -ENOSPC;
    memcpy(out, text, len);
    out[len] = '\0';
    return 0;
}

const uint8_t *tr_value_bin(tr_value_t v, size_t *ret_len) {
    if (!v || v->type != MSGPACK_OBJECT_BIN)
        return NULL;
    *ret_len = v->via.bin.size;
    return (const uint8_t *)v->via.bin.ptr;
}

bool tr_value_equals(tr_value_t v, const char *text) {
    size_t len;
    const char *have = tr_value_str(v, &len);
    return have && text && strlen(text) == len && memcmp(have, text, len) == 0;
}

int64_t tr_value_int(tr_value_t v, int64_t otherwise) {
    const double exact = 9007199254740992.0; /* 2^53: beyond it, a double does not name one integer */
    if (!v)
        return otherwise;
    switch (v->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER: return v->via.u64 <= INT64_MAX ? (int64_t)v->via.u64 : otherwise;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return v->via.i64;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        /* a NaN fails both comparisons */
        if (v->via.f64 >= -exact && v->via.f64 <= exact && (double)(int64_t)v->via.f64 == v->via.f64)
            return (int64_t)v->via.f64;
        return otherwise;
    default: return otherwise;
    }
}

double tr_value_double(tr_value_t v, double otherwise) {
    if (!v)
        return otherwise;
    switch (v->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER: return (double)v->via.u64;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return (double)v->via.i64;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64: return v->via.f64;
    default: return otherwise;
    }
}

bool tr_value_bool(tr_value_t v, bool otherwise) {
    return v && v->type == MSGPACK_OBJECT_BOOLEAN ? v->via.boolean : otherwise;
}
