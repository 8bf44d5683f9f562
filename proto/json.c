#include "proto/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base64.h"

/* Both directions recurse. One is bounded by tr_content_check, the other by the depth that json_write
 * carries. */

static int json_write(const json_t *value, tr_content_writer_t *out, size_t depth);

/* {"$bin": "..."} and {"$ext": type, "data": "..."}. */
static int write_bytes(msgpack_object_type type, int8_t ext, const json_t *text, tr_content_writer_t *out) {
    size_t text_len = json_string_length(text);
    uint8_t *bytes = malloc(text_len / 4 * 3 + 1);
    if (!bytes)
        return -ENOMEM;
    size_t len = 0;
    int r = tr_base64_decode(json_string_value(text), text_len, bytes, &len);
    if (r == 0 && len > UINT32_MAX)
        r = -EINVAL;
    if (r == 0) {
        msgpack_object object = {.type = type};
        if (type == MSGPACK_OBJECT_BIN)
            object.via.bin = (msgpack_object_bin){.size = (uint32_t)len, .ptr = (const char *)bytes};
        else
            object.via.ext =
                (msgpack_object_ext){.type = ext, .size = (uint32_t)len, .ptr = (const char *)bytes};
        tr_write_value(out, &object);
    }
    free(bytes);
    return r;
}

static int write_ext(const json_t *type, const json_t *data, tr_content_writer_t *out) {
    json_int_t number = json_integer_value(type);
    if (number < INT8_MIN || number > INT8_MAX)
        return -EINVAL;
    return write_bytes(MSGPACK_OBJECT_EXT, (int8_t)number, data, out);
}

static int write_uint(const json_t *digits, tr_content_writer_t *out) {
    const char *text = json_string_value(digits);
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return -EINVAL;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (end != text + json_string_length(digits) || errno != 0)
        return -EINVAL;
    tr_write_uint(out, v);
    return 0;
}

static int write_float(const json_t *name, tr_content_writer_t *out) {
    const char *text = json_string_value(name);
    if (strcmp(text, "nan") == 0)
        tr_write_double(out, (double)NAN);
    else if (strcmp(text, "inf") == 0)
        tr_write_double(out, (double)INFINITY);
    else if (strcmp(text, "-inf") == 0)
        tr_write_double(out, -(double)INFINITY);
    else
        return -EINVAL;
    return 0;
}

/* 1 where `object` is one of the forms that stand for what JSON has no words for (and was written), 0 where
 * it is plain. */
static int write_special(const json_t *object, tr_content_writer_t *out) {
    size_t size = json_object_size(object);
    const json_t *type = json_object_get(object, "$ext");
    const json_t *data = json_object_get(object, "data");
    int r = 0;
    if (size == 2 && json_is_integer(type) && json_is_string(data))
        r = write_ext(type, data, out);
    else if (size != 1)
        return 0;
    else if (json_is_string(data = json_object_get(object, "$bin")))
        r = write_bytes(MSGPACK_OBJECT_BIN, 0, data, out);
    else if (json_is_string(data = json_object_get(object, "$uint")))
        r = write_uint(data, out);
    else if (json_is_string(data = json_object_get(object, "$float")))
        r = write_float(data, out);
    else
        return 0;
    return r < 0 ? r : 1;
}

static int write_object(const json_t *object, tr_content_writer_t *out, size_t depth) {
    int r = write_special(object, out);
    if (r != 0)
        return r < 0 ? r : 0;
    if (depth == TR_CONTENT_DEPTH_MAX)
        return -E2BIG;
    tr_write_map(out, json_object_size(object));
    /* jansson's iterators take no const, but change nothing */
    json_t *members = (json_t *)object;
    for (void *at = json_object_iter(members); at && r == 0; at = json_object_iter_next(members, at)) {
        tr_write_strn(out, json_object_iter_key(at), json_object_iter_key_len(at));
        r = json_write(json_object_iter_value(at), out, depth + 1);
    }
    return r;
}

static int write_array(const json_t *array, tr_content_writer_t *out, size_t depth) {
    if (depth == TR_CONTENT_DEPTH_MAX)
        return -E2BIG;
    int r = 0;
    tr_write_array(out, json_array_size(array));
    for (size_t i = 0; i < json_array_size(array) && r == 0; i++)
        r = json_write(json_array_get(array, i), out, depth + 1);
    return r;
}

static int json_write(const json_t *value, tr_content_writer_t *out, size_t depth) {
    if (!value)
        return -EINVAL;
    switch (json_typeof(value)) {
    case JSON_OBJECT: return write_object(value, out, depth);
    case JSON_ARRAY: return write_array(value, out, depth);
    case JSON_STRING: tr_write_strn(out, json_string_value(value), json_string_length(value)); break;
    case JSON_INTEGER: tr_write_int(out, json_integer_value(value)); break;
    case JSON_REAL: tr_write_double(out, json_real_value(value)); break;
    case JSON_TRUE:
    case JSON_FALSE: tr_write_bool(out, json_is_true(value)); break;
    case JSON_NULL: tr_write_nil(out); break;
    }
    return 0;
}

