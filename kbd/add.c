/*
 * Documents that come: {"action": "add", "namespace": N, "documents": [...]}. Each is read, cut and put by itself; one that cannot be is told
 * as such and does not stop the others. The request is a job because a PDF has to be read by a program first: then it rests, with its
 * message kept, until that has ended.
 */
#include "kbd/kbd.h"
#include "kbd/own_vector.h"
#include "kbd/pdf.h"
#include "kbd/places.h"
#include "kbd/stem.h"
#include "lib/base/clock.h"
#include "proto/json.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENTS_MAX 1000
#define TEXT_MAX      512 /* of title and taint */
#define SOURCE_MAX    2048

struct tr_kb_job {
    tr_kbd_t *kbd;
    tr_message_t *message; /* owned */
    tr_value_t documents;
    size_t next;
    char ns[TR_KB_NAMESPACE_MAX + 1];
    const char *language;
    char agent[TR_AID_MAX + 1]; /* who adds them, and in which conversation; "" = none */
    char conversation[TR_CONVERSATION_TEXT + 1];
    bool part;                   /* another shard asks: each goes to its place */
    int64_t dimensions;          /* that their vectors have, as another shard knows; -1 = as it is here */
    tr_content_writer_t results; /* maps, one behind the other */
    tr_pdf_t pdf;                /* of the document `next`, while it is read */
    tr_timer_t *timer;
    tr_kb_job_t *before, *after;
};

/* A document as it came: texts are borrowed from the message or in here. */
typedef struct wish {
    char id[TR_KB_ID_MAX + 1], title[TEXT_MAX + 1], source[SOURCE_MAX + 1], format[16], taint[TEXT_MAX + 1];
    const char *bytes;
    size_t len;
    char *metadata; /* owned; JSON */
    float *vector;  /* owned; NULL = it is made here */
    size_t dimensions;
} wish_t;

/* ---- reading ---- */

/* A text that may be missing: "" then. */
static int read_text(tr_value_t document, const char *key, char *out, size_t size, tr_error_t *error) {
    tr_value_t v = tr_value_get(document, key);
    *out = '\0';
    return !v || v->type == MSGPACK_OBJECT_NIL || tr_value_copy(v, out, size) == 0
               ? 0
               : tr_error_set(error, -EINVAL, "%s: expected a text of at most %zu bytes", key, size - 1);
}

static int read_bytes(tr_value_t document, wish_t *wish, tr_error_t *error) {
    tr_value_t text = tr_value_get(document, "text"), bytes = tr_value_get(document, "bytes");
    wish->bytes = tr_value_str(text, &wish->len);
    if (!wish->bytes && bytes && bytes->type == MSGPACK_OBJECT_BIN) {
        wish->bytes = bytes->via.bin.ptr;
        wish->len = bytes->via.bin.size;
    }
    if (!wish->bytes && wish->vector) {
        wish->bytes = wish->id; /* what there is to say of it */
        wish->len = strlen(wish->id);
    }
    if (!wish->bytes)
        return tr_error_set(error, -EINVAL, "expected text, or bytes");
    return wish->len > TR_KB_DOCUMENT_MAX
               ? tr_error_set(error, -EINVAL, "more than %u bytes", TR_KB_DOCUMENT_MAX)
               : 0;
}

