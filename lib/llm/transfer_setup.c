/* The easy handle of a transfer: what libcurl is told. */
#include "lib/llm/transfer_private.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdlib.h>

#define BUFFER_BYTES 8192L
#define UPLOAD_BYTES 16384L /* the least that libcurl takes */
#define NEVER_MS     86400000L

static CURL *take_handle(tr_llm_transfers_t *self) {
    return self->idle_n ? self->idle[--self->idle_n] : curl_easy_init();
}

static void give_handle(tr_llm_transfers_t *self, CURL *easy) {
    if (self->idle_n == TR_LLM_IDLE_HANDLES) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy); /* forgets the key, too */
    self->idle[self->idle_n++] = easy;
}

/* ---- what libcurl calls: it must not be called from there, so bytes are put aside ---- */

static void mark_dirty(tr_llm_transfer_t *t) {
    if (t->dirty)
        return;
    t->dirty = true;
    t->next_dirty = NULL;
    *t->owner->dirty_end = t;
    t->owner->dirty_end = &t->next_dirty;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg) {
    tr_llm_transfer_t *t = arg;
    size_t len = size * n;
    if (len > t->limits.body_max || t->received > t->limits.body_max - len) {
        t->report.end = TR_LLM_END_TOO_LARGE;
        return 0;
    }
    t->received += len;
    t->last_ms = tr_clock_ms();
    tr_buffer_put(&t->in, bytes, len);
    mark_dirty(t);
    return t->in.failed ? 0 : len;
}

static int on_connected(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    tr_llm_transfer_t *t = arg;
    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    t->connected_ms = tr_clock_ms();
    mark_dirty(t); /* so that those who wait for its look-up are let go */
    return CURL_PREREQFUNC_OK;
}

/* Asked for each address of the name, so that none gets past by its name. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
    tr_llm_transfer_t *t = arg;
    (void)purpose;
    t->forbidden = !t->may_connect(t->arg, &address->addr);
    return t->forbidden ? CURL_SOCKET_BAD
                        : socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- options ---- */

static int set_headers(tr_llm_transfer_t *t, const char *const *headers) {
    /* libcurl would ask first whether a body may come, and wait a second for the answer */
    t->headers = curl_slist_append(NULL, "Expect:");
    for (; t->headers && headers && *headers; headers++) {
        struct curl_slist *longer = curl_slist_append(t->headers, *headers);
        if (!longer)
            return -ENOMEM;
        t->headers = longer;
    }
    return t->headers && curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK ? 0 : -ENOMEM;
}

static int add_part(curl_mime *mime, const tr_llm_part_t *p) {
    curl_mimepart *part = curl_mime_addpart(mime);
    bool ok = part && curl_mime_name(part, p->name) == CURLE_OK &&
              curl_mime_data(part, p->data, p->len) == CURLE_OK &&
              (!p->file || curl_mime_filename(part, p->file) == CURLE_OK) &&
              (!p->type || curl_mime_type(part, p->type) == CURLE_OK);
    return ok ? 0 : -ENOMEM;
}

static int set_parts(tr_llm_transfer_t *t, const tr_llm_http_t *http) {
    t->mime = curl_mime_init(t->easy);
    for (size_t i = 0; t->mime && i < http->parts_n; i++)
        if (add_part(t->mime, &http->parts[i]) < 0)
            return -ENOMEM;
    return t->mime && curl_easy_setopt(t->easy, CURLOPT_MIMEPOST, t->mime) == CURLE_OK ? 0 : -ENOMEM;
}

static int set_body(tr_llm_transfer_t *t, const tr_llm_http_t *http) {
    if (http->method)
        return curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, http->method) == CURLE_OK ? 0 : -ENOMEM;
    if (!http->body)
        return set_parts(t, http);
    curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)http->body_len);
    return curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, http->body) == CURLE_OK ? 0 : -ENOMEM;
}

static void set_manners(tr_llm_transfer_t *t) {
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, NEVER_MS); /* the limits are ours */
    curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "troupe/" TROUPE_VERSION);
}

static void set_callbacks(tr_llm_transfer_t *t) {
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
    if (!t->may_connect)
        return;
    curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(
        t->easy, CURLOPT_FRESH_CONNECT, 1L); /* one that is kept may be another's, whose rules differ */
}

int tr_llm_transfer_setup(tr_llm_transfer_t *t, const tr_llm_http_t *http) {
    t->easy = take_handle(t->owner);
    if (!t->easy)
        return -ENOMEM;
    set_manners(t);
    set_callbacks(t);
    if (curl_easy_setopt(t->easy, CURLOPT_URL, http->url) != CURLE_OK)
        return -ENOMEM;
    if (http->ca_file)
        curl_easy_setopt(t->easy, CURLOPT_CAINFO, http->ca_file);
    int r = set_headers(t, http->headers);
    return r < 0 ? r : set_body(t, http);
}

void tr_llm_transfer_unset(tr_llm_transfer_t *t) {
    if (t->easy)
        give_handle(t->owner, t->easy);
    curl_slist_free_all(t->headers);
    curl_mime_free(t->mime);
    t->easy = NULL;
    t->headers = NULL;
    t->mime = NULL;
}
