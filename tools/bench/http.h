/* A small client of HTTP/1.1 and WebSockets for the roles of `troupe bench gateway`: it knows what our gateway answers, and no more. */
#ifndef TR_TOOLS_BENCH_HTTP_H
#define TR_TOOLS_BENCH_HTTP_H

#include "tools/bench/child.h"

/* How a connection asks: "POST /a HTTP/1.1\r\n..." with all of its body. */
typedef struct tr_bench_ask {
    char text[1024];
    size_t len;
} tr_bench_ask_t;

/* place: "127.0.0.1:8080". body NULL: a GET. False: longer than it may be. */
bool tr_bench_ask_make(
    tr_bench_ask_t *self, const char *place, const char *token, const char *path, const char *body);

/* So many connections, each of which asks again when it has its answer, until `count` have come (and `warm` before them); ns has room for `count`
 * times. 0, or negative with a text: an answer is not of 2xx, or nothing came for TR_BENCH_SILENT_MS. */
int tr_bench_http_flood(const char *place, const tr_bench_ask_t *ask, uint32_t connections, uint64_t warm,
    uint64_t count, uint32_t *ns, int64_t *ret_first_ns, int64_t *ret_last_ns, tr_error_t *error);

/* One answer, as a whole: the body is *ret_body (a NUL behind it), the caller frees it. gzip: as it is packed. */
int tr_bench_http_get(
    const char *place, const char *path, bool gzip, char **ret_body, size_t *ret_len, tr_error_t *error);

/* A WebSocket that watches a topic. The descriptor, or negative with a text. */
int tr_bench_socket_open(const char *place, const char *token, const char *topic, tr_error_t *error);
/* Its next message, a text with its NUL. 0 or negative with a text. */
int tr_bench_socket_next(int fd, char *out, size_t size, tr_error_t *error);

#endif
