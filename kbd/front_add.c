/*
 * Documents that come, over several shards. First all are asked what they know of the namespace: it has one language and one kind of vectors
 * everywhere, and where none of those that are here knows it, all must be here to say so. Then each shard gets its documents; those of one that is
 * away are told as not taken, each for itself, as any other that is not. With replicas the other one that is to have them takes these, and it is answered when
 * both have them, or one of them has, and is to give them to the other when that is here.
 */
#include "kbd/front.h"
#include "kbd/kbd.h"
#include "kbd/places.h"
#include "kbd/stem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENTS_MAX 1000

typedef struct plan {
    const char *language; /* a constant */
    size_t dimensions;
    bool known, settled;
    uint8_t owners[DOCUMENTS_MAX];
    bool taken[DOCUMENTS_MAX];
    tr_content_writer_t told; /* what came of each document, one behind the other */
} plan_t;

size_t tr_kb_front_owner(const tr_kb_errand_t *self, tr_value_t id) {
    char ns[TR_KB_NAMESPACE_MAX + 1], text[TR_KB_ID_MAX + 1];
    const tr_kb_front_t *front = &self->kbd->front;
    if (tr_value_copy(tr_value_get(self->content, "namespace"), ns, sizeof ns) < 0 ||
        tr_value_copy(id, text, sizeof text) < 0)
        return front->here;
    return tr_shards_owner(&front->shards, ns, text);
}

static void finish(tr_kb_errand_t *self) {
    plan_t *plan = self->more;
    if (plan)
        tr_content_writer_finish(&plan->told);
    free(plan);
}

static tr_value_t documents_of(const tr_kb_errand_t *self) {
    return tr_value_get(self->content, "documents");
}

/* ---- what came of it ---- */

static const char *reason_of(const tr_kb_errand_t *self, size_t shard, char *out, size_t size) {
    const char *name = self->kbd->front.shards.items[shard].name;
    tr_value_t said = tr_gather_said(self->gather, shard);
    char reason[64] = "", detail[300] = "";
    tr_value_copy(
        tr_value_get(said, "reason"), reason, sizeof reason); /* where it is too long it is "", ignoring */
    tr_value_copy(tr_value_get(said, "detail"), detail, sizeof detail);
    if (said)
        snprintf(out, size, "%s: %s: %s", name, reason, detail);
    else
        snprintf(
            out, size, "%s, where it belongs, is away and has not said that it took it: add it again", name);
    return out;
}

static void write_failed(const tr_kb_errand_t *self, size_t i, size_t shard, tr_content_writer_t *w) {
    char id[TR_KB_ID_MAX + 1] = "", reason[600];
    tr_value_copy(tr_value_get(tr_value_at(documents_of(self), i), "id"), id, sizeof id); /* none: "" */
    tr_write_map(w, 2);
    tr_write_kv(w, "id", id);
    tr_write_kv(w, "error", reason_of(self, shard, reason, sizeof reason));
}

static void answer(tr_kb_errand_t *self) {
    const plan_t *plan = self->more;
    tr_kb_answer_list(self->kbd, self->message, "documents", &plan->told, tr_value_size(documents_of(self)));
    tr_kb_errand_destroy(self);
}

static void note_added(tr_kb_errand_t *self, const tr_gather_t *gather) {
    plan_t *plan = self->more;
    size_t at[TR_SHARDS_MAX] = {0};
    for (size_t i = 0; i < tr_value_size(documents_of(self)); i++) {
        size_t shard = plan->owners[i];
        tr_value_t told = tr_value_at(tr_value_get(tr_gather_value(gather, shard), "documents"), at[shard]++);
        plan->taken[i] = told && !tr_value_get(told, "error");
        if (told)
            tr_write_value(&plan->told, told);
        else
            write_failed(self, i, shard, &plan->told);
    }
}

/* ---- what they were before, elsewhere ---- */

