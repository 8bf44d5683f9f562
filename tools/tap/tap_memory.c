#include "tools/tap/tap_memory.h"

#include "lib/base/clock.h"
#include "tools/cli/ask_json.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_LIMIT (1u << 20) /* bytes of one message's parameters */

typedef struct source {
    tr_stream_pages_t pages;
    int64_t tail;   /* when the memory was opened */
    tr_kept_t head; /* the next one to show */
    bool there;
} source_t;

struct tr_tap_memory {
    tr_tap_memory_config_t config;
    tr_cli_session_t *session;
    json_t *streams; /* the AMS's answer: their names are borrowed from it */
    source_t *sources;
    size_t count;
    tr_arena_t arena;
};

/* ---- which streams ---- */

static void tell(const tr_tap_memory_t *self) {
    FILE *err = self->config.call->err;
    if (self->count == 0) {
        fputs("troupe tap: no stream keeps these topics: what was published before now cannot be had (see "
              "`troupe "
              "stream add`)\n",
            err);
        return;
    }
    fputs("troupe tap: from memory:", err);
    for (size_t i = 0; i < self->count; i++)
        fprintf(err, "%s %s", i ? "," : "", self->sources[i].pages.stream);
    fputc('\n', err);
}

static void add_source(tr_tap_memory_t *self, const json_t *stream) {
    const char *name = json_string_value(json_object_get(stream, "stream"));
    const char *pattern = json_string_value(json_object_get(stream, "pattern"));
    if (!name || !pattern || !tr_tap_filter_meets(self->config.filter, pattern))
        return;
    self->sources[self->count++] = (source_t){
        .pages = {.session = self->session, .stream = name},
        .tail = json_integer_value(json_object_get(stream, "tail")),
    };
}

static int find_sources(tr_tap_memory_t *self) {
    const tr_call_t *call = self->config.call;
    json_t *about = NULL;
    int code =
        tr_cli_ask_json(self->session, call, "ams", json_pack("{s:s}", "action", "get-description"), &about);
    bool journal = json_is_true(json_object_get(about, "journal"));
    json_decref(about);
    if (code == TR_EXIT_OK && journal)
        code = tr_cli_ask_json(
            self->session, call, "ams", json_pack("{s:s}", "action", "streams"), &self->streams);
    if (code != TR_EXIT_OK)
        return code;
    const json_t *list = json_object_get(self->streams, "streams");
    self->sources = calloc(json_array_size(list) + 1, sizeof *self->sources);
    if (!self->sources)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    for (size_t i = 0; i < json_array_size(list); i++)
        add_source(self, json_array_get(list, i));
    tell(self);
    return TR_EXIT_OK;
}

int tr_tap_memory_open(const tr_tap_memory_config_t *config, tr_tap_memory_t **ret_self) {
    tr_tap_memory_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_cli_fail(config->call, TR_EXIT_REFUSED, "out of memory");
    self->config = *config;
    tr_arena_init(&self->arena, ARENA_LIMIT);
    tr_cli_session_config_t session = {.call = config->call, .common = config->common};
    int code = tr_cli_session_open(&session, &self->session);
    if (code == TR_EXIT_OK)
        code = find_sources(self);
    if (code == TR_EXIT_OK)
        *ret_self = self;
    else
        tr_tap_memory_close(&self);
    return code;
}

int tr_tap_memory_turn(tr_tap_memory_t *self) {
    static const bool never = false;
    int code = tr_cli_wait(self->session, &never, tr_clock_ms());
    return code >= TR_EXIT_SIGNAL ? code : TR_EXIT_OK;
}

/* ---- one after the other ---- */

/* The next one of a stream, which is not there at its end, and not where it may not be read (that was told). */
static int advance(tr_tap_memory_t *self, source_t *s) {
    int code = TR_EXIT_OK;
    s->there = false;
    while (code == TR_EXIT_OK) {
        while (tr_stream_pages_take(&s->pages, &s->head))
            if (s->head.time_ms >= self->config.since_ms) {
                s->there = true;
                return TR_EXIT_OK;
            }
        if (!s->pages.more)
            return TR_EXIT_OK;
        code = tr_stream_pages_turn(&s->pages);
    }
    return code == TR_EXIT_REFUSED ? TR_EXIT_OK : code;
}

static int begin(tr_tap_memory_t *self, source_t *s) {
    int code = tr_stream_pages_seek(&s->pages, self->config.since_ms);
    if (code != TR_EXIT_OK)
        return code == TR_EXIT_REFUSED ? TR_EXIT_OK : code;
    tr_stream_pages_finish(&s->pages); /* what seeking has looked at */
    s->pages.more = true;
    return advance(self, s);
}

static source_t *oldest(tr_tap_memory_t *self) {
    source_t *found = NULL;
    for (size_t i = 0; i < self->count; i++)
        if (self->sources[i].there && (!found || self->sources[i].head.time_ms < found->head.time_ms))
            found = &self->sources[i];
    return found;
}

/* False: it is enough. What cannot be read is passed by. */
static bool show(tr_tap_memory_t *self, const source_t *s) {
    tr_acl_t acl;
    tr_arena_reset(&self->arena);
    if (tr_acl_read(&acl, &s->head.record, &self->arena) < 0 || !acl.topic)
        return true;
    tr_stream_message_t message = {
        .topic = acl.topic, .topic_len = strlen(acl.topic), .record = s->head.record};
    return self->config.show(self->config.arg, &message, s->head.time_ms, s->head.number >= s->tail);
}

int tr_tap_memory_show(tr_tap_memory_t *self) {
    int code = TR_EXIT_OK;
    for (size_t i = 0; i < self->count && code == TR_EXIT_OK; i++)
        code = begin(self, &self->sources[i]);
    for (source_t *s; code == TR_EXIT_OK && (s = oldest(self)) && show(self, s);)
        code = advance(self, s);
    return code;
}

void tr_tap_memory_close(tr_tap_memory_t **self) {
    tr_tap_memory_t *m = *self;
    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++)
        tr_stream_pages_finish(&m->sources[i].pages);
    tr_cli_session_close(&m->session);
    free(m->sources);
    json_decref(m->streams);
    tr_arena_finish(&m->arena);
    free(m);
    *self = NULL;
}
