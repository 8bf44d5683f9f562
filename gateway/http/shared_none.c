/* In a build without Redis. */
#include "gateway/http/shared.h"

#include <errno.h>

int tr_web_shared_new(const tr_web_shared_config_t *config, tr_web_shared_t **ret_self, tr_error_t *error) {
    (void)config, (void)ret_self;
    return tr_error_set(error, -ENOTSUP, "--redis: this build knows no Redis (-Dredis=enabled)");
}

void tr_web_shared_destroy(tr_web_shared_t **self) {
    (void)self;
}

bool tr_web_shared_begin(tr_web_shared_t *self, const char *name, const unsigned char digest[TR_ONCE_DIGEST],
    uint64_t nonce, void *owner) {
    (void)self, (void)name, (void)digest, (void)nonce, (void)owner;
    return false;
}

void tr_web_shared_end(tr_web_shared_t *self, const char *name, const unsigned char digest[TR_ONCE_DIGEST],
    uint64_t nonce, const tr_once_answer_t *answer) {
    (void)self, (void)name, (void)digest, (void)nonce, (void)answer;
}
