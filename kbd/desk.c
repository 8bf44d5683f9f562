/* What the knowledge base is asked: fipa-request with a content {"action": ...} (docs/knowledge.md). */
#include "kbd/kbd.h"
#include "kbd/places.h"
#include "proto/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX   500
#define REMOVE_MAX 10000
#define TEXT_MAX   ((size_t)1 << 20) /* bytes of a document's text in one answer */

static void refuse(const tr_kb_question_t *q, const char *reason, const char *detail) {
    tr_kb_refuse(q->kbd, q->message, TR_REFUSE, reason, detail);
}

static void fail(const tr_kb_question_t *q, const tr_error_t *error) {
    tr_kb_refuse_error(q->kbd, q->message, error);
}

static tr_content_writer_t *answer(const tr_kb_question_t *q) {
    return tr_kb_answer(q->kbd, q->message, TR_INFORM);
}

bool tr_kb_read_name(const tr_kb_question_t *q, char *out) {
    tr_value_t v = tr_value_get(q->content, "namespace");
    if (tr_value_copy(v, out, TR_NAME_MAX + 1) == 0 && tr_name_valid(out, strlen(out)))
        return true;
    refuse(q, v ? "unrecognised-parameter-value" : "missing-argument",
        "namespace: expected 1 to 128 of A-Z a-z 0-9 . _ - + ~, the first neither . nor -");
    return false;
}

/* ---- get, list ---- */

static void write_text(tr_content_writer_t *w, const char *key, const char *text) {
    if (text)
        tr_write_kv(w, key, text);
}

static void write_json(tr_content_writer_t *w, const char *key, const char *text) {
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    tr_write_str(w, key);
    if (!json || tr_json_write(json, w) < 0)
        tr_write_map(w, 0);
    json_decref(json);
}

static size_t present(const char *text) {
    return text != NULL;
}

void tr_kb_write_document(tr_content_writer_t *w, const tr_kb_document_t *d, size_t more) {
    tr_write_map(w, 6 + present(d->source) + present(d->format) + present(d->agent) +
                        present(d->conversation) + present(d->taint) + more);
    tr_write_kv(w, "id", d->id);
    tr_write_kv(w, "title", d->title);
    write_text(w, "source", d->source);
    write_text(w, "format", d->format);
    write_text(w, "agent", d->agent);
    write_text(w, "conversation", d->conversation);
    write_text(w, "taint", d->taint);
    write_json(w, "metadata", d->metadata);
    tr_write_kv_int(w, "added_ms", d->added_ms);
    tr_write_kv_int(w, "changed_ms", d->changed_ms);
    tr_write_kv_uint(w, "chunks", d->chunks);
}

/* A part of the text, which begins and ends with a whole character. */
static void on_got(void *arg, const tr_kb_document_t *d) {
    const tr_kb_question_t *q = arg;
    tr_content_writer_t *w = answer(q);
    if (!w)
        return;
    int64_t offset = tr_value_int(tr_value_get(q->content, "offset"), 0);
    size_t from = offset < 0 ? 0 : (size_t)offset, to;
    from = from > d->text_len ? d->text_len : from;
    while (from < d->text_len && (d->text[from] & 0xc0) == 0x80)
        from++;
    to = d->text_len - from > TEXT_MAX ? from + TEXT_MAX : d->text_len;
    while (to > from && to < d->text_len && (d->text[to] & 0xc0) == 0x80)
        to--;
    tr_kb_write_document(w, d, 3);
    tr_write_kv_uint(w, "offset", from);
    tr_write_kv_uint(w, "length", d->text_len);
    tr_write_str(w, "text");
    tr_write_strn(w, d->text + from, to - from);
}

static void note_changed(void *arg, const tr_kb_document_t *d) {
    *(int64_t *)arg = d->changed_ms;
}

/* With replicas it may be in several places, of which one is the newest. */
static int find_place(tr_kb_question_t *q, const char *id, tr_error_t *error) {
    char ns[TR_KB_NAMESPACE_MAX + 1];
    tr_kb_namespace_t *places = NULL;
    size_t count = 0;
    int64_t newest_ms = -1;
    if (!tr_kb_read_name(q, ns))
        return 1;
    int rc = tr_kb_places_read(q->kbd->store, ns, &places, &count, error);
    for (size_t i = 0; i < count; i++) {
        int64_t changed_ms = 0;
        tr_kb_get(q->kbd->store, &places[i], id, note_changed, &changed_ms, NULL); /* none: 0 */
        if (changed_ms > newest_ms)
            q->ns = places[i];
        newest_ms = changed_ms > newest_ms ? changed_ms : newest_ms;
    }
    free(places);
    return rc == 0 && count == 0 ? tr_error_set(error, -ENOENT, "there is no namespace %s", ns) : rc;
}

