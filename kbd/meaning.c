#include "kbd/meaning.h"

#include "lib/base/clock.h"
#include "lib/text/textbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the embedder's work ---- */

#define TITLE_WORDS   10 /* of a passage of which only so many words are embedded */
#define HEADING_WORDS 6

/* How long a server that fails is left alone. */
#define PAUSE_FIRST_MS 500
#define PAUSE_MOST_MS  60000

/* More texts than that, one after the other: it is the server that is wrong. */
#define REFUSED_MANY 8u

typedef struct fill {
    tr_kb_batch_t *batch;
    const tr_refusals_t *refusals;
    int64_t now_ms, until_ms; /* until: the first of those that are left alone is due; 0 = there are none */
    size_t words;             /* of a passage; 0 = all */
    size_t most;              /* texts in the batch */
    bool failed;
} fill_t;

static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t';
}

/* The first words of a text, `most` at most; how many bytes that is. *said is how many words. */
static size_t add_words(tr_textbuf_t *out, const char *text, size_t len, size_t most, size_t *said) {
    size_t at = 0, words = 0;
    while (at < len && words < most) {
        while (at < len && is_blank(text[at]))
            at++;
        words += at < len;
        while (at < len && !is_blank(text[at]))
            at++;
    }
    tr_textbuf_add(out, text, at);
    *said += words;
    return at;
}

/* What is said about it counts as much as what it says. The first `most` words of both are the lead, whose length is the result; 0 = all is. */
static size_t add_passage(tr_textbuf_t *out, const tr_kb_stale_t *stale, size_t most) {
    size_t said = 0;
    add_words(out, stale->title, strlen(stale->title), most ? TITLE_WORDS : SIZE_MAX, &said);
    if (stale->heading) {
        tr_textbuf_add_string(out, ". ");
        add_words(out, stale->heading, strlen(stale->heading), most ? HEADING_WORDS : SIZE_MAX, &said);
    }
    tr_textbuf_add_string(out, ". ");
    size_t at = add_words(out, stale->text, stale->text_len, most ? most - said : SIZE_MAX, &said);
    size_t lead = out->length;
    tr_textbuf_add(out, stale->text + at, stale->text_len - at);
    return most ? lead : 0;
}

static bool take_stale(void *arg, const tr_kb_stale_t *stale) {
    fill_t *fill = arg;
    tr_kb_batch_t *batch = fill->batch;
    tr_textbuf_t text = {0};
    size_t lead = add_passage(&text, stale, fill->words);
    char *taken = tr_textbuf_take(&text);
    if (!taken) {
        fill->failed = true;
        return false;
    }
    int64_t until_ms = tr_refusals_until(fill->refusals, taken, fill->now_ms);
    if (until_ms) {
        free(taken);
        fill->until_ms = fill->until_ms && fill->until_ms < until_ms ? fill->until_ms : until_ms;
        return true;
    }
    batch->chunks[batch->count] = stale->chunk;
    batch->namespaces[batch->count] = stale->ns;
    batch->leads[batch->count] = lead;
    batch->texts[batch->count++] = taken;
    return batch->count < fill->most;
}

/* What a server has been asked before is not asked for again. */
static int recall(tr_kb_meaning_t *self, tr_kb_batch_t *batch, tr_error_t *error) {
    size_t dimensions = tr_kb_embedder_dimensions(self->embedder);
    int rc = 0;
    if (!tr_kb_embedder_is_remote(self->embedder))
        return 0;
    batch->vectors = calloc(batch->count + 1, dimensions * sizeof *batch->vectors);
    if (!batch->vectors)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < batch->count && rc == 0; i++)
        rc = tr_kb_recall(self->store, self->model, batch->texts[i], batch->vectors + i * dimensions,
            dimensions, &batch->known[i], error);
    return rc;
}

static int fill_batch(tr_kb_meaning_t *self, fill_t *fill, tr_error_t *error) {
    int rc = tr_kb_stale(
        self->store, TR_EMBED_BATCH + tr_refusals_count(&self->refusals), take_stale, fill, error);
    if (rc == 0 && fill->failed)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    return rc < 0 ? rc : recall(self, fill->batch, error);
}

static bool is_before(int64_t until_ms, int64_t *wait_ms) {
    int64_t left = until_ms - tr_clock_ms();
    if (left <= 0)
        return false;
    *wait_ms = *wait_ms < 0 || left < *wait_ms ? left : *wait_ms;
    return true;
}

