/*
 * What people think of answers (the page's thumbs) are documents of the knowledge base's namespace `feedback`, and their metadata's `user` says whose
 * thumb it was. Assistants may learn from them (docs/minds.md, examples), so nobody gives one in another one's name.
 */
#include "gateway/api/api.h"

#include <string.h>

static bool is_feedback(const char *space, size_t len) {
    return len == strlen("feedback") && memcmp(space, "feedback", len) == 0;
}

static const char *other_in(const tr_web_exchange_t *e, const json_t *documents) {
    const json_t *document;
    size_t i;
    json_array_foreach(documents, i, document) {
        const json_t *user = json_object_get(json_object_get(document, "metadata"), "user");
        const char *name = json_string_value(user);
        if (name && !tr_api_may_be(e, name, json_string_length(user)))
            return name;
    }
    return NULL;
}

const char *tr_api_other_in_feedback(const tr_web_exchange_t *e, const json_t *content) {
    const json_t *space = json_object_get(content, "namespace");
    bool feedback = json_is_string(space) && is_feedback(json_string_value(space), json_string_length(space));
    return feedback ? other_in(e, json_object_get(content, "documents")) : NULL;
}

void tr_api_add_documents(tr_web_exchange_t *e) {
    tr_web_part_t space = tr_web_match_part(&e->match, "namespace");
    const char *other =
        is_feedback(space.at, space.len) ? other_in(e, json_object_get(e->body, "documents")) : NULL;
    if (!other || tr_api_speak_as(e, other, strlen(other)))
        tr_web_ask(e);
}