static void get(tr_kb_question_t *q) {
    char id[TR_KB_ID_MAX + 1] = "";
    tr_error_t error = {0};
    bool copies = tr_value_get(q->content, "part") && tr_kb_front_keeps_copies(q->kbd);
    tr_value_copy(tr_value_get(q->content, "id"), id, sizeof id); /* none: "" */
    if (!copies && !tr_kb_find_namespace(q))
        return;
    if (!*id) {
        refuse(q, "missing-argument", "id");
        return;
    }
    int rc = copies ? find_place(q, id, &error) : 0;
    if (rc == 0)
        rc = tr_kb_get(q->kbd->store, &q->ns, id, on_got, q, &error);
    if (rc < 0)
        fail(q, &error);
}

typedef struct page {
    tr_content_writer_t documents; /* one behind the other: the array's head comes when they are counted */
    size_t count;
    char last[TR_KB_ID_MAX + 1];
} page_t;

static void on_listed(void *arg, const tr_kb_document_t *d) {
    page_t *page = arg;
    tr_kb_write_document(&page->documents, d, 0);
    page->count++;
    strncpy(page->last, d->id, TR_KB_ID_MAX);
}

static void put_page(const tr_kb_question_t *q, const page_t *page, bool more) {
    const void *bytes;
    size_t len;
    tr_content_writer_t *w = answer(q);
    if (!w || tr_content_writer_take(&page->documents, &bytes, &len) < 0)
        return;
    tr_write_map(w, 2);
    tr_write_kv(w, "after", more ? page->last : NULL);
    tr_write_str(w, "documents");
    tr_write_array(w, page->count);
    msgpack_sbuffer_write(&w->buffer, bytes, len);
}

static void list(tr_kb_question_t *q) {
    int64_t most = tr_value_int(tr_value_get(q->content, "max-results"), PAGE_MAX);
    char after[TR_KB_ID_MAX + 1] = "";
    tr_error_t error = {0};
    tr_filter_t filter = {0};
    page_t *page = calloc(1, sizeof *page);
    most = most < 1 || most > PAGE_MAX ? PAGE_MAX : most;
    tr_value_copy(tr_value_get(q->content, "after"), after, sizeof after); /* none: from the first on */
    int rc = page ? tr_filter_compile(tr_value_get(q->content, "filter"), &filter, &error)
                  : tr_error_set(&error, -ENOMEM, "out of memory");
    if (rc == 0) {
        tr_content_writer_init(&page->documents);
        rc = tr_kb_list(q->kbd->store, &q->ns, &filter, after, (size_t)most, on_listed, page, &error);
        if (rc == 0)
            put_page(q, page, page->count == (size_t)most);
        tr_content_writer_finish(&page->documents);
        tr_filter_finish(&filter);
    }
    if (rc < 0)
        fail(q, &error);
    free(page);
}

/* ---- remove, drop ---- */

static void tell_removed(const tr_kb_question_t *q, size_t count, bool more) {
    tr_content_writer_t *w = answer(q);
    if (!w)
        return;
    tr_write_map(w, 2);
    tr_write_kv_uint(w, "removed", count);
    tr_write_kv_bool(w, "more", more);
}

static int remove_id(
    tr_kb_question_t *q, const char *id, bool everywhere, size_t *ret_count, tr_error_t *error) {
    if (everywhere)
        return tr_kb_place_clear(q->kbd, q->ns.name, id, true, ret_count, error);
    int rc = tr_value_get(q->content, "part") && tr_kb_has_copies(q->kbd)
                 ? tr_kb_place_remove(q->kbd, q->ns.name, id, error)
                 : tr_kb_remove(q->kbd->store, &q->ns, id, error);
    *ret_count += rc == 0;
    return rc == -ENOENT ? 0 : rc; /* as was wanted */
}

