/*
 * JSON <-> msgpack, for the command line and for programs behind pipes. JSON by jansson.
 *
 * What JSON has no words for is written as an object, and read back from one with exactly these members:
 *
 *   bin                        {"$bin": "base64"}
 *   ext                        {"$ext": type, "data": "base64"}
 *   an integer over 2^63 - 1   {"$uint": "18446744073709551615"}
 *   NaN and the infinities     {"$float": "nan"}, "inf", "-inf"
 *
 * Each byte of a str that belongs to no valid UTF-8 sequence becomes U+FFFD. A map's key that is no str
 * becomes its JSON text (7 -> "7"), one that is an array or a map "$msgpack:" and its msgpack in base64.
 * Where a key is there twice, the first one counts in msgpack; in JSON it is an error.
 */
#ifndef TR_PROTO_JSON_H
#define TR_PROTO_JSON_H

#include "lib/base/error.h"
#include "proto/content.h"

#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Parses JSON text (len bytes) and appends it as msgpack. -EINVAL with line and column in error; -E2BIG too
 * deep; -ENOMEM. On failure nothing was appended.
 */
int tr_json_to_content(const char *json, size_t len, tr_content_writer_t *out, tr_error_t *error);
/* A new jansson value for a decoded content (caller: json_decref), NULL when out of memory. */
json_t *tr_value_to_json(tr_value_t v);
/* A content in its language (NULL: msgpack) as people read it: msgpack and json as values, another language as a text, what is not UTF-8 or not
 * what its language says as {"$bin": "base64"}; nothing is null. A new value, NULL when out of memory. */
json_t *tr_content_json(const char *language, const void *bytes, size_t len);
/* Appends a jansson value as msgpack. 0, -E2BIG (deeper than TR_CONTENT_DEPTH_MAX), -EINVAL (a "$bin" or
 * "$ext" whose base64 or type is wrong, a "$uint" or "$float" that is none), -ENOMEM. On failure nothing was
 * appended. */
int tr_json_write(const json_t *value, tr_content_writer_t *out);
/* Checks msgpack bytes and renders them as JSON text (malloc'd, caller frees). flags as json_dumps. 0 or
 * negative. */
int tr_content_to_json(const void *bytes, size_t len, size_t json_flags, char **ret_text);

#ifdef __cplusplus
}
#endif

#endif
