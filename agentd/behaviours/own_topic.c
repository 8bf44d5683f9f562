#include "agentd/behaviours/own_topic.h"

#include <stdio.h>
#include <string.h>

#include "proto/json.h"

int tr_own_topic(const tr_agent_t *agent, const char *prefix, char out[TR_OWN_TOPIC_MAX]) {
    char aid[TR_AID_MAX + 1];
    tr_agent_aid(agent, aid);
    int name = (int)strcspn(aid, "@");
    int n = snprintf(
        out, TR_OWN_TOPIC_MAX, "%s.%.*s", prefix, name > TR_OWN_TOPIC_NAME ? TR_OWN_TOPIC_NAME : name, aid);
    for (char *dot = strchr(out + strlen(prefix) + 1, '.'); dot; dot = strchr(dot, '.'))
        *dot = '_';
    return n;
}

void tr_own_topic_tell(tr_agent_t *agent, const char *prefix, json_t *content) {
    char topic[TR_OWN_TOPIC_MAX];
    tr_content_writer_t w;
    tr_own_topic(agent, prefix, topic);
    tr_content_writer_init(&w);
    if (content && tr_json_write(content, &w) == 0)
        tr_publish_content(agent, topic, &w);
    else
        tr_content_writer_finish(&w);
    json_decref(content);
}
