#include "gateway/http/rate.h"

#include <stdlib.h>

#define SETS 1024
#define WAYS 4

typedef struct bucket {
    uint64_t name; /* hash; 0 = free */
    int64_t used_ms;
    double tokens;
} bucket_t;

struct tr_web_rate {
    double per_second, burst;
    uint64_t seed;
    bucket_t buckets[SETS][WAYS];
};

tr_web_rate_t *tr_web_rate_new(double per_second, double burst, uint64_t seed) {
    tr_web_rate_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->per_second = per_second;
    self->burst = burst < 1 ? 1 : burst;
    self->seed = seed;
    return self;
}

void tr_web_rate_destroy(tr_web_rate_t **self) {
    free(*self);
    *self = NULL;
}

/* FNV-1a from a seed of our own, so that names cannot be made to meet. */
static uint64_t hash_of(const tr_web_rate_t *self, const char *name) {
    uint64_t h = 14695981039346656037u ^ self->seed;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211u;
    h ^= h >> 32;
    return h ? h : 1;
}

static bucket_t *find(tr_web_rate_t *self, const char *name, int64_t now_ms) {
    uint64_t h = hash_of(self, name);
    bucket_t *set = self->buckets[h % SETS], *oldest = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].name == h)
            return &set[i];
        if (set[i].name == 0 || (oldest->name && set[i].used_ms < oldest->used_ms))
            oldest = &set[i];
    }
    *oldest = (bucket_t){.name = h, .used_ms = now_ms, .tokens = self->burst};
    return oldest;
}

int64_t tr_web_rate_take(tr_web_rate_t *self, const char *name, int64_t now_ms) {
    if (self->per_second <= 0)
        return 0;
    bucket_t *b = find(self, name, now_ms);
    b->tokens += (double)(now_ms - b->used_ms) / 1000 * self->per_second;
    b->tokens = b->tokens > self->burst ? self->burst : b->tokens;
    b->used_ms = now_ms;
    if (b->tokens < 1)
        return 1 + (int64_t)((1 - b->tokens) / self->per_second * 1000);
    b->tokens -= 1;
    return 0;
}