static int read_metadata(tr_value_t document, wish_t *wish, tr_error_t *error) {
    tr_value_t v = tr_value_get(document, "metadata");
    if (!v)
        return 0;
    if (!tr_value_is_map(v))
        return tr_error_set(error, -EINVAL, "metadata: expected a map");
    json_t *json = tr_value_to_json(v);
    wish->metadata = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(json);
    return wish->metadata ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

static int read_wish(tr_value_t document, wish_t *wish, tr_error_t *error) {
    if (!tr_value_is_map(document))
        return tr_error_set(error, -EINVAL, "expected a map");
    int rc = read_text(document, "id", wish->id, sizeof wish->id, error);
    if (rc == 0 && !*wish->id)
        rc = tr_error_set(error, -EINVAL, "id: missing");
    if (rc == 0)
        rc = read_text(document, "title", wish->title, sizeof wish->title, error);
    if (rc == 0)
        rc = read_text(document, "source", wish->source, sizeof wish->source, error);
    if (rc == 0)
        rc = read_text(document, "format", wish->format, sizeof wish->format, error);
    if (rc == 0)
        rc = read_text(document, "taint", wish->taint, sizeof wish->taint, error);
    if (rc == 0 && tr_value_get(document, "vector"))
        rc = tr_own_vector_read(tr_value_get(document, "vector"), &wish->vector, &wish->dimensions, error);
    if (rc == 0)
        rc = read_bytes(document, wish, error);
    return rc < 0 ? rc : read_metadata(document, wish, error);
}

static void finish_wish(wish_t *wish) {
    free(wish->metadata);
    free(wish->vector);
}

/* The name that tells the reader its format: the id, with the extension of the format that was given. */
static int name_of(const wish_t *wish, char *out, size_t size, tr_error_t *error) {
    static const struct {
        const char *format, *extension;
    } formats[] = {
        {"", ""}, {"text", ".txt"}, {"markdown", ".md"}, {"html", ".html"}, {"pdf", ".txt"}, {"man", ".man"}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(wish->format, formats[i].format) == 0)
            return snprintf(out, size, "%s%s", wish->id, formats[i].extension), 0;
    return tr_error_set(error, -EINVAL, "format: expected text, markdown, html, man or pdf");
}

static const char *last_part(const char *id) {
    const char *slash = strrchr(id, '/');
    return slash && slash[1] ? slash + 1 : id;
}

/* ---- putting ---- */

/* What comes with a vector is one chunk. */
static int cut_not(const tr_document_t *d, tr_chunk_t **ret_chunks, size_t *ret_count) {
    *ret_chunks = calloc(1, sizeof **ret_chunks);
    if (!*ret_chunks)
        return -ENOMEM;
    (*ret_chunks)->length = (uint32_t)d->text_length;
    *ret_count = 1;
    return 0;
}

static int put(tr_kb_job_t *self, tr_kb_namespace_t *ns, const wish_t *wish, const tr_document_t *d,
    const char *format, int64_t at_ms, tr_kb_change_t *ret_change, tr_error_t *error) {
    const tr_kbd_options_t *o = self->kbd->options;
    tr_chunk_bounds_t bounds = {
        .most = (uint32_t)o->chunk_tokens, .least = 40, .overlap = (uint32_t)o->chunk_overlap};
    tr_chunk_t *chunks = NULL;
    size_t count = 0;
    const char *name = last_part(d->name);
    tr_kb_document_t document = {
        .id = wish->id,
        .title = *wish->title                  ? wish->title
                 : strcmp(d->title, name) == 0 ? last_part(wish->id)
                                               : d->title,
        .source = *wish->source ? wish->source : NULL,
        .format = format,
        .agent = self->agent,
        .conversation = *self->conversation ? self->conversation : NULL,
        .taint = *wish->taint ? wish->taint : NULL,
        .metadata = wish->metadata,
        .text = d->text,
        .text_len = d->text_length,
        .vector = wish->vector,
        .changed_ms = at_ms,
    };
    int rc = wish->vector ? cut_not(d, &chunks, &count) : tr_chunks_cut(d, &bounds, &chunks, &count);
    if (rc < 0)
        tr_error_set(error, rc, "out of memory");
    else
        rc = tr_kb_put(self->kbd->store, ns, &document, chunks, count, ret_change, error);
    if (rc == 0 && wish->vector && ret_change->chunk)
        tr_kb_meaning_add(&self->kbd->meaning, ns, ret_change->chunk, wish->vector);
    free(chunks);
    return rc;
}

/* Where it is put here. */
static int find_place(const tr_kb_job_t *self, const char *id, tr_kb_place_t *ret_place, tr_error_t *error) {
    *ret_place = (tr_kb_place_t){.other = self->kbd->front.shards.count};
    snprintf(ret_place->name, sizeof ret_place->name, "%s", self->ns);
    return !self->part || !tr_kb_has_copies(self->kbd) || tr_kb_place_of(self->kbd, self->ns, id, ret_place)
               ? 0
               : tr_error_set(error, -EINVAL, "it belongs to other shards");
}

static int put_in_place(tr_kb_job_t *self, const wish_t *wish, const tr_document_t *document,
    const char *format, tr_kb_change_t *ret_change, tr_error_t *error) {
    tr_kb_place_t place;
    tr_kb_namespace_t ns;
    int64_t at_ms = 0;
    int rc = find_place(self, wish->id, &place, error);
    if (rc == 0)
        rc = tr_kb_store_begin(self->kbd->store, error);
    if (rc == 0)
        rc = tr_kb_namespace_need(self->kbd->store, place.name, self->language, &ns, error);
    if (rc == 0)
        rc = tr_kb_namespace_vectors(self->kbd->store, &ns, wish->dimensions, error);
    if (rc == 0)
        rc = tr_kb_stamp(self->kbd, &ns, wish->id, &at_ms, error);
    if (rc == 0)
        rc = put(self, &ns, wish, document, format, at_ms, ret_change, error);
    if (rc == 0 && !ret_change->unchanged)
        rc = tr_kb_place_owe(self->kbd, self->ns, wish->id, &place, at_ms, error);
    return rc;
}

static int put_text(tr_kb_job_t *self, const wish_t *wish, const char *bytes, size_t len, bool pdf,
    tr_kb_change_t *ret_change, tr_error_t *error) {
    char name[TR_KB_ID_MAX + 16];
    tr_document_t *document = NULL;
    int rc = name_of(wish, name, sizeof name, error);
    if (rc == 0 && self->dimensions >= 0 && (size_t)self->dimensions != wish->dimensions)
        rc =
            tr_error_set(error, -EEXIST, "%s: its vectors have %lld numbers (0: they are made here), not %zu",
                self->ns, (long long)self->dimensions, wish->dimensions);
    if (rc == 0)
        rc = tr_document_parse(name, bytes, len, TR_PDF_TEXT_MAX, &document, error);
    if (rc == 0)
        rc = put_in_place(
            self, wish, document, pdf ? "pdf" : tr_document_format_name(document->format), ret_change, error);
    tr_document_destroy(&document);
    return rc;
}

/* ---- the job ---- */

static void run(tr_kb_job_t *self);

static void destroy(tr_kb_job_t *self) {
    if (self->before)
        self->before->after = self->after;
    else if (self->kbd->jobs == self)
        self->kbd->jobs = self->after;
    if (self->after)
        self->after->before = self->before;
    tr_pdf_finish(&self->pdf);
    tr_content_writer_finish(&self->results);
    tr_message_done(&self->message);
    free(self);
}

static void tell_change(tr_kb_job_t *self, const char *id, const tr_kb_change_t *change) {
    tr_content_writer_t *w = &self->results;
    tr_write_map(w, 5);
    tr_write_kv(w, "id", id);
    tr_write_kv_bool(w, "existed", change->existed);
    tr_write_kv_bool(w, "unchanged", change->unchanged);
    tr_write_kv_uint(w, "added", change->added);
    tr_write_kv_uint(w, "kept", change->kept);
}

static void tell_error(tr_kb_job_t *self, const char *id, const tr_error_t *error) {
    tr_content_writer_t *w = &self->results;
    tr_write_map(w, 2);
    tr_write_kv(w, "id", id);
    tr_write_kv(w, "error", error->text);
}

static void tell(
    tr_kb_job_t *self, const wish_t *wish, int rc, const tr_kb_change_t *change, const tr_error_t *error) {
    if (rc < 0)
        tell_error(self, wish->id, error);
    else
        tell_change(self, wish->id, change);
    self->next++;
}

static void conclude(tr_kb_job_t *self) {
    tr_kb_answer_list(self->kbd, self->message, "documents", &self->results, self->next);
    destroy(self);
}

static void on_text(tr_kb_job_t *self) {
    wish_t wish = {0};
    tr_kb_change_t change = {0};
    tr_error_t error = {0};
    char *text = NULL;
    size_t len = 0;
    int rc = tr_pdf_take(&self->pdf, &text, &len, &error);
    if (rc == 0)
        rc = read_wish(tr_value_at(self->documents, self->next), &wish, &error);
    else
        read_text(tr_value_at(self->documents, self->next), "id", wish.id, sizeof wish.id, NULL);
    if (rc == 0 && !*wish.format)
        strcpy(wish.format, "pdf");
    if (rc == 0)
        rc = put_text(self, &wish, text, len, true, &change, &error);
    tell(self, &wish, rc, &change, &error);
    finish_wish(&wish);
    free(text);
    run(self);
}

static void on_process(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    tr_kb_job_t *self = arg;
    (void)state, (void)events;
    tr_watch(agent, fd, 0, NULL, NULL);
    tr_timer_cancel(&self->timer);
    on_text(self);
}

static void on_late(tr_agent_t *agent, void *state, void *arg) {
    tr_kb_job_t *self = arg;
    (void)agent, (void)state;
    self->timer = NULL;
    kill(self->pdf.pid, SIGKILL); /* then on_process sees it */
}

/* True: the job rests until its program has ended. */
static bool begin_pdf(tr_kb_job_t *self, const wish_t *wish, tr_error_t *error) {
    tr_agent_t *agent = self->kbd->agent;
    if (tr_pdf_start(&self->pdf, wish->bytes, wish->len, error) < 0)
        return false;
    self->timer = tr_timer_start(agent, TR_PDF_SECONDS * 1000, on_late, self);
    if (self->timer && tr_watch(agent, self->pdf.process, POLLIN, on_process, self) == 0)
        return true;
    tr_timer_cancel(&self->timer);
    tr_pdf_finish(&self->pdf);
    tr_error_set(error, -ENOMEM, "out of memory");
    return false;
}

/* The document `next`; true: it has to wait. */
static bool add_one(tr_kb_job_t *self) {
    wish_t wish = {0};
    tr_kb_change_t change = {0};
    tr_error_t error = {0};
    bool waits = false;
    int rc = read_wish(tr_value_at(self->documents, self->next), &wish, &error);
    if (rc == 0 && (tr_pdf_is(wish.bytes, wish.len) || strcmp(wish.format, "pdf") == 0)) {
        waits = begin_pdf(self, &wish, &error);
        rc = waits ? 0 : error.code;
    } else if (rc == 0) {
        rc = put_text(self, &wish, wish.bytes, wish.len, false, &change, &error);
    }
    if (!waits)
        tell(self, &wish, rc, &change, &error);
    finish_wish(&wish);
    return waits;
}

static void run(tr_kb_job_t *self) {
    while (self->next < tr_value_size(self->documents))
        if (add_one(self))
            return;
    conclude(self);
}

/* ---- the request ---- */

static bool read_language(const tr_kb_question_t *q, const char **ret_language) {
    char word[32];
    tr_value_t v = tr_value_get(q->content, "language");
    *ret_language = NULL;
    if (!v)
        return true;
    if (tr_value_copy(v, word, sizeof word) == 0 && (*ret_language = tr_stem_language(word)))
        return true;
    tr_kb_refuse(q->kbd, q->message, TR_REFUSE, "unrecognised-parameter-value",
        "language: expected one that Snowball knows, as en or english, or none");
    return false;
}

/* A shard adds for whom it was asked by. */
static void read_origin(tr_kb_job_t *self, tr_value_t content) {
    const tr_acl_t *acl = tr_message_acl(self->message);
    const char *conversation = acl ? acl->conversation_id : NULL;
    self->dimensions = -1;
    if (!tr_value_get(content, "part")) {
        snprintf(self->agent, sizeof self->agent, "%s", tr_message_sender(self->message));
        snprintf(self->conversation, sizeof self->conversation, "%s", conversation ? conversation : "");
        return;
    }
    self->part = true;
    tr_value_copy(tr_value_get(content, "agent"), self->agent, sizeof self->agent);
    tr_value_copy(tr_value_get(content, "conversation"), self->conversation, sizeof self->conversation);
    self->dimensions = tr_value_int(tr_value_get(content, "dimensions"), -1);
}

static tr_kb_job_t *new_job(const tr_kb_question_t *q, const char *ns, const char *language) {
    tr_kb_job_t *self = calloc(1, sizeof *self);
    tr_message_t *message = self ? tr_message_keep(q->message) : NULL;
    if (!message) {
        free(self);
        return NULL;
    }
    *self = (tr_kb_job_t){.kbd = q->kbd,
        .message = message,
        .documents = tr_value_get(tr_message_value(message), "documents"),
        .language = language,
        .pdf = {.process = -1, .out = -1},
        .after = q->kbd->jobs};
    snprintf(self->ns, sizeof self->ns, "%s", ns);
    read_origin(self, q->content);
    tr_content_writer_init(&self->results);
    if (self->after)
        self->after->before = self;
    q->kbd->jobs = self;
    return self;
}

bool tr_kb_add_is_well(const tr_kb_question_t *q, char *ret_ns, const char **ret_language) {
    tr_value_t documents = tr_value_get(q->content, "documents");
    size_t count = tr_value_size(documents);
    if (!tr_kb_read_name(q, ret_ns) || !read_language(q, ret_language))
        return false;
    if (tr_value_is_array(documents) && count > 0 && count <= DOCUMENTS_MAX)
        return true;
    tr_kb_refuse(
        q->kbd, q->message, TR_REFUSE, "missing-argument", "documents: expected a list of 1 to 1000 maps");
    return false;
}

void tr_kb_add(tr_kb_question_t *q) {
    char ns[TR_KB_NAMESPACE_MAX + 1];
    const char *language;
    if (!tr_kb_add_is_well(q, ns, &language))
        return;
    tr_kb_job_t *job = new_job(q, ns, language);
    if (job)
        run(job);
    else
        tr_kb_refuse(q->kbd, q->message, TR_FAILURE, "internal-error", "out of memory");
}

void tr_kb_jobs_finish(tr_kbd_t *self) {
    while (self->jobs) {
        tr_kb_job_t *job = self->jobs;
        tr_timer_cancel(&job->timer);
        if (job->pdf.process >= 0)
            tr_watch(self->agent, job->pdf.process, 0, NULL, NULL);
        tr_message_release(&job->message); /* its sender asks again */
        destroy(job);
    }
}
