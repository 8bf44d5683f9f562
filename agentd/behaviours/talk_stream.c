#include "agentd/behaviours/talk_stream.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/behaviours/own_topic.h"
#include "agentd/behaviours/profile.h"
#include "agentd/mind/draft.h"
#include "lib/text/textbuf.h"

#define SENTENCES_MAX 64 /* of a reply that did not come in pieces; the rest is one */

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void topic_of(const tr_talk_t *self, const char *user, char out[TR_OWN_TOPIC_MAX]) {
    int n = tr_own_topic(self->thinker.agent, "dialogue", out);
    out[n++] = '.';
    for (const char *at = user; *at && n < TR_OWN_TOPIC_MAX - 1; at++)
        out[n++] = (char)(isalnum((unsigned char)*at) || *at == '-' ? *at : '_');
    out[n] = '\0';
}

/* ---- how far it is ---- */

#define HASH_START UINT64_C(14695981039346656037) /* FNV-1a */

static uint64_t hash_on(uint64_t hash, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    return hash;
}

struct tr_talk_stream {
    uint64_t hash; /* of what was told */
    size_t shown;  /* bytes of it */
    json_int_t turn, pieces;
    double mood;
    json_t *of;           /* the turn; borrowed */
    const char *asked_by; /* the request's sender, behind its conversation */
    bool fits;            /* pieces are fitted to the user */
    tr_textbuf_t raw;     /* what came of the mind, where they are */
    char user[TR_SESSIONS_USER_MAX + 1], topic[TR_OWN_TOPIC_MAX], conversation[];
};

static tr_talk_stream_t *stream_of(const tr_talk_t *self, const json_t *turn) {
    const json_t *number = json_object_get(turn, "stream");
    size_t at = (size_t)json_integer_value(number);
    return number && at < self->stream_room ? self->streams[at] : NULL;
}

static void free_stream(tr_talk_stream_t *stream) {
    tr_textbuf_finish(&stream->raw);
    free(stream);
}

/* A free place; the room where there is none. */
static size_t free_place(tr_talk_t *self) {
    size_t at = 0;
    while (at < self->stream_room && self->streams[at])
        at++;
    return at;
}

static int reserve(tr_talk_t *self, size_t at) {
    size_t room = self->stream_room ? 2 * self->stream_room : TR_THINKER_MAX;
    if (at < self->stream_room)
        return 0;
    tr_talk_stream_t **grown = realloc(self->streams, room * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    memset(grown + self->stream_room, 0, (room - self->stream_room) * sizeof *grown);
    self->streams = grown;
    self->stream_room = room;
    return 0;
}

void tr_talk_stream_begin(tr_talk_t *self, json_t *turn, const tr_message_t *message) {
    const tr_acl_t *asked = tr_message_acl(message);
    const char *conversation = asked && asked->conversation_id ? asked->conversation_id : "";
    const char *sender = tr_message_sender(message);
    size_t at = free_place(self), size = strlen(conversation) + 1, more = strlen(sender) + 1;
    tr_talk_stream_t *stream = reserve(self, at) == 0 ? calloc(1, sizeof *stream + size + more) : NULL;
    if (!stream)
        return;
    stream->hash = HASH_START;
    snprintf(stream->user, sizeof stream->user, "%s", text_at(turn, "user"));
    memcpy(stream->conversation, conversation, size);
    memcpy(stream->conversation + size, sender, more);
    stream->asked_by = stream->conversation + size;
    stream->of = turn;
    topic_of(self, stream->user, stream->topic);
    self->streams[at] = stream;
    if (json_object_set_new(turn, "stream", json_integer((json_int_t)at)) == 0)
        return;
    self->streams[at] = NULL;
    free_stream(stream);
}

json_t *tr_talk_stream_find(const tr_talk_t *self, const tr_message_t *cancel) {
    const tr_acl_t *acl = tr_message_acl(cancel);
    const char *conversation = acl && acl->conversation_id ? acl->conversation_id : "";
    for (size_t i = 0; *conversation && i < self->stream_room; i++) {
        const tr_talk_stream_t *stream = self->streams[i];
        if (stream && strcmp(stream->conversation, conversation) == 0 &&
            strcmp(stream->asked_by, tr_message_sender(cancel)) == 0)
            return stream->of;
    }
    return NULL;
}

void tr_talk_stream_ready(tr_talk_t *self, const json_t *profile, const json_t *turn) {
    tr_talk_stream_t *stream = stream_of(self, turn);
    if (!stream)
        return;
    stream->turn = json_integer_value(json_object_get(turn, "turn"));
    stream->mood = json_number_value(json_object_get(json_object_get(turn, "sentiment"), "score"));
    stream->fits = tr_profile_fits(profile, stream->mood);
}

tr_talk_stream_t *tr_talk_stream_take(tr_talk_t *self, json_t *turn) {
    tr_talk_stream_t *stream = stream_of(self, turn);
    if (stream)
        self->streams[json_integer_value(json_object_get(turn, "stream"))] = NULL;
    json_object_del(turn, "stream");
    return stream;
}

void tr_talk_streams_finish(tr_talk_t *self) {
    for (size_t i = 0; i < self->stream_room; i++)
        if (self->streams[i])
            free_stream(self->streams[i]);
    free(self->streams);
    self->streams = NULL;
    self->stream_room = 0;
}

typedef struct part {
    const char *text;
    size_t length;
    bool last, again;
} part_t;

/* A watcher that misses a piece has the answer's text: what fails is ignored. */
static void publish(const tr_talk_t *self, tr_talk_stream_t *stream, part_t part) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 6u + part.again);
    tr_write_kv(&w, "user", stream->user);
    tr_write_kv(&w, "conversation", stream->conversation);
    tr_write_kv_int(&w, "turn", stream->turn);
    tr_write_kv_int(&w, "piece", stream->pieces);
    tr_write_str(&w, "text");
    tr_write_strn(&w, part.text, part.length);
    tr_write_kv_bool(&w, "last", part.last);
    if (part.again)
        tr_write_kv_bool(&w, "again", true);
    tr_publish_content(self->thinker.agent, stream->topic, &w);
    stream->pieces++;
    stream->hash = hash_on(part.again ? HASH_START : stream->hash, part.text, part.length);
    stream->shown = (part.again ? 0 : stream->shown) + part.length;
}

