#include "agentd/behaviours/digest_content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 1000 /* terms, sentences or entities of one digest */
#define TEXT_MAX  (64u * 1024u)
#define WORDS_MAX UINT32_MAX

/* ---- a digest, written ---- */

static void write_terms(tr_content_writer_t *out, const tr_digest_t *d) {
    tr_write_str(out, "terms");
    tr_write_array(out, d->term_count);
    for (size_t i = 0; i < d->term_count; i++) {
        tr_write_map(out, 4);
        tr_write_kv(out, "term", d->terms[i].text);
        tr_write_kv(out, "key", d->terms[i].key);
        tr_write_kv_double(out, "score", d->terms[i].score);
        tr_write_kv_uint(out, "count", d->terms[i].count);
    }
}

static void write_sentences(tr_content_writer_t *out, const tr_digest_t *d) {
    tr_write_str(out, "key_sentences");
    tr_write_array(out, d->key_sentence_count);
    for (size_t i = 0; i < d->key_sentence_count; i++) {
        tr_write_map(out, 3);
        tr_write_kv(out, "text", d->key_sentences[i].text);
        tr_write_kv_double(out, "score", d->key_sentences[i].score);
        tr_write_kv_uint(out, "index", d->key_sentences[i].index);
    }
}

static void write_entities(tr_content_writer_t *out, const tr_digest_t *d) {
    tr_write_str(out, "entities");
    tr_write_array(out, d->entity_count);
    for (size_t i = 0; i < d->entity_count; i++) {
        const tr_entity_t *e = &d->entities[i];
        tr_write_map(out, 6);
        tr_write_kv(out, "kind", tr_entity_kind_name(e->kind));
        tr_write_kv(out, "text", e->text);
        tr_write_kv(out, "key", e->key);
        tr_write_kv_uint(out, "count", e->count);
        tr_write_kv_uint(out, "offset", e->offset);
        tr_write_kv_uint(out, "length", e->length);
    }
}

size_t tr_digest_pairs(void) {
    return 10;
}

void tr_digest_write_pairs(tr_content_writer_t *out, const tr_digest_t *d) {
    tr_write_kv(out, "document", d->name);
    tr_write_kv(out, "title", d->title);
    tr_write_kv(out, "language", d->language);
    tr_write_kv_double(out, "confidence", d->confidence);
    tr_write_kv_uint(out, "bytes", d->bytes);
    tr_write_kv_uint(out, "words", d->words);
    tr_write_kv_uint(out, "sentences", d->sentences);
    write_terms(out, d);
    write_sentences(out, d);
    write_entities(out, d);
}

/* ---- a digest, read ---- */

typedef struct reader {
    tr_error_t *error;
    int rc; /* the first thing that was wrong */
} reader_t;

static void wrong(reader_t *self, const char *key, const char *expected) {
    if (self->rc == 0)
        self->rc = tr_error_set(self->error, -EBADMSG, "\"%s\": expected %s", key, expected);
}

static char *read_text(reader_t *self, tr_value_t map, const char *key) {
    size_t len = 0;
    const char *text = tr_value_str(tr_value_get(map, key), &len);
    if (!text || len > TEXT_MAX || memchr(text, '\0', len)) {
        wrong(self, key, "a text of at most 64 KiB");
        return NULL;
    }
    char *copy = strndup(text, len);
    if (!copy && self->rc == 0)
        self->rc = tr_error_set(self->error, -ENOMEM, "out of memory");
    return copy;
}

static uint64_t read_whole(reader_t *self, tr_value_t map, const char *key, uint64_t max) {
    int64_t number = tr_value_int(tr_value_get(map, key), -1);
    if (number < 0 || (uint64_t)number > max) {
        wrong(self, key, "a whole number");
        return 0;
    }
    return (uint64_t)number;
}

static double read_share(reader_t *self, tr_value_t map, const char *key) {
    double number = tr_value_double(tr_value_get(map, key), -1);
    if (!(number >= 0 && number <= 1))
        wrong(self, key, "a number from 0 to 1");
    return number;
}

/* Room for the items of a list; NULL where it is none, or empty. */
static void *read_list(reader_t *self, tr_value_t map, const char *key, size_t item_size,
    tr_value_t *ret_list, size_t *ret_count) {
    tr_value_t list = tr_value_get(map, key);
    size_t n = tr_value_size(list);
    if (!tr_value_is_array(list) || n > ITEMS_MAX) {
        wrong(self, key, "a list of at most 1000 items");
        return NULL;
    }
    void *items = calloc(n + 1, item_size);
    if (!items) {
        if (self->rc == 0)
            self->rc = tr_error_set(self->error, -ENOMEM, "out of memory");
        return NULL;
    }
    *ret_list = list;
    *ret_count = n;
    return items;
}