static int remove_ids(
    tr_kb_question_t *q, tr_value_t ids, bool everywhere, size_t *ret_count, tr_error_t *error) {
    int rc = 0;
    for (size_t i = 0; i < tr_value_size(ids) && rc == 0; i++) {
        char id[TR_KB_ID_MAX + 1];
        if (tr_value_copy(tr_value_at(ids, i), id, sizeof id) < 0)
            return tr_error_set(error, -EINVAL, "ids: expected a list of texts");
        rc = remove_id(q, id, everywhere, ret_count, error);
    }
    return rc;
}

/* Whether it is one of those that are meant: what is owned here, and copies of what those own who are named; or all. */
static bool is_meant(const tr_kb_question_t *q, const char *place, bool everywhere) {
    tr_value_t copied = tr_value_get(q->content, "copied");
    size_t owner = tr_kb_place_owner(&q->kbd->front.shards, place);
    bool named = false;
    for (size_t i = 0; i < tr_value_size(copied); i++)
        named |= tr_value_int(tr_value_at(copied, i), -1) == (int64_t)owner;
    return everywhere || named || !tr_kb_place_is_copy(place);
}

static int remove_from_places(
    tr_kb_question_t *q, const tr_filter_t *filter, bool everywhere, size_t *ret_count, tr_error_t *error) {
    tr_kb_namespace_t *places = NULL;
    size_t count = 0;
    int rc = tr_kb_places_read(q->kbd->store, q->ns.name, &places, &count, error);
    for (size_t i = 0; i < count && rc == 0 && *ret_count < REMOVE_MAX; i++) {
        size_t removed = 0;
        if (!is_meant(q, places[i].name, everywhere))
            continue;
        rc = everywhere ? tr_kb_remove_where(q->kbd->store, &places[i], filter, REMOVE_MAX - *ret_count, NULL,
                              NULL, &removed, error)
                        : tr_kb_place_remove_where(
                              q->kbd, &places[i], filter, REMOVE_MAX - *ret_count, &removed, error);
        *ret_count += removed;
    }
    free(places);
    return rc;
}

static int remove_filtered(
    tr_kb_question_t *q, tr_value_t given, bool everywhere, size_t *ret_count, tr_error_t *error) {
    tr_filter_t filter = {0};
    int rc = tr_filter_compile(given, &filter, error);
    if (rc == 0 && tr_value_get(q->content, "part") && tr_kb_front_keeps_copies(q->kbd))
        rc = remove_from_places(q, &filter, everywhere, ret_count, error);
    else if (rc == 0)
        rc = tr_kb_remove_where(q->kbd->store, &q->ns, &filter, REMOVE_MAX, NULL, NULL, ret_count, error);
    tr_filter_finish(&filter);
    return rc;
}

/* The namespace; of a part its name, where only copies of it are here, too. False: it was refused. */
static bool find_any(tr_kb_question_t *q) {
    tr_kb_namespace_t *places = NULL;
    size_t count = 0;
    tr_error_t error = {0};
    if (!tr_value_get(q->content, "part") || !tr_kb_front_keeps_copies(q->kbd))
        return tr_kb_find_namespace(q);
    if (!tr_kb_read_name(q, q->ns.name))
        return false;
    int rc = tr_kb_places_read(q->kbd->store, q->ns.name, &places, &count, &error);
    free(places);
    if (rc == 0 && count == 0)
        rc = tr_error_set(&error, -ENOENT, "there is no namespace %s", q->ns.name);
    if (rc < 0)
        fail(q, &error);
    return rc == 0;
}

static void remove_documents(tr_kb_question_t *q) {
    tr_value_t ids = tr_value_get(q->content, "ids"), filter = tr_value_get(q->content, "filter");
    bool everywhere =
        tr_value_get(q->content, "part") && tr_value_bool(tr_value_get(q->content, "everywhere"), false);
    tr_error_t error = {0};
    size_t count = 0;
    if (!find_any(q))
        return;
    if (!tr_value_is_array(ids) == !filter) {
        refuse(q, "missing-argument", "ids: expected a list, or a filter");
        return;
    }
    int rc = tr_kb_store_begin(q->kbd->store, &error);
    if (rc == 0)
        rc = filter ? remove_filtered(q, filter, everywhere, &count, &error)
                    : remove_ids(q, ids, everywhere, &count, &error);
    if (rc == 0 && q->ns.number && q->ns.chunks == 0)
        tr_kb_meaning_drop(&q->kbd->meaning, &q->ns); /* empty, it costs nothing */
    if (rc < 0)
        fail(q, &error);
    else
        tell_removed(q, count, filter && count == REMOVE_MAX);
}

