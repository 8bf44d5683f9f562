#include "proto/content.h"

#include <errno.h>
#include <string.h>

/* msgpack-c's packing functions give 0 or -1; the first -1 is kept and everything after it is skipped. */
#define PACK(self, call)                                                                                     \
    do {                                                                                                     \
        if (!(self)->failed && (call) != 0)                                                                  \
            (self)->failed = true;                                                                           \
    } while (0)

void tr_content_writer_init(tr_content_writer_t *self) {
    msgpack_sbuffer_init(&self->buffer);
    msgpack_packer_init(&self->packer, &self->buffer, msgpack_sbuffer_write);
    self->failed = false;
}

void tr_content_writer_finish(tr_content_writer_t *self) {
    msgpack_sbuffer_destroy(&self->buffer);
    tr_content_writer_init(self);
}

void tr_content_writer_clear(tr_content_writer_t *self) {
    msgpack_sbuffer_clear(&self->buffer);
    self->failed = false;
}

/* msgpack counts with 32 bits: more than that cannot be said. */
static bool countable(tr_content_writer_t *self, size_t n) {
    if (n > UINT32_MAX)
        self->failed = true;
    return !self->failed;
}

void tr_write_map(tr_content_writer_t *self, size_t entries) {
    if (countable(self, entries))
        PACK(self, msgpack_pack_map(&self->packer, entries));
}

void tr_write_array(tr_content_writer_t *self, size_t elements) {
    if (countable(self, elements))
        PACK(self, msgpack_pack_array(&self->packer, elements));
}

void tr_write_str(tr_content_writer_t *self, const char *text) {
    if (text)
        tr_write_strn(self, text, strlen(text));
    else
        tr_write_nil(self);
}

void tr_write_strn(tr_content_writer_t *self, const char *text, size_t len) {
    if (!countable(self, len))
        return;
    PACK(self, msgpack_pack_str(&self->packer, len));
    if (len > 0)
        PACK(self, msgpack_pack_str_body(&self->packer, text, len));
}

void tr_write_bin(tr_content_writer_t *self, const void *bytes, size_t len) {
    if (!countable(self, len))
        return;
    PACK(self, msgpack_pack_bin(&self->packer, len));
    if (len > 0)
        PACK(self, msgpack_pack_bin_body(&self->packer, bytes, len));
}

void tr_write_int(tr_content_writer_t *self, int64_t v) {
    PACK(self, msgpack_pack_int64(&self->packer, v));
}

void tr_write_uint(tr_content_writer_t *self, uint64_t v) {
    PACK(self, msgpack_pack_uint64(&self->packer, v));
}

void tr_write_double(tr_content_writer_t *self, double v) {
    PACK(self, msgpack_pack_double(&self->packer, v));
}

void tr_write_bool(tr_content_writer_t *self, bool v) {
    PACK(self, v ? msgpack_pack_true(&self->packer) : msgpack_pack_false(&self->packer));
}

void tr_write_nil(tr_content_writer_t *self) {
    PACK(self, msgpack_pack_nil(&self->packer));
}

void tr_write_value(tr_content_writer_t *self, tr_value_t v) {
    if (v)
        PACK(self, msgpack_pack_object(&self->packer, *v));
    else
        tr_write_nil(self);
}

void tr_write_kv(tr_content_writer_t *self, const char *key, const char *text) {
    tr_write_str(self, key);
    tr_write_str(self, text);
}

void tr_write_kv_int(tr_content_writer_t *self, const char *key, int64_t v) {
    tr_write_str(self, key);
    tr_write_int(self, v);
}

void tr_write_kv_uint(tr_content_writer_t *self, const char *key, uint64_t v) {
    tr_write_str(self, key);
    tr_write_uint(self, v);
}

void tr_write_kv_double(tr_content_writer_t *self, const char *key, double v) {
    tr_write_str(self, key);
    tr_write_double(self, v);
}

void tr_write_kv_bool(tr_content_writer_t *self, const char *key, bool v) {
    tr_write_str(self, key);
    tr_write_bool(self, v);
}

void tr_write_field_value(tr_content_writer_t *self, const tr_field_t *field) {
    switch (field->type) {
    case TR_FIELD_IS_TEXT: tr_write_str(self, field->text); break;
    case TR_FIELD_IS_INT: tr_write_int(self, field->integer); break;
    case TR_FIELD_IS_DOUBLE: tr_write_double(self, field->real); break;
    case TR_FIELD_IS_BOOL: tr_write_bool(self, field->truth); break;
    case TR_FIELD_IS_VALUE: tr_write_value(self, field->value); break;
    }
}

void tr_write_fields(tr_content_writer_t *self, const tr_field_t *fields) {
    size_t n = 0;
    while (fields && fields[n].key)
        n++;
    if (fields)
        tr_write_map(self, n);
    for (size_t i = 0; i < n; i++) {
        tr_write_str(self, fields[i].key);
        tr_write_field_value(self, &fields[i]);
    }
}

int tr_content_writer_take(const tr_content_writer_t *self, const void **ret_bytes, size_t *ret_len) {
    if (self->failed)
        return -ENOMEM;
    *ret_bytes = self->buffer.data ? self->buffer.data : "";
    *ret_len = self->buffer.size;
    return 0;
}