/* True: the server has to be left alone. */
static bool pauses(const tr_kb_meaning_t *self, int64_t *wait_ms) {
    return self->pause_ms && is_before(self->until_ms, wait_ms);
}

bool tr_kb_meaning_mute(const tr_kb_meaning_t *self) {
    int64_t wait_ms = -1;
    return pauses(self, &wait_ms);
}

static int tell_trouble(tr_kb_meaning_t *self, tr_error_t *error) {
    int rc = self->trouble.code;
    if (rc < 0)
        tr_error_set(error, rc, "%s", self->trouble.text);
    self->trouble = (tr_error_t){0};
    return rc;
}

int tr_kb_meaning_turn(tr_kb_meaning_t *self, int64_t *ret_wait_ms, tr_error_t *error) {
    fill_t fill = {.batch = tr_kb_embedder_idle(self->embedder),
        .refusals = &self->refusals,
        .now_ms = tr_clock_ms(),
        .words = tr_kb_embedder_words(self->embedder),
        .most = self->singly ? 1 : TR_EMBED_BATCH};
    *ret_wait_ms = tr_indexes_turn(&self->indexes);
    if (!fill.batch || !self->stale || pauses(self, ret_wait_ms) || is_before(self->rest_ms, ret_wait_ms))
        return tell_trouble(self, error);
    int rc = fill_batch(self, &fill, error);
    self->stale = rc < 0 || fill.batch->count || fill.until_ms;
    if (rc == 0 && !fill.batch->count && fill.until_ms) {
        self->rest_ms = fill.until_ms;
        is_before(self->rest_ms, ret_wait_ms);
    }
    if (rc == 0 && fill.batch->count)
        tr_kb_embedder_start(self->embedder);
    else
        tr_kb_batch_finish(fill.batch);
    return rc;
}

/* Into the store, and into the index where there is one. */
static int keep(tr_kb_meaning_t *self, const tr_kb_batch_t *batch, size_t i) {
    size_t dimensions = tr_kb_embedder_dimensions(self->embedder);
    const float *vector = batch->vectors + i * dimensions;
    int rc = tr_kb_vector_put(self->store, batch->chunks[i], vector, dimensions, NULL);
    if (rc == 0 && tr_kb_embedder_is_remote(self->embedder) && !batch->known[i])
        rc = tr_kb_recall_put(self->store, self->model, batch->texts[i], vector, dimensions, NULL);
    if (rc == 0) {
        tr_indexes_add(&self->indexes, batch->namespaces[i], batch->chunks[i], vector);
        self->made[(uint64_t)batch->namespaces[i] % TR_KB_MADE]++;
    }
    return rc == -ENOENT ? 0 : rc;
}

uint64_t tr_kb_meaning_made(const tr_kb_meaning_t *self, const tr_kb_namespace_t *ns) {
    return self->made[(uint64_t)ns->number % TR_KB_MADE];
}

/* Twice as long each time, or as long as the server says. */
static void pause_for(tr_kb_meaning_t *self, const tr_kb_batch_t *batch) {
    self->pause_ms = self->pause_ms == 0                  ? PAUSE_FIRST_MS
                     : self->pause_ms < PAUSE_MOST_MS / 2 ? 2 * self->pause_ms
                                                          : PAUSE_MOST_MS;
    int64_t after = batch->retry_after_ms > self->pause_ms ? batch->retry_after_ms : self->pause_ms;
    self->until_ms = tr_clock_ms() + after;
    self->trouble = batch->error;
}

/* Of several texts each is asked for by itself, so that one alone is left without a vector. */
static void refuse(tr_kb_meaning_t *self, const tr_kb_batch_t *batch) {
    size_t i = 0;
    if (batch->asked > 1) {
        self->singly = batch->count;
        return;
    }
    while (batch->known[i])
        i++;
    int64_t now_ms = tr_clock_ms(), after_ms = tr_refusals_put(&self->refusals, batch->texts[i], now_ms);
    if (after_ms == 0 || ++self->refused > REFUSED_MANY)
        pause_for(self, batch);
    if (after_ms == 0)
        after_ms = self->until_ms - now_ms;
    tr_error_set(&self->trouble, -ENOLINK, "chunk %lld, which is asked for again in %lld s: %s",
        (long long)batch->chunks[i], (long long)(after_ms + 999) / 1000, batch->error.text);
}