static void on_forgotten(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    char names[512], detail[700];
    memset(self->missing, 0, sizeof self->missing);
    for (size_t i = 0; i < tr_gather_count(gather); i++) {
        tr_gather_how_t how = tr_gather_how(gather, i);
        self->missing[i] = how == TR_GATHER_AWAY || how == TR_GATHER_REFUSED;
    }
    if (!tr_kb_errand_missing(self)) {
        answer(self);
        return;
    }
    snprintf(detail, sizeof detail, "%s: may still have the documents as they were before: add them again",
        tr_kb_errand_names(self, names, sizeof names));
    tr_kb_errand_refuse(self, TR_FAILURE, "shard-away", detail);
}

static size_t write_others(const tr_kb_errand_t *self, size_t shard, tr_content_writer_t *w) {
    const plan_t *plan = self->more;
    size_t n = 0;
    for (size_t i = 0; i < tr_value_size(documents_of(self)); i++) {
        tr_value_t id = tr_value_get(tr_value_at(documents_of(self), i), "id");
        if (plan->owners[i] == shard || !plan->taken[i])
            continue; /* what was not taken is only there, as it was */
        n++;
        if (w)
            tr_write_value(w, id);
    }
    return n;
}

/* Documents move: one of these may be where it does not belong any more, as it was. */
static void forget_elsewhere(tr_kb_errand_t *self) {
    size_t count = self->kbd->front.shards.count;
    if (!tr_kb_errand_gather(self, count))
        return;
    for (size_t i = 0; i < count; i++) {
        size_t n = tr_kb_front_shard_is_settled(self->kbd, i) ? 0 : write_others(self, i, NULL);
        if (!n)
            continue;
        tr_content_writer_t *w = tr_kb_errand_ask(self, i, i, "forget", 2);
        tr_write_str(w, "namespace");
        tr_write_value(w, tr_value_get(self->content, "namespace"));
        tr_write_str(w, "ids");
        tr_write_array(w, n);
        write_others(self, i, w);
    }
    tr_kb_errand_send(self, tr_kb_errand_left_ms(self), on_forgotten);
}

static void on_told(tr_kb_errand_t *self) {
    if (tr_kb_front_is_settled(self->kbd))
        answer(self);
    else
        forget_elsewhere(self);
}

static void on_added(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    self->view.judged = false; /* those that are missing are those that were asked now */
    tr_kb_errand_note_missing(self);
    if (!tr_kb_errand_missing(self) && tr_kb_errand_refused(self))
        return;
    note_added(self, gather);
    tr_kb_errand_flush(self, on_told);
}

/* ---- each its own ---- */

static void write_add(tr_kb_errand_t *self, size_t shard, size_t count) {
    const plan_t *plan = self->more;
    const tr_acl_t *acl = tr_message_acl(self->message);
    tr_content_writer_t *w = tr_kb_errand_ask(self, shard, shard, "add", 6);
    tr_write_str(w, "namespace");
    tr_write_value(w, tr_value_get(self->content, "namespace"));
    tr_write_kv(w, "language", plan->language);
    tr_write_kv_uint(w, "dimensions", plan->dimensions);
    tr_write_kv(w, "agent", tr_message_sender(self->message));
    tr_write_kv(w, "conversation", acl ? acl->conversation_id : NULL);
    tr_write_str(w, "documents");
    tr_write_array(w, count);
    for (size_t i = 0; i < tr_value_size(documents_of(self)); i++)
        if (plan->owners[i] == shard)
            tr_write_value(w, tr_value_at(documents_of(self), i));
}

static void share_out(tr_kb_errand_t *self) {
    plan_t *plan = self->more;
    size_t counts[TR_SHARDS_MAX] = {0}, n = self->kbd->front.shards.count;
    for (size_t i = 0; i < tr_value_size(documents_of(self)); i++) {
        plan->owners[i] =
            (uint8_t)tr_kb_errand_holder(self, tr_value_get(tr_value_at(documents_of(self), i), "id"));
        counts[plan->owners[i]]++;
    }
    memset(self->missing, 0, sizeof self->missing); /* only those count that are asked now */
    if (!tr_kb_errand_gather(self, n))
        return;
    for (size_t i = 0; i < n; i++)
        if (counts[i])
            write_add(self, i, counts[i]);
    tr_kb_errand_send(self, tr_kb_errand_left_ms(self) * 3 / 4, on_added);
}

/* ---- what is known ---- */

