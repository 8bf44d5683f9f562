#include "lib/llm/breaker.h"

int64_t tr_llm_breaker_ask(tr_llm_breaker_t *self, int64_t now_ms) {
    if (!self->open_ms)
        return 0;
    if (now_ms < self->until_ms)
        return self->until_ms - now_ms;
    if (self->probing)
        return self->open_ms; /* what it will be at least, if the probe fails */
    self->probing = true;
    return 0;
}

void tr_llm_breaker_success(tr_llm_breaker_t *self) {
    *self = (tr_llm_breaker_t){0};
}

void tr_llm_breaker_failure(
    tr_llm_breaker_t *self, int64_t now_ms, uint32_t most, int64_t first_ms, int64_t longest_ms) {
    bool opens = self->open_ms ? self->probing : ++self->failures >= most;
    if (!opens) /* one that began before it was opened */
        return;
    self->open_ms = !self->open_ms                   ? first_ms
                    : self->open_ms > longest_ms / 2 ? longest_ms
                                                     : self->open_ms * 2;
    self->until_ms = now_ms + self->open_ms;
    self->probing = false;
}

void tr_llm_breaker_open(tr_llm_breaker_t *self, int64_t now_ms, int64_t ms) {
    if (!self->open_ms || ms > self->open_ms)
        self->open_ms = ms;
    self->until_ms = now_ms + ms;
    self->probing = false;
}

void tr_llm_breaker_neither(tr_llm_breaker_t *self) {
    self->probing = false;
}