/* Of the text that is to be shown by now, what was not; all of it where what was shown does not begin it. */
static const char *rest_of(const tr_talk_stream_t *stream, const char *text, bool *ret_again) {
    *ret_again = strlen(text) < stream->shown || hash_on(HASH_START, text, stream->shown) != stream->hash;
    return *ret_again ? text : text + stream->shown;
}

/* ---- what is told ---- */

/* All that came so far is fitted, and what is new in that is told. */
static void tell_fitted(
    const tr_talk_t *self, const json_t *profile, tr_talk_stream_t *stream, const tr_mind_piece_t *piece) {
    bool again;
    if (piece->is_first)
        tr_textbuf_finish(&stream->raw);
    tr_textbuf_add(&stream->raw, piece->text, piece->length);
    json_t *fitted =
        stream->raw.failed ? NULL : tr_profile_fit_part(profile, stream->raw.bytes, stream->mood);
    const char *text = fitted ? json_string_value(fitted) : "", *rest = rest_of(stream, text, &again);
    if (*rest)
        publish(self, stream, (part_t){rest, strlen(rest), false, again});
    json_decref(fitted);
}

void tr_talk_stream_piece(tr_talk_t *self, const json_t *turn, const tr_mind_piece_t *piece) {
    tr_talk_stream_t *stream = stream_of(self, turn);
    if (!stream)
        return;
    if (stream->fits)
        tell_fitted(
            self, json_object_get(tr_sessions_find(&self->sessions, stream->user), "profile"), stream, piece);
    else
        publish(
            self, stream, (part_t){piece->text, piece->length, false, piece->is_first && stream->shown > 0});
}

void tr_talk_stream_end(tr_talk_t *self, const json_t *turn, tr_talk_stream_t *stream) {
    bool again;
    if (!stream)
        return;
    stream->turn = json_integer_value(json_object_get(turn, "turn"));
    const char *at = rest_of(stream, text_at(turn, "reply"), &again);
    for (int sentences = 1; *at && sentences < SENTENCES_MAX; sentences++) {
        size_t length = tr_draft_sentence(at);
        if (!at[length])
            break;
        publish(self, stream, (part_t){at, length, false, again});
        at += length;
        again = false;
    }
    publish(self, stream, (part_t){at, strlen(at), true, again});
    free_stream(stream);
}

void tr_talk_stream_drop(tr_talk_t *self, json_t *turn) {
    tr_talk_stream_t *stream = tr_talk_stream_take(self, turn);
    if (!stream)
        return;
    if (stream->shown > 0)
        publish(self, stream, (part_t){"", 0, true, true});
    free_stream(stream);
}