/* Every item counts as soon as its slot is zeroed: tr_digest_destroy frees what is half read. */
static void read_terms(reader_t *self, tr_value_t map, tr_digest_t *d) {
    tr_value_t list = NULL;
    d->terms = read_list(self, map, "terms", sizeof *d->terms, &list, &d->term_count);
    for (size_t i = 0; d->terms && self->rc == 0 && i < d->term_count; i++) {
        tr_value_t v = tr_value_at(list, i);
        d->terms[i].text = read_text(self, v, "term");
        d->terms[i].key = read_text(self, v, "key");
        d->terms[i].score = read_share(self, v, "score");
        d->terms[i].count = (uint32_t)read_whole(self, v, "count", WORDS_MAX);
    }
}

static void read_sentences(reader_t *self, tr_value_t map, tr_digest_t *d) {
    tr_value_t list = NULL;
    d->key_sentences =
        read_list(self, map, "key_sentences", sizeof *d->key_sentences, &list, &d->key_sentence_count);
    for (size_t i = 0; d->key_sentences && self->rc == 0 && i < d->key_sentence_count; i++) {
        tr_value_t v = tr_value_at(list, i);
        d->key_sentences[i].text = read_text(self, v, "text");
        d->key_sentences[i].score = read_share(self, v, "score");
        d->key_sentences[i].index = (uint32_t)read_whole(self, v, "index", WORDS_MAX);
    }
}

static tr_entity_kind_t read_kind(reader_t *self, tr_value_t map) {
    tr_value_t kind = tr_value_get(map, "kind");
    for (int i = 0; i < TR_ENTITY_KINDS; i++)
        if (tr_value_equals(kind, tr_entity_kind_name((tr_entity_kind_t)i)))
            return (tr_entity_kind_t)i;
    wrong(self, "kind", "a kind of entity, such as place");
    return TR_ENTITY_PERSON;
}

static void read_entities(reader_t *self, tr_value_t map, tr_digest_t *d) {
    tr_value_t list = NULL;
    d->entities = read_list(self, map, "entities", sizeof *d->entities, &list, &d->entity_count);
    for (size_t i = 0; d->entities && self->rc == 0 && i < d->entity_count; i++) {
        tr_value_t v = tr_value_at(list, i);
        d->entities[i].kind = read_kind(self, v);
        d->entities[i].text = read_text(self, v, "text");
        d->entities[i].key = read_text(self, v, "key");
        d->entities[i].count = (uint32_t)read_whole(self, v, "count", WORDS_MAX);
        d->entities[i].offset = (size_t)read_whole(self, v, "offset", INT64_MAX);
        d->entities[i].length = (size_t)read_whole(self, v, "length", INT64_MAX);
    }
}

int tr_digest_read(tr_value_t v, tr_digest_t **ret_digest, tr_error_t *error) {
    reader_t reader = {error, 0};
    if (!tr_value_is_map(v))
        return tr_error_set(error, -EBADMSG, "expected a digest, which is a map");
    tr_digest_t *d = calloc(1, sizeof *d);
    if (!d)
        return tr_error_set(error, -ENOMEM, "out of memory");
    d->name = read_text(&reader, v, "document");
    d->title = read_text(&reader, v, "title");
    d->language = read_text(&reader, v, "language");
    d->confidence = read_share(&reader, v, "confidence");
    d->bytes = read_whole(&reader, v, "bytes", INT64_MAX);
    d->words = read_whole(&reader, v, "words", WORDS_MAX);
    d->sentences = read_whole(&reader, v, "sentences", WORDS_MAX);
    read_terms(&reader, v, d);
    read_sentences(&reader, v, d);
    read_entities(&reader, v, d);
    if (reader.rc < 0)
        tr_digest_destroy(&d);
    else
        *ret_digest = d;
    return reader.rc;
}

/* ---- an overview ---- */

static void write_names(tr_content_writer_t *out, const tr_shared_t *s, const tr_digest_t *const *digests) {
    tr_write_str(out, "documents");
    tr_write_array(out, s->document_count);
    for (size_t i = 0; i < s->document_count; i++)
        tr_write_str(out, digests[s->documents[i]]->name);
}

