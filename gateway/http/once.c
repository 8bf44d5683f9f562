#include "gateway/http/once.h"

#include "lib/base/map.h"
#include "lib/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_MAX 256 /* who, a line feed, and the key */

typedef struct entry {
    struct entry *younger, *older;
    bool ended;
    unsigned char digest[TR_ONCE_DIGEST];
    int64_t at_ms;
    tr_once_answer_t answer; /* its bytes are owned */
    size_t name_len;
    char name[];
} entry_t;

struct tr_once {
    tr_map_t by_name;
    entry_t *oldest, *youngest;
    size_t count, bytes;
};

tr_once_t *tr_once_new(void) {
    tr_once_t *self = calloc(1, sizeof *self);
    if (self)
        tr_map_init(&self->by_name, tr_random_seed());
    return self;
}

static void forget(tr_once_t *self, entry_t *entry) {
    *(entry->older ? &entry->older->younger : &self->oldest) = entry->younger;
    *(entry->younger ? &entry->younger->older : &self->youngest) = entry->older;
    tr_map_delete(&self->by_name, entry->name, entry->name_len);
    self->count--;
    self->bytes -= entry->answer.len;
    free((void *)(uintptr_t)entry->answer.bytes);
    free(entry);
}

void tr_once_destroy(tr_once_t **self_p) {
    tr_once_t *self = *self_p;
    if (!self)
        return;
    while (self->oldest)
        forget(self, self->oldest);
    tr_map_finish(&self->by_name);
    free(self);
    *self_p = NULL;
}

static bool has_room(const tr_once_t *self, size_t more, size_t bytes) {
    return self->count + more <= TR_ONCE_MAX && self->bytes + bytes <= TR_ONCE_BYTES;
}

/* That it was done is known on. */
static void forget_answer(tr_once_t *self, entry_t *entry) {
    self->bytes -= entry->answer.len;
    free((void *)(uintptr_t)entry->answer.bytes);
    entry->answer = (tr_once_answer_t){0};
}

/* What is too old goes, and what is in the way of so many more; answers, where so many bytes have no room. False: there is none. */
static bool make_room(tr_once_t *self, size_t more, size_t bytes, int64_t now_ms) {
    for (entry_t *entry = self->oldest, *younger; entry; entry = younger) {
        younger = entry->younger;
        if (has_room(self, more, bytes) && now_ms - entry->at_ms < TR_ONCE_KEEP_MS)
            break;
        if (entry->ended && (self->count + more > TR_ONCE_MAX || now_ms - entry->at_ms >= TR_ONCE_KEEP_MS))
            forget(self, entry);
        else if (entry->ended)
            forget_answer(self, entry);
    }
    return has_room(self, more, bytes);
}

static size_t name_of(char out[WHOLE_MAX], const char *who, const char *key) {
    int n = snprintf(out, WHOLE_MAX, "%s\n%s", who, key);
    return n > 0 && n < WHOLE_MAX ? (size_t)n : 0;
}

static entry_t *find(const tr_once_t *self, const char *who, const char *key) {
    char name[WHOLE_MAX];
    size_t len = name_of(name, who, key);
    return len ? tr_map_find_ptr(&self->by_name, name, len) : NULL;
}

static bool add(tr_once_t *self, const char *who, const char *key, const unsigned char digest[TR_ONCE_DIGEST],
    int64_t now_ms) {
    char name[WHOLE_MAX];
    size_t len = name_of(name, who, key);
    entry_t *entry = len ? calloc(1, sizeof *entry + len + 1) : NULL;
    if (!entry)
        return false;
    memcpy(entry->name, name, len + 1);
    memcpy(entry->digest, digest, TR_ONCE_DIGEST);
    entry->name_len = len;
    entry->at_ms = now_ms;
    if (tr_map_put(&self->by_name, entry->name, len, (uintptr_t)entry) < 0) {
        free(entry);
        return false;
    }
    entry->older = self->youngest;
    *(entry->older ? &entry->older->younger : &self->oldest) = entry;
    self->youngest = entry;
    self->count++;
    return true;
}

tr_once_found_t tr_once_begin(tr_once_t *self, const char *who, const char *key,
    const unsigned char digest[TR_ONCE_DIGEST], int64_t now_ms, tr_once_answer_t *ret_answer) {
    make_room(self, 0, 0, now_ms);
    const entry_t *entry = find(self, who, key);
    if (!entry)
        return make_room(self, 1, 0, now_ms) && add(self, who, key, digest, now_ms) ? TR_ONCE_NEW
                                                                                    : TR_ONCE_FULL;
    if (memcmp(entry->digest, digest, TR_ONCE_DIGEST) != 0)
        return TR_ONCE_OTHER;
    if (!entry->ended)
        return TR_ONCE_UNDER_WAY;
    *ret_answer = entry->answer;
    return TR_ONCE_KNOWN;
}

void tr_once_end(
    tr_once_t *self, const char *who, const char *key, const tr_once_answer_t *answer, int64_t now_ms) {
    entry_t *entry = find(self, who, key);
    if (!entry || entry->ended)
        return;
    char *bytes = make_room(self, 0, answer->len, now_ms) ? malloc(answer->len + 1) : NULL;
    entry->ended = true;
    if (!bytes) /* that it was done is known nevertheless */
        return;
    if (answer->len)
        memcpy(bytes, answer->bytes, answer->len);
    entry->answer = (tr_once_answer_t){answer->status, answer->type, bytes, answer->len};
    self->bytes += answer->len;
}

void tr_once_drop(tr_once_t *self, const char *who, const char *key) {
    entry_t *entry = find(self, who, key);
    if (entry && !entry->ended)
        forget(self, entry);
}