static void on_taken(tr_kb_meaning_t *self, const tr_kb_batch_t *batch) {
    self->pause_ms = 0;
    self->refused = 0;
    for (size_t i = 0; i < batch->count; i++)
        tr_refusals_drop(&self->refusals, batch->texts[i]);
}

/* A failure leaves the rest stale: it is tried again. The commit says what is wrong with the disk. */
static void on_batch(void *arg, tr_kb_batch_t *batch) {
    tr_kb_meaning_t *self = arg;
    int rc = batch->rc < 0 ? batch->rc : tr_kb_store_begin(self->store, NULL);
    if (self->singly)
        self->singly--;
    if (batch->rc == 0)
        on_taken(self, batch);
    else if (batch->rc == -ENOLINK && batch->refused)
        refuse(self, batch);
    else if (batch->rc == -ENOLINK)
        pause_for(self, batch);
    for (size_t i = 0; i < batch->count && rc == 0; i++)
        rc = keep(self, batch, i);
    tr_kb_batch_finish(batch);
}

/* ---- life ---- */

static int open_indexes(tr_kb_meaning_t *self, const tr_kb_meaning_options_t *o, tr_error_t *error) {
    char *model = self->model;
    size_t dimensions = tr_kb_embedder_dimensions(self->embedder);
    size_t words = tr_kb_embedder_words(self->embedder);
    bool is_remote = tr_kb_embedder_is_remote(self->embedder);
    int n = snprintf(model, sizeof self->model, "%s%s/%zu", is_remote ? "server:" : "",
        tr_kb_embedder_model(self->embedder), dimensions);
    if (words)
        snprintf(model + n, sizeof self->model - (size_t)n, "/%zu", words);
    int rc = tr_kb_model_set(self->store, model, error);
    if (rc == 0 && is_remote)
        rc = tr_kb_recall_open(self->store, error);
    if (rc == 0)
        rc = tr_crew_new(o->host, o->threads, o->builders, &self->crew, error);
    return rc < 0 ? rc
                  : tr_indexes_init(&self->indexes,
                        &(tr_indexes_options_t){.store = self->store,
                            .crew = self->crew,
                            .data = o->data,
                            .model = model,
                            .dimensions = dimensions,
                            .seal = o->seal,
                            .news = o->news,
                            .arg = o->arg},
                        error);
}

int tr_kb_meaning_init(tr_kb_meaning_t *self, const tr_kb_meaning_options_t *o, tr_error_t *error) {
    *self = (tr_kb_meaning_t){.store = o->store, .stale = true};
    tr_refusals_init(&self->refusals, (uint64_t)tr_clock_ns());
    int rc = tr_kb_embedder_new(&(tr_embed_server_options_t){.host = o->host,
                                    .spender = o->agent,
                                    .config = o->embed_config,
                                    .model = o->embed_model,
                                    .dimensions = o->embed_dimensions},
        on_batch, self, &self->embedder, error);
    return rc < 0 ? rc : open_indexes(self, o, error);
}

void tr_kb_meaning_stop(tr_kb_meaning_t *self) {
    tr_crew_stop(self->crew);
    tr_kb_embedder_stop(self->embedder);
}

void tr_kb_meaning_written(tr_kb_meaning_t *self) {
    self->stale = true;
    self->rest_ms = 0;
}

void tr_kb_meaning_forget(tr_kb_meaning_t *self) {
    tr_kb_meaning_written(self);
    tr_indexes_forget(&self->indexes);
    tr_passings_finish(&self->passings);
}

size_t tr_kb_meaning_dimensions(const tr_kb_meaning_t *self, const tr_kb_namespace_t *ns) {
    return ns->dimensions ? ns->dimensions : tr_kb_embedder_dimensions(self->embedder);
}

void tr_kb_meaning_add(
    tr_kb_meaning_t *self, const tr_kb_namespace_t *ns, int64_t chunk, const float *vector) {
    tr_indexes_add(&self->indexes, ns->number, chunk, vector);
}

void tr_kb_meaning_drop(tr_kb_meaning_t *self, const tr_kb_namespace_t *ns) {
    tr_indexes_drop(&self->indexes, ns->number);
}

void tr_kb_meaning_finish(tr_kb_meaning_t *self) {
    tr_kb_embedder_destroy(&self->embedder);
    tr_crew_destroy(&self->crew);
    tr_indexes_finish(&self->indexes);
    tr_passings_finish(&self->passings);
    tr_refusals_finish(&self->refusals);
    *self = (tr_kb_meaning_t){0};
}
