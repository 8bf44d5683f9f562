/*
 * Contents: msgpack, built and read without trust.
 *
 * Reading: tr_content_check scans the bytes first (depth, element counts against the bytes that are left, no
 * trailing bytes), so that five bytes cannot ask for gigabytes; only then does msgpack-c see them. The tree
 * lives in one arena that belongs to the tr_content_t; strings point into the caller's bytes, which must
 * outlive it. The arena takes up to 24 times the bytes, so callers bound the bytes. A str is any bytes (its
 * UTF-8 is not checked); where a map has a key twice, the first one counts.
 *
 * Building: an appending writer over msgpack-c's packer. Out of memory (or a length beyond msgpack's 32 bits)
 * sets a flag: later writes do nothing, and tr_content_writer_take reports it. The packer points into its
 * writer: never copy or move one.
 *
 * Not safe for two threads on one object.
 */
#ifndef TR_PROTO_CONTENT_H
#define TR_PROTO_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <msgpack.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TR_CONTENT_DEPTH_MAX 16 /* arrays and maps within each other; a scalar has depth 0 */

/* 0, or -EBADMSG (malformed, a length that lies, trailing bytes), -E2BIG (too deep). An empty content is not
 * valid msgpack. */
int tr_content_check(const void *bytes, size_t len);

typedef struct tr_content {
    msgpack_zone zone;
    msgpack_object root;
} tr_content_t;

typedef const msgpack_object
    *tr_value_t; /* NULL = absent; every accessor accepts NULL and gives its default */

/* Checks and decodes. 0 or a negative error as above, -ENOMEM. On failure nothing is to be finished. */
int tr_content_init(tr_content_t *self, const void *bytes, size_t len);
void tr_content_finish(tr_content_t *self); /* idempotent */

/* A map's value; NULL where `map` is no map or has no such key. */
tr_value_t tr_value_get(tr_value_t map, const char *key);
tr_value_t tr_value_at(tr_value_t array, size_t index);
size_t tr_value_size(tr_value_t array_or_map);
/* Whether it is a map that has no other keys than these, and each once at most. */
bool tr_value_has_only(tr_value_t map, const char *const *keys, size_t count);
bool tr_value_is_map(tr_value_t v);
bool tr_value_is_array(tr_value_t v);
bool tr_value_is_str(tr_value_t v);
/* The text of a str (not NUL-terminated) or NULL. */
const char *tr_value_str(tr_value_t v, size_t *ret_len);
/* Copies a str as a C string. 0, -ENOENT (absent or no str), -ENOSPC, -EINVAL (a NUL within). */
int tr_value_copy(tr_value_t v, char *out, size_t out_size);
/* The bytes of a bin or NULL. */
const uint8_t *tr_value_bin(tr_value_t v, size_t *ret_len);
bool tr_value_equals(tr_value_t v, const char *text);
/* Integers that fit, and floats with an integral value up to 2^53 (JavaScript has no others). */
int64_t tr_value_int(tr_value_t v, int64_t otherwise);
/* Floats and integers. */
double tr_value_double(tr_value_t v, double otherwise);
bool tr_value_bool(tr_value_t v, bool otherwise);

typedef struct tr_content_writer {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    bool failed;
} tr_content_writer_t;

void tr_content_writer_init(tr_content_writer_t *self);
void tr_content_writer_finish(
    tr_content_writer_t *self); /* idempotent; the writer is then empty and usable again */
void tr_write_map(tr_content_writer_t *self, size_t entries);
void tr_write_array(tr_content_writer_t *self, size_t elements);
void tr_write_str(tr_content_writer_t *self, const char *text); /* NULL writes nil */
void tr_write_strn(tr_content_writer_t *self, const char *text, size_t len);
void tr_write_bin(tr_content_writer_t *self, const void *bytes, size_t len);
void tr_write_int(tr_content_writer_t *self, int64_t v);
void tr_write_uint(tr_content_writer_t *self, uint64_t v);
void tr_write_double(tr_content_writer_t *self, double v);
void tr_write_bool(tr_content_writer_t *self, bool v);
void tr_write_nil(tr_content_writer_t *self);
void tr_write_value(tr_content_writer_t *self, tr_value_t v); /* a copy of a decoded value */
/* Key and value at once, for maps. */
void tr_write_kv(tr_content_writer_t *self, const char *key, const char *text);
void tr_write_kv_int(tr_content_writer_t *self, const char *key, int64_t v);
void tr_write_kv_uint(tr_content_writer_t *self, const char *key, uint64_t v);
void tr_write_kv_double(tr_content_writer_t *self, const char *key, double v);
void tr_write_kv_bool(tr_content_writer_t *self, const char *key, bool v);
/*
 * A map as a list of fields, for those who write one in the middle of something else; the last one has no key. Keys and texts are
 * borrowed. As an expression: TR_FIELDS(TR_FIELD_TEXT("dish", dish), TR_FIELD_INT("price", 30)), good to the end of its block (C only).
 */
typedef struct tr_field {
    const char *key;
    enum { TR_FIELD_IS_TEXT, TR_FIELD_IS_INT, TR_FIELD_IS_DOUBLE, TR_FIELD_IS_BOOL, TR_FIELD_IS_VALUE } type;
    union {
        const char *text; /* NULL: nil */
        int64_t integer;
        double real;
        bool truth;
        tr_value_t value; /* a decoded one, copied when it is written; NULL: nil */
    };
} tr_field_t;
#define TR_FIELDS(...) ((const tr_field_t[]){__VA_ARGS__, {0}})
#define TR_FIELD_TEXT(name, v)                                                                               \
    { .key = (name), .type = TR_FIELD_IS_TEXT, .text = (v) }
#define TR_FIELD_INT(name, v)                                                                                \
    { .key = (name), .type = TR_FIELD_IS_INT, .integer = (v) }
#define TR_FIELD_DOUBLE(name, v)                                                                             \
    { .key = (name), .type = TR_FIELD_IS_DOUBLE, .real = (v) }
#define TR_FIELD_BOOL(name, v)                                                                               \
    { .key = (name), .type = TR_FIELD_IS_BOOL, .truth = (v) }
#define TR_FIELD_VALUE(name, v)                                                                              \
    { .key = (name), .type = TR_FIELD_IS_VALUE, .value = (v) }
/* Nothing at all where there is no list. */
void tr_write_fields(tr_content_writer_t *self, const tr_field_t *fields);
/* The value alone, without its key. */
void tr_write_field_value(tr_content_writer_t *self, const tr_field_t *field);
/* Empty again, with the memory that it has: for the next of many. */
void tr_content_writer_clear(tr_content_writer_t *self);
/* What was written so far, borrowed until the next write or finish. 0 or -ENOMEM. */
int tr_content_writer_take(const tr_content_writer_t *self, const void **ret_bytes, size_t *ret_len);

#ifdef __cplusplus
}
#endif

#endif
