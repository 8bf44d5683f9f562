/* The web page: files that are within the program. */
#include "gateway/api/page.h"

#include "gateway/api/api.h"

#include <string.h>

#define POLICY                                                                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: "     \
    "blob:; media-src 'self' blob:; "                                                                        \
    "base-uri 'none'; "                                                                                      \
    "form-action 'none'; frame-ancestors 'none'"

static void respond_file(tr_web_exchange_t *e, const char *name, size_t len) {
    for (const tr_page_file_t *f = tr_page_files; f->name; f++) {
        if (strlen(f->name) != len || memcmp(f->name, name, len) != 0)
            continue;
        tr_buffer_put(&e->out, e->gzip ? f->packed : f->bytes, e->gzip ? f->packed_len : f->len);
        e->packed = e->gzip;
        e->vary = true;
        e->policy = POLICY;
        e->cache = "no-cache";
        tr_web_respond(e, 200, f->type);
        return;
    }
    tr_web_problem(e, 404, "not-found", "there is no %.200s", e->path);
}

void tr_api_page(tr_web_exchange_t *e) {
    respond_file(e, "index.html", strlen("index.html"));
}

void tr_api_file(tr_web_exchange_t *e) {
    tr_web_part_t file = tr_web_match_part(&e->match, "file");
    respond_file(e, file.at, file.len);
}