static int drop_one(tr_kb_question_t *q, const tr_kb_namespace_t *ns, tr_error_t *error) {
    int rc = tr_kb_namespace_drop(q->kbd->store, ns, error);
    tr_kb_meaning_drop(&q->kbd->meaning, ns);
    tr_kb_cache_drop(&q->kbd->cache, ns);
    return rc;
}

static void drop(tr_kb_question_t *q) {
    tr_kb_namespace_t *places = NULL;
    size_t count = 0, documents = 0;
    tr_error_t error = {0};
    if (!find_any(q))
        return;
    int rc = tr_kb_places_read(q->kbd->store, q->ns.name, &places, &count, &error);
    if (rc == 0)
        rc = tr_kb_store_begin(q->kbd->store, &error);
    for (size_t i = 0; i < count && rc == 0; i++) {
        documents += tr_kb_place_is_copy(places[i].name) ? 0 : (size_t)places[i].documents;
        rc = drop_one(q, &places[i], &error);
    }
    if (rc == 0)
        rc = tr_kb_owed_forget(q->kbd->store, q->ns.name, NULL, &error);
    free(places);
    if (rc < 0)
        fail(q, &error);
    else
        tell_removed(q, documents, false);
}

/* ---- namespaces ---- */

typedef struct names {
    tr_kbd_t *kbd;
    tr_content_writer_t maps;
    size_t count;
    bool part; /* other shards are told of copies, too */
} names_t;

static void on_namespace(void *arg, const tr_kb_namespace_t *ns) {
    names_t *names = arg;
    tr_content_writer_t *w = &names->maps;
    char base[TR_KB_NAMESPACE_MAX + 1];
    bool copies = tr_kb_place_is_copy(ns->name);
    if (copies && !names->part)
        return;
    names->count++;
    tr_index_state_t index = tr_indexes_state(&names->kbd->meaning.indexes, ns->number);
    tr_kb_place_base(ns->name, base);
    tr_write_map(w, 11 + copies);
    if (copies)
        tr_write_kv_uint(w, "of", tr_kb_place_owner(&names->kbd->front.shards, ns->name));
    tr_write_kv(w, "namespace", base);
    tr_write_kv(w, "language", ns->language);
    tr_write_kv_uint(w, "documents", ns->documents);
    tr_write_kv_uint(w, "chunks", ns->chunks);
    tr_write_kv_uint(w, "version", ns->version);
    tr_write_kv_uint(w, "pending", ns->pending);
    tr_write_kv(w, "index", index.state);
    tr_write_kv_uint(w, "vectors", index.vectors);
    tr_write_kv_uint(w, "segments", index.segments);
    tr_write_kv_uint(w, "delta", index.delta);
    tr_write_kv_uint(w, "hits", tr_kb_cache_hits(&names->kbd->cache, ns));
}

/* With how this shard is. */
static void put_names(const tr_kb_question_t *q, const names_t *names) {
    const void *bytes;
    size_t len;
    tr_content_writer_t *w = tr_content_writer_take(&names->maps, &bytes, &len) == 0 ? answer(q) : NULL;
    if (!w)
        return;
    tr_write_map(w, 1 + TR_KB_STATE);
    tr_kb_front_write_state(q->kbd, w);
    tr_write_str(w, "namespaces");
    tr_write_array(w, names->count);
    msgpack_sbuffer_write(&w->buffer, bytes, len);
}

static void namespaces(tr_kb_question_t *q) {
    names_t names = {.kbd = q->kbd, .part = tr_value_get(q->content, "part")};
    tr_error_t error = {0};
    tr_content_writer_init(&names.maps);
    if (tr_kb_namespaces(q->kbd->store, on_namespace, &names, &error) < 0)
        fail(q, &error);
    else if (names.part)
        put_names(q, &names);
    else
        tr_kb_answer_list(q->kbd, q->message, "namespaces", &names.maps, names.count);
    tr_content_writer_finish(&names.maps);
}

/* ---- compact ---- */