/* False: two do not agree. */
static bool learn(plan_t *plan, tr_value_t told) {
    char word[32];
    const char *language;
    size_t dimensions = (size_t)tr_value_int(tr_value_get(told, "dimensions"), 0);
    if (!tr_value_bool(tr_value_get(told, "known"), false))
        return true;
    if (tr_value_copy(tr_value_get(told, "language"), word, sizeof word) < 0 ||
        !(language = tr_stem_language(word)) || (plan->known && strcmp(plan->language, language) != 0))
        return false;
    plan->language = language;
    plan->known = true;
    if (!tr_value_bool(tr_value_get(told, "settled"), false))
        return true;
    if (plan->settled && plan->dimensions != dimensions)
        return false;
    plan->dimensions = dimensions;
    plan->settled = true;
    return true;
}

static size_t dimensions_of(tr_value_t document) {
    tr_value_t vector = tr_value_get(document, "vector");
    return vector && vector->type == MSGPACK_OBJECT_BIN ? vector->via.bin.size / sizeof(float)
                                                        : tr_value_size(vector);
}

/* What nobody knows yet is as it is asked for, and as the first document is. */
static void settle(const tr_kb_errand_t *self, plan_t *plan) {
    char word[32];
    if (tr_value_copy(tr_value_get(self->content, "language"), word, sizeof word) == 0)
        plan->language = tr_stem_language(
            word); /* it was read before; where it is another one, each document is told so */
    if (!plan->language)
        plan->language = "english";
    if (!plan->settled)
        plan->dimensions = dimensions_of(tr_value_at(documents_of(self), 0));
}

static void on_described(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    plan_t *plan = self->more;
    char names[512], detail[700];
    bool agreed = true;
    tr_kb_errand_note_missing(self);
    tr_kb_front_note(self->kbd, gather);
    for (size_t i = 0; i < tr_gather_count(gather); i++)
        if (tr_gather_how(gather, i) == TR_GATHER_AWAY)
            tr_kb_front_leave_alone(self->kbd, i);
    tr_kb_errand_judge(self);
    if (tr_kb_errand_refused(self))
        return;
    for (size_t i = 0; i < tr_gather_count(gather); i++)
        agreed &= learn(plan, tr_gather_value(gather, i));
    if (!agreed) {
        tr_kb_errand_refuse(self, TR_FAILURE, "shards-differ",
            "the namespace is of another language, or has other vectors, in another shard: drop it, and load "
            "it again");
        return;
    }
    if (!plan->settled && tr_kb_errand_missing(self)) {
        snprintf(detail, sizeof detail, "%s: away, and may know the namespace, which is new to the others",
            tr_kb_errand_names(self, names, sizeof names));
        tr_kb_errand_refuse(self, TR_FAILURE, "shard-away", detail);
        return;
    }
    settle(self, plan);
    share_out(self);
}

void tr_kb_front_add(tr_kb_errand_t *self) {
    tr_kb_question_t q = {.kbd = self->kbd, .message = self->message, .content = self->content};
    char ns[TR_KB_NAMESPACE_MAX + 1];
    size_t n = self->kbd->front.shards.count;
    const char *language;
    self->finish = finish;
    if (!tr_kb_add_is_well(&q, ns, &language)) {
        tr_kb_errand_destroy(self);
        return;
    }
    if (!(self->more = calloc(1, sizeof(plan_t)))) {
        tr_kb_errand_refuse(self, TR_FAILURE, "internal-error", "out of memory");
        return;
    }
    tr_content_writer_init(&((plan_t *)self->more)->told);
    if (!tr_kb_errand_gather(self, n))
        return;
    for (size_t i = 0; i < n; i++) {
        self->missing[i] = tr_kb_has_copies(self->kbd) && tr_kb_front_leaves_alone(self->kbd, i);
        if (!self->missing[i])
            tr_write_kv(tr_kb_errand_ask(self, i, i, "describe", 1), "namespace", ns);
    }
    int64_t left_ms = tr_kb_errand_left_ms(self) / 2, half_ms = self->kbd->options->search_time_ms / 2;
    bool copies = tr_kb_has_copies(self->kbd); /* one that hangs holds up nobody for longer */
    tr_kb_errand_send(self, copies && half_ms < left_ms ? half_ms : left_ms, on_described);
}