static void write_shared(tr_content_writer_t *out, const char *key, const tr_shared_t *items, size_t count,
    const tr_digest_t *const *digests) {
    tr_write_str(out, key);
    tr_write_array(out, count);
    for (size_t i = 0; i < count; i++) {
        const tr_shared_t *s = &items[i];
        tr_write_map(out, s->is_entity ? 5 : 4);
        if (s->is_entity)
            tr_write_kv(out, "kind", tr_entity_kind_name(s->kind));
        tr_write_kv(out, s->is_entity ? "text" : "term", s->text);
        tr_write_kv_double(out, "score", s->score);
        tr_write_kv_uint(out, "count", s->count);
        write_names(out, s, digests);
    }
}

static void write_languages(tr_content_writer_t *out, const tr_overview_t *o) {
    tr_write_str(out, "languages");
    tr_write_array(out, o->language_count);
    for (size_t i = 0; i < o->language_count; i++) {
        tr_write_map(out, 2);
        tr_write_kv(out, "language", o->languages[i].code);
        tr_write_kv_uint(out, "documents", o->languages[i].documents);
    }
}

static void write_sources(
    tr_content_writer_t *out, const tr_overview_t *o, const tr_digest_t *const *digests) {
    tr_write_str(out, "sentences");
    tr_write_array(out, o->key_sentence_count);
    for (size_t i = 0; i < o->key_sentence_count; i++) {
        const tr_overview_sentence_t *s = &o->key_sentences[i];
        tr_write_map(out, 4);
        tr_write_kv(out, "text", s->text);
        tr_write_kv_double(out, "score", s->score);
        tr_write_kv(out, "document", digests[s->document]->name);
        tr_write_kv_uint(out, "index", s->index);
    }
}

void tr_overview_write(tr_content_writer_t *out, const tr_overview_t *o, const tr_digest_t *const *digests) {
    tr_write_map(out, 8);
    tr_write_kv_uint(out, "documents", o->documents);
    tr_write_kv_uint(out, "bytes", o->bytes);
    tr_write_kv_uint(out, "words", o->words);
    /* How many there are; the key sentences are a list of their own. */
    tr_write_kv_uint(out, "sentence_count", o->sentences);
    write_languages(out, o);
    write_shared(out, "terms", o->terms, o->term_count, digests);
    write_shared(out, "entities", o->entities, o->entity_count, digests);
    write_sources(out, o, digests);
}

/* ---- a document of a request ---- */

int tr_document_ref_read(tr_value_t v, tr_document_ref_t *ret_ref, tr_error_t *error) {
    tr_value_t path = tr_value_is_str(v) ? v : tr_value_get(v, "path");
    tr_value_t name = tr_value_get(v, "name"), text = tr_value_get(v, "text");
    if (path && (name || text))
        return tr_error_set(error, -EBADMSG, "a document has either \"path\" or \"name\" and \"text\"");
    if (!path && !(name && tr_value_is_str(text)))
        return tr_error_set(
            error, -EBADMSG, "expected a document: {\"path\": PATH} or {\"name\": NAME, \"text\": TEXT}");
    tr_document_ref_t ref = {0};
    ref.name = tr_value_str(path ? path : name, &ref.name_len);
    if (!ref.name || ref.name_len < 1 || ref.name_len > TR_DIGEST_NAME_MAX ||
        memchr(ref.name, '\0', ref.name_len))
        return tr_error_set(error, -EBADMSG, "\"%s\": expected a text of 1 to %d bytes",
            path ? "path" : "name", TR_DIGEST_NAME_MAX);
    if (!path)
        ref.text = tr_value_str(text, &ref.text_len);
    *ret_ref = ref;
    return 0;
}

size_t tr_document_ref_pairs(const tr_document_ref_t *ref) {
    return ref->text ? 2 : 1;
}

void tr_document_ref_write(tr_content_writer_t *out, const tr_document_ref_t *ref) {
    tr_write_str(out, ref->text ? "name" : "path");
    tr_write_strn(out, ref->name, ref->name_len);
    if (!ref->text)
        return;
    tr_write_str(out, "text");
    tr_write_strn(out, ref->text, ref->text_len);
}

const char *tr_document_reason(int code) {
    switch (-code) {
    case ENOENT:
    case ENOTDIR: return "not-found";
    case EACCES:
    case EPERM: return "not-permitted";
    case EISDIR: return "not-a-file";
    case ENODATA: return "empty";
    case EILSEQ: return "binary";
    case EFBIG: return "too-large";
    case E2BIG: return "too-complex";
    case ENOMEM: return "out-of-memory";
    default: return "unreadable";
    }
}
