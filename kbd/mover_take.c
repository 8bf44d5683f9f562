/* Documents that come from other shards (mover.h, owing.h). */
#include "kbd/kbd.h"
#include "kbd/mover.h"
#include "kbd/places.h"
#include "kbd/stem.h"
#include "kbd/store_move.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int on_vector(void *arg, int64_t chunk, const float *vector, size_t dimensions) {
    const tr_kb_question_t *q = arg;
    if (dimensions == tr_kb_meaning_dimensions(&q->kbd->meaning, &q->ns))
        tr_kb_meaning_add(&q->kbd->meaning, &q->ns, chunk, vector);
    return 0;
}

typedef struct take {
    char ns[TR_KB_NAMESPACE_MAX + 1];
    const char *language; /* a constant; NULL: all of it was removed */
    size_t dimensions;
} take_t;

/* One of another language, or with other vectors, that has nothing is made anew. */
static int need_place(tr_kb_question_t *q, const take_t *take, const char *name, tr_error_t *error) {
    int rc = tr_kb_namespace_need(q->kbd->store, name, take->language, &q->ns, error);
    if (rc == -EEXIST && q->ns.documents == 0) {
        tr_kb_meaning_drop(&q->kbd->meaning, &q->ns);
        rc = tr_kb_namespace_drop(q->kbd->store, &q->ns, error);
        if (rc == 0)
            rc = tr_kb_namespace_need(q->kbd->store, name, take->language, &q->ns, error);
    }
    return rc < 0 ? rc : tr_kb_namespace_vectors(q->kbd->store, &q->ns, take->dimensions, error);
}

/* From all places, and where the other one has said so nobody is to be told of it. */
static int take_removal(
    tr_kb_question_t *q, const char *ns, const char *id, int64_t at_ms, tr_error_t *error) {
    tr_kb_namespace_t *places = NULL;
    size_t count = 0;
    int rc = tr_kb_places_read(q->kbd->store, ns, &places, &count, error);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = tr_kb_remove_before(q->kbd->store, &places[i], id, at_ms, error);
    free(places);
    return rc;
}

/* What belongs elsewhere now is none to take, and none to complain of. */
static int take_copy(tr_kb_question_t *q, const take_t *take, const char *id, tr_value_t document,
    tr_kb_moved_t *moved, tr_error_t *error) {
    tr_value_t removed = tr_value_get(document, "removed_ms");
    tr_kb_place_t place;
    if (removed)
        return take_removal(q, take->ns, id, tr_value_int(removed, 0), error);
    if (!take->language)
        return tr_error_set(error, -EINVAL, "language: missing");
    if (!tr_kb_place_of(q->kbd, take->ns, id, &place))
        return 0;
    int rc = need_place(q, take, place.name, error);
    return rc < 0 ? rc
                  : tr_kb_move_take(
                        q->kbd->store, &q->ns, document, q->kbd->meaning.model, on_vector, q, moved, error);
}

static void take_one(tr_kb_question_t *q, const take_t *take, tr_value_t document, tr_content_writer_t *w) {
    char id[TR_KB_ID_MAX + 1] = "";
    tr_kb_moved_t moved = {0};
    tr_error_t error = {0};
    bool is_gone = !document || document->type == MSGPACK_OBJECT_NIL;
    int rc = 0;
    tr_value_copy(tr_value_get(document, "id"), id, sizeof id); /* none: "" */
    if (!is_gone && tr_kb_front_keeps_copies(q->kbd))
        rc = take_copy(q, take, id, document, &moved, &error);
    else if (!is_gone)
        rc = tr_kb_move_take(
            q->kbd->store, &q->ns, document, q->kbd->meaning.model, on_vector, q, &moved, &error);
    tr_write_map(w, 2);
    tr_write_kv(w, "id", id);
    if (rc < 0)
        tr_write_kv(w, "error", error.text);
    else
        tr_write_kv_bool(w, "taken", moved.taken);
}

static int read_take(tr_kb_question_t *q, take_t *take, tr_error_t *error) {
    char word[32] = "";
    bool copies = tr_kb_front_keeps_copies(q->kbd);
    take->dimensions = (size_t)tr_value_int(tr_value_get(q->content, "dimensions"), 0);
    tr_value_copy(tr_value_get(q->content, "language"), word, sizeof word); /* none, or too long: "" */
    take->language = *word ? tr_stem_language(word) : NULL;
    if (tr_value_copy(tr_value_get(q->content, "namespace"), take->ns, TR_NAME_MAX + 1) < 0 ||
        !tr_name_valid(take->ns, strlen(take->ns)) || (!copies && !take->language))
        return tr_error_set(error, -EINVAL, "namespace, language: expected both");
    int rc = tr_kb_store_begin(q->kbd->store, error);
    return rc < 0 || copies ? rc : need_place(q, take, take->ns, error);
}

void tr_kb_mover_take(tr_kb_question_t *q) {
    tr_value_t documents = tr_value_get(q->content, "documents");
    size_t n = tr_value_is_array(documents) ? tr_value_size(documents) : 0;
    take_t take;
    tr_content_writer_t *w;
    tr_error_t error = {0};
    if (read_take(q, &take, &error) < 0) {
        tr_kb_refuse_error(q->kbd, q->message, &error);
    } else if ((w = tr_kb_answer(q->kbd, q->message, TR_INFORM))) {
        tr_write_map(w, 1);
        tr_write_str(w, "documents");
        tr_write_array(w, n);
        for (size_t i = 0; i < n; i++)
            take_one(q, &take, tr_value_at(documents, i), w);
    }
    q->kbd->owing.warm = 0; /* there may be new places */
}
