#include "agentd/behaviours/talk_examples.h"

#include "lib/agent/json_request.h"
#include "lib/text/utf8.h"

#include <string.h>

#define KNOWLEDGE    "svc:kb"
#define MOST         3
#define FIND_MS      2000 /* a reply does not wait for longer */
#define QUESTION_MAX 300  /* bytes */
#define ANSWER_MAX   700

/* At most so many bytes of a text; NULL: it is none. */
static json_t *cut(const json_t *text, size_t most) {
    const char *at = json_string_value(text);
    return at ? json_stringn(at, tr_utf8_cut(at, json_string_length(text), most)) : NULL;
}

/* [{"question", "answer"}] of those that have both; NULL: there is none. New. */
static json_t *examples_of(const json_t *found) {
    const json_t *one;
    json_t *examples = json_array();
    size_t i;
    json_array_foreach(json_object_get(found, "results"), i, one) {
        const json_t *kept = json_object_get(one, "metadata");
        json_t *question = cut(json_object_get(kept, "question"), QUESTION_MAX),
               *answer = cut(json_object_get(kept, "answer"), ANSWER_MAX);
        if (json_string_length(question) && json_string_length(answer))
            json_array_append_new(examples, json_pack("{s:O, s:O}", "question", question, "answer", answer));
        json_decref(question);
        json_decref(answer);
    }
    if (json_array_size(examples))
        return examples;
    json_decref(examples);
    return NULL;
}

static void on_found(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *turn) {
    json_t *found = tr_answer_is_good(answer) ? tr_answer_json(answer) : NULL, *examples = examples_of(found);
    (void)agent;
    tr_talk_think(state, under, turn, examples);
    json_decref(examples);
    json_decref(found);
}

/* Answers of this agent that were found good: by the user himself, or by somebody, and an admin has said that they may be an example to all. */
static json_t *filter_of(const tr_talk_t *self, const json_t *turn) {
    char aid[TR_AID_MAX + 1];
    tr_agent_aid(self->thinker.agent, aid);
    return json_pack("{s:s, s:[s%, s], s:[{s:O}, {s:{s:b}}]}", "rating", "good", "agent", aid,
        strcspn(aid, "@"), aid, "or", "user", json_object_get(turn, "user"), "approved", "exists", 1);
}

void tr_talk_examples_find(tr_talk_t *self, const tr_message_t *message, json_t *turn) {
    size_t length = 0;
    const char *text = tr_thinker_text(message, "text", &length);
    json_t *ask = json_pack("{s:s, s:s, s:s%, s:i, s:o}", "action", "search", "namespace", self->examples,
        "query", text, length, "k", MOST, "filter", filter_of(self, turn));
    if (!ask || tr_errand_send(&self->errands, self->thinker.agent, message, KNOWLEDGE, ask, FIND_MS,
                    on_found, json_incref(turn)) < 0)
        tr_talk_think(self, message, turn, NULL); /* examples are no condition, ignoring */
}
