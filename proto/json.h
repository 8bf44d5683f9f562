/*
 * JSON <-> msgpack, for the command line and for programs behind pipes. JSON by jansson.
 *
 * msgpack bin becomes {"$bin": "base64"}; ext becomes {"$ext": type, "data": "base64"}; invalid UTF-8 in a
 * str becomes U+FFFD.
 */
#ifndef TR_PROTO_JSON_H
#define TR_PROTO_JSON_H

#include "lib/base/error.h"
#include "proto/content.h"

#include <jansson.h>

/* Parses JSON text (len bytes) and appends it as msgpack. -EINVAL with line and column in error; -E2BIG too
 * deep. */
int tr_json_to_content(const char *json, size_t len, tr_content_writer_t *out, tr_error_t *error);
/* A new jansson value for a decoded content (caller: json_decref), NULL when out of memory. */
json_t *tr_value_to_json(tr_value_t v);
/* Appends a jansson value as msgpack. 0, -E2BIG, -EINVAL. */
int tr_json_write(const json_t *value, tr_content_writer_t *out);
/* Checks msgpack bytes and renders them as JSON text (malloc'd, caller frees). flags as json_dumps. 0 or
 * negative. */
int tr_content_to_json(const void *bytes, size_t len, size_t json_flags, char **ret_text);

#endif
