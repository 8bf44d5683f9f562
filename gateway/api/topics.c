/* The live topics, without the names of those that are somebody's own (person.c): a name tells who talks with whom. */
#include "gateway/api/api.h"

static void on_topics(tr_web_exchange_t *e) {
    if (!tr_web_judge(e, e->replies[0], "ams"))
        return;
    json_t *answer = tr_web_reply_json(e->replies[0]), *topics = json_object_get(answer, "topics");
    for (size_t i = json_array_size(topics); i-- > 0;) {
        const char *name = json_string_value(json_object_get(json_array_get(topics, i), "topic"));
        if (name && !tr_api_may_know_topic(e, name))
            json_array_remove(topics, i);
    }
    tr_web_respond_json(e, 200, answer);
}

void tr_api_topics(tr_web_exchange_t *e) {
    tr_web_ask(e);
    if (e->asked)
        e->on_replies = on_topics;
}
