#include "coordinator/task.h"

#include <stdlib.h>
#include <string.h>

const char *const tr_task_state_words[] = {
    "waiting_approval", "pending", "assigned", "in_progress", "completed", "failed", "cancelled", NULL};

const char *const tr_task_way_words[] = {"direct", "contract-net", "mind", NULL};

bool tr_task_ended(tr_task_state_t state) {
    return state >= TR_TASK_COMPLETED;
}

bool tr_task_may(tr_task_state_t from, tr_task_state_t to) {
    static const bool may[TR_TASK_STATES][TR_TASK_STATES] = {
        [TR_TASK_WAITING_APPROVAL] =
            {[TR_TASK_PENDING] = true, [TR_TASK_FAILED] = true, [TR_TASK_CANCELLED] = true},
        [TR_TASK_PENDING] = {[TR_TASK_ASSIGNED] = true, [TR_TASK_FAILED] = true, [TR_TASK_CANCELLED] = true},
        [TR_TASK_ASSIGNED] = {[TR_TASK_PENDING] = true,
            [TR_TASK_IN_PROGRESS] = true,
            [TR_TASK_COMPLETED] = true,
            [TR_TASK_FAILED] = true,
            [TR_TASK_CANCELLED] = true},
        [TR_TASK_IN_PROGRESS] = {[TR_TASK_PENDING] = true,
            [TR_TASK_COMPLETED] = true,
            [TR_TASK_FAILED] = true,
            [TR_TASK_CANCELLED] = true},
        [TR_TASK_FAILED] = {[TR_TASK_PENDING] = true, [TR_TASK_WAITING_APPROVAL] = true},
        [TR_TASK_CANCELLED] = {[TR_TASK_PENDING] = true, [TR_TASK_WAITING_APPROVAL] = true},
    };
    return may[from][to];
}

/* ---- one block ---- */

/* Where the next piece goes; in the first pass, which measures, `at` is NULL. */
typedef struct block {
    char *at;
    size_t size;
} block_t;

static void *put(block_t *b, const void *bytes, size_t len) {
    char *place = b->at;
    b->size += len;
    if (!place)
        return NULL;
    if (len)
        memcpy(place, bytes, len);
    b->at += len;
    return place;
}

static const char *put_text(block_t *b, const char *text) {
    return text ? put(b, text, strlen(text) + 1) : NULL;
}

static void put_texts(block_t *b, const char *const *texts, size_t count, const char **ret) {
    for (size_t i = 0; i < count; i++) {
        const char *text = put_text(b, texts[i]);
        if (ret)
            ret[i] = text;
    }
}

static void fill(block_t *b, const tr_task_wish_t *w, tr_task_t *t) {
    /* The lists first: they are aligned as the struct is. */
    t->skills = put(b, w->skills, w->skill_count * sizeof *w->skills);
    t->needs = put(b, w->needs, w->need_count * sizeof *w->needs);
    put_texts(b, w->skills, w->skill_count, t->skills);
    put_texts(b, w->needs, w->need_count, t->needs);
    t->id = put_text(b, w->id);
    t->key = put_text(b, w->key);
    t->description = put_text(b, w->description ? w->description : "");
    t->language = put_text(b, w->language);
    t->callback = put_text(b, w->callback);
    t->trace = put_text(b, w->trace);
    t->input = put(b, w->input, w->input_len);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t sort(const char **texts, size_t count) {
    size_t n = 0;
    if (count)
        qsort(texts, count, sizeof *texts, by_text);
    for (size_t i = 0; i < count; i++)
        if (n == 0 || strcmp(texts[n - 1], texts[i]) != 0)
            texts[n++] = texts[i];
    return n;
}

tr_task_t *tr_task_new(const tr_task_wish_t *wish) {
    tr_task_t measured = {0};
    block_t b = {0};
    fill(&b, wish, &measured);
    tr_task_t *t = calloc(1, sizeof *t + b.size);
    if (!t)
        return NULL;
    b.at = (char *)(t + 1);
    fill(&b, wish, t);
    t->skill_count = sort(t->skills, wish->skill_count);
    t->need_count = sort(t->needs, wish->need_count);
    t->input_len = wish->input_len;
    t->priority = wish->priority;
    t->way = wish->way;
    t->budget = wish->budget;
    t->composes = wish->composes;
    t->tries_max = wish->tries_max;
    t->created_ms = t->changed_ms = wish->created_ms;
    t->due_ms = wish->due_ms;
    t->deadline_ms = wish->deadline_ms;
    t->timeout_ms = wish->timeout_ms;
    t->approval = wish->approval;
    t->state = wish->approval ? TR_TASK_WAITING_APPROVAL : TR_TASK_PENDING;
    return t;
}

static bool same_text(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool has_skill(const tr_task_wish_t *w, const char *skill) {
    for (size_t i = 0; i < w->skill_count; i++)
        if (strcmp(w->skills[i], skill) == 0)
            return true;
    return false;
}

static bool has_skills(const tr_task_wish_t *w, const tr_task_wish_t *of) {
    for (size_t i = 0; i < of->skill_count; i++)
        if (!has_skill(w, of->skills[i]))
            return false;
    return true;
}

bool tr_task_same_work(const tr_task_wish_t *a, const tr_task_wish_t *b) {
    return same_text(a->description, b->description) && same_text(a->language, b->language) &&
           has_skills(a, b) && has_skills(b, a) && a->input_len == b->input_len &&
           (a->input_len == 0 || memcmp(a->input, b->input, a->input_len) == 0);
}

bool tr_task_is_work(const tr_task_t *self, const tr_task_wish_t *wish) {
    const tr_task_wish_t own = {.description = self->description,
        .language = self->language,
        .skills = self->skills,
        .skill_count = self->skill_count,
        .input = self->input,
        .input_len = self->input_len};
    return tr_task_same_work(&own, wish);
}

void tr_task_destroy(tr_task_t **self) {
    if (!*self)
        return;
    free((*self)->reason);
    free((*self)->result);
    free((*self)->status);
    free((*self)->dependents);
    free(*self);
    *self = NULL;
}

bool tr_task_set_reason(tr_task_t *self, const char *reason) {
    char *copy = reason ? strdup(reason) : NULL;
    if (reason && !copy)
        return false;
    free(self->reason);
    self->reason = copy;
    return true;
}

static bool set_bytes(void **held, size_t *held_len, const void *bytes, size_t len) {
    void *copy = malloc(len + 1);
    if (!copy)
        return false;
    if (len)
        memcpy(copy, bytes, len);
    free(*held);
    *held = copy;
    *held_len = len;
    return true;
}

const char **tr_task_copy_needs(const tr_task_t *self, char **ret_owned) {
    block_t b = {0};
    put_texts(&b, self->needs, self->need_count, NULL);
    char *owned = malloc(b.size + 1);
    const char **copies = self->need_count ? calloc(self->need_count, sizeof *copies) : NULL;
    if (!owned || !copies) {
        free(owned);
        free(copies);
        return NULL;
    }
    b.at = owned;
    put_texts(&b, self->needs, self->need_count, copies);
    *ret_owned = owned;
    return copies;
}

bool tr_task_set_result(tr_task_t *self, const void *bytes, size_t len) {
    return set_bytes(&self->result, &self->result_len, bytes, len);
}

bool tr_task_set_status(tr_task_t *self, const void *bytes, size_t len) {
    return set_bytes(&self->status, &self->status_len, bytes, len);
}
