#include "gateway/http/tls.h"

#include <errno.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static bool load(SSL_CTX *ctx, const tr_web_tls_t *self) {
    return SSL_CTX_use_certificate_chain_file(ctx, self->cert) == 1 &&
           SSL_CTX_use_PrivateKey_file(ctx, self->key, SSL_FILETYPE_PEM) == 1 &&
           SSL_CTX_check_private_key(ctx) == 1;
}

static bool same(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Tried in a context of its own: one that does not go together must not be half of what is used. */
static bool is_good(const tr_web_tls_t *self) {
    SSL_CTX *trial = SSL_CTX_new(TLS_server_method());
    bool good = trial && load(trial, self);
    SSL_CTX_free(trial);
    return good;
}

bool tr_web_tls_refresh(tr_web_tls_t *self, tr_error_t *error) {
    struct stat cert, key;
    char reason[160];
    if (!self->ctx || stat(self->cert, &cert) < 0 || stat(self->key, &key) < 0)
        return false; /* one of them is being replaced, ignoring: it is looked for again */
    bool unchanged = same(cert.st_mtim, self->cert_changed) && same(key.st_mtim, self->key_changed),
         first = !self->known;
    self->cert_changed = cert.st_mtim;
    self->key_changed = key.st_mtim;
    self->known = true;
    if (unchanged || first)
        return false;
    ERR_clear_error();
    if (is_good(self) && load(self->ctx, self))
        return true;
    ERR_error_string_n(ERR_peek_error(), reason, sizeof reason);
    ERR_clear_error();
    tr_error_set(
        error, -EINVAL, "%s and %s are no certificate with its key: %s", self->cert, self->key, reason);
    return false;
}