int tr_json_write(const json_t *value, tr_content_writer_t *out) {
    size_t before = out->buffer.size;
    int r = json_write(value, out, 0);
    if (out->failed)
        r = -ENOMEM;
    if (r < 0)
        out->buffer.size = before;
    return r;
}

/* jansson quotes the input in its texts: an error is one line of printable characters. */
static int parse_error(json_error_t *found, tr_error_t *error) {
    int code = -EINVAL;
    if (json_error_code(found) == json_error_stack_overflow)
        code = -E2BIG;
    else if (json_error_code(found) == json_error_out_of_memory)
        code = -ENOMEM;
    for (char *c = found->text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return tr_error_set(error, code, "JSON line %d, column %d: %s", found->line, found->column, found->text);
}

int tr_json_to_content(const char *json, size_t len, tr_content_writer_t *out, tr_error_t *error) {
    json_error_t found;
    json_t *value =
        json_loadb(json ? json : "", len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &found);
    if (!value)
        return parse_error(&found, error);
    int r = tr_json_write(value, out);
    json_decref(value);
    if (r == -E2BIG)
        return tr_error_set(
            error, r, "JSON: arrays and objects are nested deeper than %d levels", TR_CONTENT_DEPTH_MAX);
    if (r == -EINVAL)
        return tr_error_set(error, r,
            "JSON: a special object is wrong; expected {\"$bin\": base64}, {\"$ext\": -128..127, \"data\": "
            "base64}, "
            "{\"$uint\": digits} or {\"$float\": \"nan\", \"inf\" or \"-inf\"}");
    if (r < 0)
        return tr_error_set(error, r, "JSON: out of memory for a content of %zu bytes of text", len);
    return 0;
}

/* The length of the valid UTF-8 sequence that `text` begins with, 0 where there is none (RFC 3629: no
 * surrogates, nothing overlong). */
static size_t utf8_sequence(const uint8_t *text, size_t len) {
    uint8_t lo = 0x80, hi = 0xbf;
    size_t need;
    if (text[0] < 0x80)
        return 1;
    if (text[0] >= 0xc2 && text[0] <= 0xdf)
        need = 2;
    else if (text[0] >= 0xe0 && text[0] <= 0xef)
        need = 3;
    else if (text[0] >= 0xf0 && text[0] <= 0xf4)
        need = 4;
    else
        return 0;
    switch (text[0]) {
    case 0xe0: lo = 0xa0; break;
    case 0xed: hi = 0x9f; break;
    case 0xf0: lo = 0x90; break;
    case 0xf4: hi = 0x8f; break;
    default: break;
    }
    if (len < need || text[1] < lo || text[1] > hi)
        return 0;
    for (size_t i = 2; i < need; i++)
        if (text[i] < 0x80 || text[i] > 0xbf)
            return 0;
    return need;
}

/* A copy with U+FFFD in place of each byte that belongs to no valid sequence: at most three times as long. */
static char *mend_utf8(const char *text, size_t len, size_t *ret_len) {
    char *out = malloc(len * 3 + 1);
    if (!out)
        return NULL;
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        size_t valid = utf8_sequence((const uint8_t *)text + i, len - i);
        memcpy(out + n, valid ? text + i : "\xef\xbf\xbd", valid ? valid : 3);
        n += valid ? valid : 3;
        i += valid ? valid : 1;
    }
    *ret_len = n;
    return out;
}

static json_t *string_to_json(const char *text, size_t len) {
    json_t *string = json_stringn(text, len);
    if (string)
        return string;
    char *mended = mend_utf8(text, len, &len);
    string = mended ? json_stringn_nocheck(mended, len) : NULL;
    free(mended);
    return string;
}

static json_t *base64_to_json(const char *bytes, size_t len) {
    char *text = malloc(tr_base64_encoded_size(len) + 1);
    if (!text)
        return NULL;
    tr_base64_encode(bytes, len, text);
    json_t *string = json_stringn_nocheck(text, tr_base64_encoded_size(len));
    free(text);
    return string;
}

static json_t *uint_to_json(uint64_t v) {
    char digits[24];
    if (v <= INT64_MAX)
        return json_integer((json_int_t)v);
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
    return json_pack("{s:s}", "$uint", digits);
}

static json_t *double_to_json(double v) {
    if (isnan(v))
        return json_pack("{s:s}", "$float", "nan");
    if (isinf(v))
        return json_pack("{s:s}", "$float", v > 0 ? "inf" : "-inf");
    return json_real(v);
}

