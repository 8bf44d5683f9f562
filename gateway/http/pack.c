/*
 * Responses with gzip, where the client takes it and it is worth while. (The page's files are packed when the gateway is built.)
 *
 * What is compressed has a length that depends on what is in it, so whoever can make a browser ask again and again for a response that repeats
 * his own text beside a secret learns the secret (BREACH). That needs a request that the browser authorises by itself: what a token in a header has
 * authorised cannot be asked for by a page that does not have the token. A session's cookie is sent by the browser itself, so what it has authorised is
 * packed where the browser says that this server's own page asks.
 */
#include "gateway/http/server_private.h"

#include <string.h>

#include <zlib.h>

#define LEAST 1024
#define MOST  (1u << 20) /* more would hold up the others: it goes as it is */
#define LEVEL 1

static bool is_json(const char *type) {
    return type && (strcmp(type, "application/json") == 0 || strcmp(type, "application/a2a+json") == 0);
}

void tr_web_pack_choose(tr_web_exchange_t *e) {
    if (e->packed || e->status != 200 || !is_json(e->type) || e->out.size < LEAST || e->out.size > MOST)
        return;
    e->vary = true;
    e->packed = e->gzip && (!e->by_session || strcmp(e->fetch_site, "same-origin") == 0);
    e->pack_due = e->packed;
}

/* Out of memory, or larger than before: false. */
static bool pack(const tr_buffer_t *from, tr_buffer_t *to) {
    unsigned char piece[16384];
    z_stream z = {.next_in = (unsigned char *)from->data, .avail_in = (unsigned)from->size};
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    int rc = Z_OK;
    while (rc == Z_OK) {
        z.next_out = piece;
        z.avail_out = sizeof piece;
        rc = deflate(&z, Z_FINISH);
        tr_buffer_put(to, piece, sizeof piece - z.avail_out);
    }
    deflateEnd(&z);
    return rc == Z_STREAM_END && !to->failed && to->size < from->size;
}

void tr_web_pack(tr_web_exchange_t *e) {
    tr_buffer_t out;
    if (!e->pack_due)
        return;
    e->pack_due = false;
    if (e->status == 304)
        return;
    tr_buffer_init(&out, 0);
    if (pack(&e->out, &out)) {
        tr_buffer_finish(&e->out);
        e->out = out;
        return;
    }
    tr_buffer_finish(&out);
    e->packed = false;
    *e->tag = '\0'; /* it was of what would have been */
}
