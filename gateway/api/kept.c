#include "gateway/api/kept.h"

#include "lib/base/map.h"
#include "lib/base/random.h"

#include <stdlib.h>
#include <string.h>

#define NODE  64  /* bytes of a value, or of an object's member, beside what is in it */
#define TABLE 192 /* and of an object or list that is empty */

typedef struct one {
    struct one *next, *previous; /* the one that was used before it, and after */
    char *who;
    json_t *messages, *response;
    int64_t used_ms;
    size_t bytes;
} one_t;

struct tr_kept {
    tr_map_t by_id;
    one_t *last, *first; /* used last; used first */
    size_t bytes;
};

tr_kept_t *tr_kept_new(void) {
    tr_kept_t *self = calloc(1, sizeof *self);
    if (self)
        tr_map_init(&self->by_id, tr_random_seed());
    return self;
}

static const char *id_of(const json_t *response) {
    const char *id = json_string_value(json_object_get(response, "id"));
    return id ? id : "";
}

static void unlink_one(tr_kept_t *self, one_t *one) {
    *(one->previous ? &one->previous->next : &self->last) = one->next;
    *(one->next ? &one->next->previous : &self->first) = one->previous;
}

static void link_one(tr_kept_t *self, one_t *one, int64_t now_ms) {
    one->used_ms = now_ms;
    one->previous = NULL;
    one->next = self->last;
    *(self->last ? &self->last->previous : &self->first) = one;
    self->last = one;
}

static void free_one(one_t *one) {
    if (!one)
        return;
    free(one->who);
    json_decref(one->messages);
    json_decref(one->response);
    free(one);
}

static void drop(tr_kept_t *self, one_t *one) {
    const char *id = id_of(one->response);
    tr_map_delete(&self->by_id, id, strlen(id));
    unlink_one(self, one);
    self->bytes -= one->bytes;
    free_one(one);
}

void tr_kept_destroy(tr_kept_t **self_p) {
    tr_kept_t *self = *self_p;
    if (!self)
        return;
    while (self->first)
        drop(self, self->first);
    tr_map_finish(&self->by_id);
    free(self);
    *self_p = NULL;
}

static void forget_old(tr_kept_t *self, int64_t now_ms) {
    while (self->first && now_ms - self->first->used_ms >= TR_KEPT_MS)
        drop(self, self->first);
}

static void make_room(tr_kept_t *self, size_t bytes) {
    while (self->first && (self->by_id.count >= TR_KEPT_MAX || self->bytes + bytes > TR_KEPT_BYTES))
        drop(self, self->first);
}

/* What it takes in memory, about: a value is many times its text where it is short. As deep as a body may be. */
static size_t size_of(const json_t *value) {
    size_t bytes = NODE, i;
    const char *key;
    json_t *one;
    json_object_foreach((json_t *)(uintptr_t)value, key, one) bytes += NODE + strlen(key) + size_of(one);
    json_array_foreach(value, i, one) bytes += sizeof one + size_of(one);
    return bytes + json_string_length(value) + (json_is_object(value) || json_is_array(value) ? TABLE : 0);
}

/* Half-built where there is no memory for it. */
static one_t *new_one(const char *who, json_t *messages, json_t *response) {
    one_t *one = calloc(1, sizeof *one);
    if (one)
        *one = (one_t){.who = strdup(who),
            .messages = json_incref(messages),
            .response = json_incref(response),
            .bytes = size_of(messages) + size_of(response)};
    return one;
}

bool tr_kept_put(tr_kept_t *self, const char *who, json_t *messages, json_t *response, int64_t now_ms) {
    one_t *one = messages && response ? new_one(who, messages, response) : NULL;
    const char *id = id_of(response);
    bool good =
        one && one->who && one->bytes <= TR_KEPT_ONE && *id && !tr_map_find(&self->by_id, id, strlen(id));
    if (good)
        make_room(self, one->bytes);
    good = good && tr_map_put(&self->by_id, id, strlen(id), (uintptr_t)one) == 0;
    if (good) {
        link_one(self, one, now_ms);
        self->bytes += one->bytes;
    } else {
        free_one(one);
    }
    json_decref(messages);
    json_decref(response);
    return good;
}

static one_t *find(const tr_kept_t *self, const char *who, const char *id) {
    one_t *one = tr_map_find_ptr(&self->by_id, id, strlen(id));
    return one && strcmp(one->who, who) == 0 ? one : NULL;
}

static one_t *use(tr_kept_t *self, const char *who, const char *id, int64_t now_ms) {
    forget_old(self, now_ms);
    one_t *one = find(self, who, id);
    if (one) {
        unlink_one(self, one);
        link_one(self, one, now_ms);
    }
    return one;
}

json_t *tr_kept_messages(tr_kept_t *self, const char *who, const char *id, int64_t now_ms) {
    one_t *one = use(self, who, id, now_ms);
    return one ? one->messages : NULL;
}

json_t *tr_kept_response(tr_kept_t *self, const char *who, const char *id, int64_t now_ms) {
    one_t *one = use(self, who, id, now_ms);
    return one ? one->response : NULL;
}

bool tr_kept_drop(tr_kept_t *self, const char *who, const char *id) {
    one_t *one = find(self, who, id);
    if (one)
        drop(self, one);
    return one != NULL;
}

size_t tr_kept_count(const tr_kept_t *self) {
    return self->by_id.count;
}
