/*
 * One look-up of a name at a time. The first transfer to a server is its scout; the others wait until it is connected or has
 * ended, and then find the address in libcurl's cache, which forgets it after DNS_MS. A scout that fails makes the next one in
 * the line the scout, so each of them still fails or succeeds for itself.
 */
#include "lib/llm/transfer_private.h"

#include "lib/base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MS 50000 /* less than libcurl's cache keeps a name: 60 s */

/* "host:port" of a URL; "" where the host is an address, which needs no look-up. */
static int place_of(const char *url, char *out, size_t size) {
    CURLU *u = curl_url();
    char *host = NULL, *port = NULL;
    int r = u ? 0 : -ENOMEM;
    if (r == 0 && (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
                      curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
                      curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK))
        r = -EINVAL;
    if (r == 0) {
        bool address = host[0] == '[' || host[strspn(host, "0123456789.")] == '\0';
        snprintf(out, size, "%s%s%s", address ? "" : host, address ? "" : ":", address ? "" : port);
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return r;
}

static tr_llm_origin_t *find_origin(tr_llm_transfers_t *self, const char *place) {
    tr_llm_origin_t *origin = tr_map_find_ptr(&self->origins, place, strlen(place));
    if (origin || !(origin = calloc(1, sizeof *origin)))
        return origin;
    origin->end = &origin->first;
    if (tr_map_put(&self->origins, place, strlen(place), (uintptr_t)origin) < 0) {
        free(origin);
        return NULL;
    }
    return origin;
}

int tr_llm_origin_enter(tr_llm_transfer_t *self, const char *url) {
    char place[300];
    int r = place_of(url, place, sizeof place);
    if (r < 0 || !*place)
        return r < 0 ? r : 1;
    tr_llm_origin_t *origin = find_origin(self->owner, place);
    if (!origin)
        return -ENOMEM;
    self->origin = origin;
    if (tr_clock_ms() < origin->known_until_ms)
        return 1;
    if (!origin->scout) {
        origin->scout = self;
        return 1;
    }
    *origin->end = self;
    origin->end = &self->next_waiting;
    return 0;
}

static tr_llm_transfer_t *take_first(tr_llm_origin_t *origin) {
    tr_llm_transfer_t *t = origin->first;
    if (!t)
        return NULL;
    origin->first = t->next_waiting;
    if (!origin->first)
        origin->end = &origin->first;
    t->next_waiting = NULL;
    return t;
}

/* It gave up while it waited. */
static void take_out(tr_llm_origin_t *origin, tr_llm_transfer_t *self) {
    for (tr_llm_transfer_t **at = &origin->first; *at; at = &(*at)->next_waiting) {
        if (*at != self)
            continue;
        *at = self->next_waiting;
        if (!*at)
            origin->end = at;
        self->next_waiting = NULL;
        return;
    }
}

void tr_llm_origin_leave(tr_llm_transfer_t *self, bool resolved) {
    tr_llm_origin_t *origin = self->origin;
    if (!origin)
        return;
    self->origin = NULL;
    if (resolved)
        origin->known_until_ms = tr_clock_ms() + KNOWN_MS;
    if (origin->scout != self) {
        take_out(origin, self);
        return;
    }
    origin->scout = NULL;
    tr_llm_transfer_t *next;
    while (!origin->scout && (next = take_first(origin))) {
        if (!resolved)
            origin->scout = next;
        tr_llm_transfer_go(next);
    }
}

void tr_llm_origins_finish(tr_llm_transfers_t *self) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&self->origins, &cursor)))
        free((void *)(uintptr_t)slot->value);
    tr_map_finish(&self->origins);
}
