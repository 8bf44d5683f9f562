/* A provider: where it is, who we are to it, and what each request carries. */
#include "lib/llm/client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 3000

/* ---- keys ---- */

int tr_llm_provider_key(const tr_llm_provider_t *self, char out[TR_LLM_KEY_MAX], tr_error_t *error) {
    int rc = tr_llm_key_read(self->key_env, self->config->key_file, out, error);
    return rc < 0 && !self->config->key_file ? tr_error_prefix(error, "providers: %s", self->config->name)
                                             : rc;
}

void tr_llm_provider_hide_key(const tr_llm_provider_t *self, char *text, size_t len) {
    tr_llm_key_hide(self->key_env, self->config->key_file, &self->config->headers, text, len);
}

/* ---- what its models take ---- */

bool tr_llm_provider_tempers(const tr_llm_provider_t *self, const char *model) {
    for (size_t i = 0; i < TR_LLM_UNTEMPERED && i < self->untempered_n; i++)
        if (strncmp(self->untempered[i], model, TR_LLM_MODEL_KNOWN - 1) == 0)
            return false;
    return true;
}

void tr_llm_provider_untemper(tr_llm_provider_t *self, const char *model) {
    if (tr_llm_provider_tempers(self, model))
        snprintf(self->untempered[self->untempered_n++ % TR_LLM_UNTEMPERED], TR_LLM_MODEL_KNOWN, "%s", model);
}

/* ---- the beginning ---- */

static const char *base_of(const tr_llm_provider_t *self) {
    return self->config->base_url ? self->config->base_url : self->preset->base_url;
}

static int read_place(tr_llm_provider_t *self, tr_error_t *error) {
    CURLU *u = curl_url();
    char *host = NULL, *port = NULL;
    int r = u ? 0 : -ENOMEM;
    if (r == 0 && (curl_url_set(u, CURLUPART_URL, base_of(self), 0) != CURLUE_OK ||
                      curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
                      curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK))
        r = -EINVAL;
    if (r == 0) {
        snprintf(self->host, sizeof self->host, "%s", host);
        self->port = (int)strtol(port, NULL, 10);
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return r == 0 ? 0
                  : tr_error_set(
                        error, r, "providers: %s: base-url: %s is no URL", self->config->name, base_of(self));
}

/* Providers with the same server and key share its limits. The key's hash does not give it away. */
static void name_account(tr_llm_provider_t *self, const char *key) {
    unsigned char hash[24];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, (const unsigned char *)base_of(self), strlen(base_of(self)) + 1);
    crypto_generichash_update(&state, (const unsigned char *)key, strlen(key));
    crypto_generichash_final(&state, hash, sizeof hash);
    sodium_bin2hex(self->account, sizeof self->account, hash, sizeof hash);
}

int tr_llm_provider_init(tr_llm_provider_t *self, const tr_llm_provider_config_t *config, tr_error_t *error) {
    char key[TR_LLM_KEY_MAX];
    *self = (tr_llm_provider_t){.config = config, .preset = &tr_llm_presets[config->preset]};
    self->key_env = config->key_file ? NULL : config->key_env ? config->key_env : self->preset->key_env;
    int r = read_place(self, error);
    if (r == 0)
        r = tr_llm_provider_key(self, key, error);
    if (r == 0)
        name_account(self, key);
    explicit_bzero(key, sizeof key);
    return r;
}

/* ---- requests ---- */

/* A part of a path: a deployment's name may have any characters. */
static void print_escaped(const char *text, char *out, size_t size) {
    size_t n = 0;
    for (; *text && n + 4 < size; text++) {
        bool plain = isalnum((unsigned char)*text) || strchr("-._~", *text);
        n += (size_t)snprintf(out + n, size - n, plain ? "%c" : "%%%02X", (unsigned char)*text);
    }
    out[n] = '\0';
}

int tr_llm_provider_url(
    const tr_llm_provider_t *self, tr_llm_op_t op, const char *model, char *out, size_t size) {
    const char *const paths[TR_LLM_OPS] = {[TR_LLM_CHAT] = self->preset->dialect->chat_path,
        [TR_LLM_EMBED] = "embeddings",
        [TR_LLM_TRANSCRIBE] = "audio/transcriptions",
        [TR_LLM_SPEAK] = "audio/speech"};
    const char *base = base_of(self);
    int base_len = (int)strlen(base);
    while (base_len && base[base_len - 1] == '/')
        base_len--;
    char deployment[256];
    print_escaped(model, deployment, sizeof deployment);
    const char *version = self->config->api_version ? self->config->api_version : self->preset->api_version;
    int n = self->preset->deployments ? snprintf(out, size, "%.*s/openai/deployments/%s/%s?api-version=%s",
                                            base_len, base, deployment, paths[op], version)
                                      : snprintf(out, size, "%.*s/%s", base_len, base, paths[op]);
    return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

typedef struct list {
    tr_arena_t *arena;
    const char **items;
    size_t n;
    bool failed;
} list_t;

static void add(list_t *list, const char *name, const char *before, const char *value) {
    size_t len = strlen(name) + strlen(before) + strlen(value) + 3;
    char *line = list->n + 1 < TR_LLM_HEADERS_MAX ? tr_arena_alloc(list->arena, len) : NULL;
    if (!line) {
        list->failed = true;
        return;
    }
    snprintf(line, len, "%s: %s%s", name, before, value);
    list->items[list->n++] = line;
}

static void add_key(list_t *list, tr_llm_auth_t auth, const char *key) {
    static const struct {
        const char *name, *before;
    } ways[] = {
        [TR_LLM_AUTH_BEARER] = {"Authorization", "Bearer "},
        [TR_LLM_AUTH_API_KEY] = {"api-key", ""},
        [TR_LLM_AUTH_X_API_KEY] = {"x-api-key", ""},
    };
    if (*key)
        add(list, ways[auth].name, ways[auth].before, key);
}

int tr_llm_provider_headers(const tr_llm_provider_t *self, const tr_llm_request_t *request, const char *key,
    tr_arena_t *arena, const char *ret_headers[TR_LLM_HEADERS_MAX]) {
    list_t list = {.arena = arena, .items = ret_headers};
    const char *version = self->config->api_version ? self->config->api_version : self->preset->api_version;
    if (request->op != TR_LLM_TRANSCRIBE) /* its form says its own */
        add(&list, "Content-Type", "", "application/json");
    add(&list, "Accept", "",
        request->stream               ? "text/event-stream"
        : request->op == TR_LLM_SPEAK ? "*/*"
                                      : "application/json");
    add_key(&list, self->preset->auth, key);
    if (self->preset->dialect == &tr_llm_dialect_anthropic)
        add(&list, "anthropic-version", "", version);
    if (request->traceparent)
        add(&list, "traceparent", "", request->traceparent);
    for (size_t i = 0; i < self->config->headers.count; i++)
        add(&list, self->config->headers.items[i].key, "", self->config->headers.items[i].value);
    ret_headers[list.n] = NULL;
    return list.failed ? -ENOMEM : 0;
}
