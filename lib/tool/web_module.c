/* What the module exports. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/module.h"
#include "lib/tool/web.h"

extern const tr_web_module_t tr_web_module;

/* One part; false where it is not there or does not fit. */
static bool take(CURLU *u, CURLUPart part, unsigned flags, char *out, size_t size) {
    char *text = NULL;
    bool is_there = curl_url_get(u, part, &text, flags) == CURLUE_OK && strlen(text) < size;
    if (is_there)
        snprintf(out, size, "%s", text);
    curl_free(text);
    return is_there;
}

static bool has_user(CURLU *u) {
    char *text = NULL;
    bool has = curl_url_get(u, CURLUPART_USER, &text, 0) == CURLUE_OK ||
               curl_url_get(u, CURLUPART_PASSWORD, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

static int take_url(const char *base, const char *url, tr_web_url_t *ret_url) {
    tr_web_url_t read = {0};
    char port[8] = "";
    CURLU *u = curl_url();
    bool is_well = u && (!base || curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK) &&
                   curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                   !has_user(u) && curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
                   take(u, CURLUPART_SCHEME, 0, read.scheme, sizeof read.scheme) &&
                   take(u, CURLUPART_HOST, 0, read.host, sizeof read.host) &&
                   take(u, CURLUPART_PATH, 0, read.path, sizeof read.path) &&
                   take(u, CURLUPART_URL, 0, read.whole, sizeof read.whole) &&
                   (strcmp(read.scheme, "http") == 0 || strcmp(read.scheme, "https") == 0) &&
                   take(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port);
    curl_url_cleanup(u);
    if (!is_well)
        return -EINVAL;
    read.port = (unsigned)atoi(port);
    *ret_url = read;
    return 0;
}

TR_MODULE_EXPORT const tr_web_module_t tr_web_module = {.version = TROUPE_VERSION,
    .open = tr_llm_transfers_new,
    .close = tr_llm_transfers_destroy,
    .start = tr_llm_transfer_start,
    .cancel = tr_llm_transfer_cancel,
    .url = take_url};
