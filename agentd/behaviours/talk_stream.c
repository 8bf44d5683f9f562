#include "agentd/behaviours/talk_stream.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "agentd/behaviours/own_topic.h"
#include "agentd/behaviours/profile.h"
#include "agentd/mind/draft.h"

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

/* {"topic": where it is told, "conversation": the request's, "shown": bytes that were told, "hash": of them, "pieces": how many, "raw": what came of the mind, where it is fitted}; borrowed from the turn. */
static json_t *stream_of(json_t *turn) {
    return json_object_get(turn, "stream");
}

void tr_talk_stream_begin(const tr_talk_t *self, json_t *turn, const tr_message_t *message) {
    char topic[TR_OWN_TOPIC_MAX];
    const tr_acl_t *asked = tr_message_acl(message);
    const char *conversation = asked && asked->conversation_id ? asked->conversation_id : "";
    topic_of(self, text_at(turn, "user"), topic);
    json_object_set_new(turn, "stream",
        json_pack("{s:s, s:s, s:i, s:I, s:i, s:s}", "topic", topic, "conversation", conversation, "shown", 0,
            "hash", (json_int_t)HASH_START, "pieces", 0, "raw", ""));
}

static size_t shown_by(const json_t *stream) {
    return (size_t)json_integer_value(json_object_get(stream, "shown"));
}

static uint64_t hash_of(const json_t *stream) {
    return (uint64_t)json_integer_value(json_object_get(stream, "hash"));
}

typedef struct part {
    const char *text;
    size_t length;
    bool last, again;
} part_t;

/* A watcher that misses a piece has the answer's text: what fails is ignored. */
static void publish(tr_talk_t *self, const json_t *turn, json_t *stream, part_t part) {
    tr_content_writer_t w;
    json_t *pieces = json_object_get(stream, "pieces"), *shown = json_object_get(stream, "shown"),
           *hash = json_object_get(stream, "hash");
    size_t before = part.again ? 0 : (size_t)json_integer_value(shown);
    uint64_t hashed = part.again ? HASH_START : (uint64_t)json_integer_value(hash);
    tr_content_writer_init(&w);
    tr_write_map(&w, 6u + part.again);
    tr_write_kv(&w, "user", text_at(turn, "user"));
    tr_write_kv(&w, "conversation", text_at(stream, "conversation"));
    tr_write_kv_int(&w, "turn", json_integer_value(json_object_get(turn, "turn")));
    tr_write_kv_int(&w, "piece", json_integer_value(pieces));
    tr_write_str(&w, "text");
    tr_write_strn(&w, part.text, part.length);
    tr_write_kv_bool(&w, "last", part.last);
    if (part.again)
        tr_write_kv_bool(&w, "again", true);
    tr_publish_content(self->thinker.agent, text_at(stream, "topic"), &w);
    json_integer_set(pieces, json_integer_value(pieces) + 1);
    json_integer_set(shown, (json_int_t)(before + part.length));
    json_integer_set(hash, (json_int_t)hash_on(hashed, part.text, part.length));
}

/* Of the text that is to be shown by now, what was not; all of it where what was shown does not begin it. */
static const char *rest_of(const json_t *stream, const char *text, bool *ret_again) {
    size_t shown = shown_by(stream);
    *ret_again = strlen(text) < shown || hash_on(HASH_START, text, shown) != hash_of(stream);
    return *ret_again ? text : text + shown;
}

json_t *tr_talk_stream_take(json_t *turn) {
    json_t *stream = json_incref(stream_of(turn));
    json_object_del(turn, "stream");
    return stream;
}

/* ---- what is told ---- */

/* All that came so far is fitted, and what is new in that is told. */
static void tell_fitted(
    tr_talk_t *self, const json_t *profile, json_t *turn, const tr_mind_piece_t *piece, double mood) {
    bool again;
    json_t *stream = stream_of(turn);
    json_t *raw = json_sprintf("%s%s", piece->is_first ? "" : text_at(stream, "raw"), piece->text);
    json_t *fitted = raw ? tr_profile_fit_part(profile, json_string_value(raw), mood) : NULL;
    const char *text = fitted ? json_string_value(fitted) : "", *rest = rest_of(stream, text, &again);
    if (*rest)
        publish(self, turn, stream, (part_t){rest, strlen(rest), false, again});
    json_object_set(stream, "raw", raw);
    json_decref(fitted);
    json_decref(raw);
}

void tr_talk_stream_piece(
    tr_talk_t *self, const json_t *profile, json_t *turn, const tr_mind_piece_t *piece) {
    json_t *stream = stream_of(turn);
    double mood = json_number_value(json_object_get(json_object_get(turn, "sentiment"), "score"));
    if (tr_profile_fits(profile, mood))
        tell_fitted(self, profile, turn, piece, mood);
    else
        publish(self, turn, stream,
            (part_t){piece->text, piece->length, false, piece->is_first && shown_by(stream) > 0});
}

void tr_talk_stream_end(tr_talk_t *self, const json_t *turn, json_t *stream) {
    bool again;
    const char *at = rest_of(stream, text_at(turn, "reply"), &again);
    for (int sentences = 1; *at && sentences < SENTENCES_MAX; sentences++) {
        size_t length = tr_draft_sentence(at);
        if (!at[length])
            break;
        publish(self, turn, stream, (part_t){at, length, false, again});
        at += length;
        again = false;
    }
    publish(self, turn, stream, (part_t){at, strlen(at), true, again});
    json_decref(stream);
}

void tr_talk_stream_drop(tr_talk_t *self, json_t *turn) {
    json_t *stream = tr_talk_stream_take(turn);
    if (shown_by(stream) > 0)
        publish(self, turn, stream, (part_t){"", 0, true, true});
    json_decref(stream);
}
