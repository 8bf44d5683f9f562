/* The topic on which an agent tells something of itself: PREFIX.NAME, where dots of its name are _, since they would make other topics of it. */
#ifndef TR_AGENTD_BEHAVIOURS_OWN_TOPIC_H
#define TR_AGENTD_BEHAVIOURS_OWN_TOPIC_H

#include "troupe/agent.h"

#include <jansson.h>

#define TR_OWN_TOPIC_MAX  200
#define TR_OWN_TOPIC_NAME 80 /* bytes of the name; what is longer is cut */

/* Into out; how many bytes it has. */
int tr_own_topic(const tr_agent_t *agent, const char *prefix, char out[TR_OWN_TOPIC_MAX]);
/* Publishes it there; consumes the content. Who misses it can ask: what fails is not told. */
void tr_own_topic_tell(tr_agent_t *agent, const char *prefix, json_t *content);

#endif