static json_t *array_to_json(tr_value_t v) {
    json_t *array = json_array();
    for (uint32_t i = 0; array && i < v->via.array.size; i++)
        if (json_array_append_new(array, tr_value_to_json(&v->via.array.ptr[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

/* The JSON of a number, nil and so on, as a string. */
static json_t *scalar_key(tr_value_t key) {
    json_t *value = tr_value_to_json(key);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
    json_decref(value);
    json_t *string = text ? json_string_nocheck(text) : NULL;
    free(text);
    return string;
}

/*
 * An array or map that is a key. Not its JSON: a key within a key within a key would double its backslashes
 * at each level, so that a kilobyte could ask for megabytes. Its msgpack in base64 grows by a third, once.
 */
static json_t *container_key(tr_value_t key) {
    tr_content_writer_t packed;
    json_t *string = NULL;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&packed);
    tr_write_value(&packed, key);
    if (tr_content_writer_take(&packed, &bytes, &len) == 0) {
        json_t *base64 = base64_to_json(bytes, len);
        string = base64 ? json_sprintf("$msgpack:%s", json_string_value(base64)) : NULL;
        json_decref(base64);
    }
    tr_content_writer_finish(&packed);
    return string;
}

static json_t *key_to_json(tr_value_t key) {
    if (tr_value_is_str(key))
        return string_to_json(key->via.str.ptr, key->via.str.size);
    return tr_value_is_map(key) || tr_value_is_array(key) ? container_key(key) : scalar_key(key);
}

/* False when out of memory. The first of several equal keys counts, as in tr_value_get. */
static bool add_member(json_t *object, const msgpack_object_kv *kv) {
    json_t *key = key_to_json(&kv->key);
    if (!key)
        return false;
    const char *text = json_string_value(key);
    size_t len = json_string_length(key);
    bool added = true;
    if (!json_object_getn(object, text, len))
        added = json_object_setn_new_nocheck(object, text, len, tr_value_to_json(&kv->val)) == 0;
    json_decref(key);
    return added;
}

static json_t *map_to_json(tr_value_t v) {
    json_t *object = json_object();
    for (uint32_t i = 0; object && i < v->via.map.size; i++)
        if (!add_member(object, &v->via.map.ptr[i])) {
            json_decref(object);
            return NULL;
        }
    return object;
}

json_t *tr_value_to_json(tr_value_t v) {
    if (!v)
        return json_null();
    switch (v->type) {
    case MSGPACK_OBJECT_NIL: return json_null();
    case MSGPACK_OBJECT_BOOLEAN: return json_boolean(v->via.boolean);
    case MSGPACK_OBJECT_POSITIVE_INTEGER: return uint_to_json(v->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return json_integer(v->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64: return double_to_json(v->via.f64);
    case MSGPACK_OBJECT_STR: return string_to_json(v->via.str.ptr, v->via.str.size);
    case MSGPACK_OBJECT_BIN:
        return json_pack("{s:o}", "$bin", base64_to_json(v->via.bin.ptr, v->via.bin.size));
    case MSGPACK_OBJECT_EXT:
        return json_pack(
            "{s:i, s:o}", "$ext", v->via.ext.type, "data", base64_to_json(v->via.ext.ptr, v->via.ext.size));
    case MSGPACK_OBJECT_ARRAY: return array_to_json(v);
    case MSGPACK_OBJECT_MAP: return map_to_json(v);
    }
    return NULL;
}

static json_t *binary_json(const void *bytes, size_t len) {
    char *text = malloc(tr_base64_encoded_size(len) + 1);
    if (!text)
        return NULL;
    tr_base64_encode(bytes, len, text);
    json_t *object = json_pack("{s:s}", "$bin", text);
    free(text);
    return object;
}

static json_t *msgpack_json(const void *bytes, size_t len) {
    tr_content_t content;
    if (tr_content_init(&content, bytes, len) < 0)
        return NULL;
    json_t *value = tr_value_to_json(&content.root);
    tr_content_finish(&content);
    return value;
}

json_t *tr_content_json(const char *language, const void *bytes, size_t len) {
    bool packed = !language || strcmp(language, "msgpack") == 0;
    json_t *value = NULL;
    if (len == 0)
        return json_null();
    if (packed)
        value = msgpack_json(bytes, len);
    else if (strcmp(language, "json") == 0)
        value = json_loadb(bytes, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!value && !packed)
        value = json_stringn(bytes, len); /* NULL where it is not UTF-8 */
    return value ? value : binary_json(bytes, len);
}

int tr_content_to_json(const void *bytes, size_t len, size_t json_flags, char **ret_text) {
    tr_content_t content;
    int r = tr_content_init(&content, bytes, len);
    if (r < 0)
        return r;
    json_t *value = tr_value_to_json(&content.root);
    tr_content_finish(&content);
    char *text = value ? json_dumps(value, json_flags | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (!text)
        return -ENOMEM;
    *ret_text = text;
    return 0;
}