/* Behind everything else; how far it is, is on the topic. */
static void compact(tr_kb_question_t *q) {
    tr_kb_meaning_t *m = &q->kbd->meaning;
    tr_index_t *index;
    tr_error_t error = {0};
    bool complete;
    tr_content_writer_t *w;
    if (tr_indexes_need(&m->indexes, &q->ns, &index, &complete, &error) < 0) {
        fail(q, &error);
    } else if (tr_indexes_compact(&m->indexes, q->ns.number), (w = answer(q))) {
        tr_write_map(w, 1);
        tr_write_kv(w, "state", tr_indexes_state(&m->indexes, q->ns.number).state);
    }
}

/* ---- snapshot ---- */

/* In the data directory: nobody who asks has a say in where files are written. What came before is committed first. */
static void snapshot(tr_kb_question_t *q) {
    char name[TR_KB_NAMESPACE_MAX + 1], directory[PATH_MAX], path[PATH_MAX];
    tr_error_t error = {0};
    tr_content_writer_t *w;
    if (tr_value_copy(tr_value_get(q->content, "name"), name, sizeof name) < 0 ||
        !tr_name_valid(name, strlen(name))) {
        refuse(q, "missing-argument",
            "name: expected 1 to 128 of A-Z a-z 0-9 . _ - + ~, the first neither . nor -");
        return;
    }
    tr_kb_settle(q->kbd);
    snprintf(directory, sizeof directory, "%s/snapshots", q->kbd->options->resident.data);
    if (tr_kb_store_snapshot(q->kbd->store, directory, name, path, &error) < 0) {
        fail(q, &error);
    } else if ((w = answer(q))) {
        tr_write_map(w, 1);
        tr_write_kv(w, "path", path);
    }
}

/* ---- all ---- */

static const struct {
    const char *action;
    bool one; /* it is about one namespace, which must be there */
    void (*handle)(tr_kb_question_t *q);
} actions[] = {
    {"search", false, tr_kb_search},
    {"add", false, tr_kb_add},
    {"get", false, get},
    {"list", true, list},
    {"remove", false, remove_documents},
    {"drop", false, drop},
    {"compact", true, compact},
    {"namespaces", false, namespaces},
    {"snapshot", false, snapshot},
    {"shards", false, tr_kb_shards},
};

bool tr_kb_find_namespace(tr_kb_question_t *q) {
    char name[TR_KB_NAMESPACE_MAX + 1];
    tr_error_t error = {0};
    if (!tr_kb_read_place(q, name))
        return false;
    if (tr_kb_namespace_find(q->kbd->store, name, &q->ns, &error) == 0)
        return true;
    fail(q, &error);
    return false;
}

void tr_kb_request(tr_kbd_t *self, const tr_message_t *message) {
    tr_kb_question_t q = {.kbd = self, .message = message, .content = tr_message_value(message)};
    tr_value_t action = tr_value_get(q.content, "action");
    if (!tr_value_is_map(q.content) || !tr_value_is_str(action)) {
        tr_kb_refuse(
            self, message, TR_NOT_UNDERSTOOD, "unsupported-value", "content: expected a map with an action");
        return;
    }
    if (tr_kb_front_takes(&q))
        return;
    if (tr_value_get(q.content, "part") &&
        (!tr_kb_front_may_ask(&q) || tr_kb_mover_holds(&q) || tr_kb_part(&q, action)))
        return;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!tr_value_equals(action, actions[i].action))
            continue;
        if (!actions[i].one || tr_kb_find_namespace(&q))
            actions[i].handle(&q);
        return;
    }
    refuse(&q, "unsupported-function",
        "search, add, get, list, remove, drop, compact, namespaces, snapshot, shards");
}

/* Never fails: what cannot be done is told to who asked. */
static int receive(tr_agent_t *agent, void *state, const tr_message_t *message) {
    tr_kbd_t *self = *(tr_kbd_t **)state;
    tr_performative_t act = tr_message_performative(message);
    if (!self || tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    if (act == TR_REQUEST || act == TR_QUERY_REF)
        tr_kb_request(self, message);
    else if (act == TR_PROPOSE || act == TR_CFP || act == TR_SUBSCRIBE)
        tr_reply_reason(
            agent, message, TR_NOT_UNDERSTOOD, "unsupported-act", "expected a request"); /* ignoring */
    return 0;
}

const tr_behaviour_t tr_kbd_behaviour = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "kb",
    .summary = "Keeps documents and finds what is in them",
    .state_size = sizeof(tr_kbd_t *),
    .capacity = 1024,
    .receive = receive,
};
