/*
 * What belongs to a person. Agents take a request's word for whose it is: a turn, a session or a ballot names its `user` or `voter`, since programs
 * speak for many. A person that the gateway knows by name, a user who has signed in or one of the OpenID provider, is that one alone, unless he is an
 * admin: so he can neither speak, nor vote, nor read for another one.
 */
#include "gateway/api/api.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PERSON "person:" /* a voter that is one (docs/deciding.md) */

/* Topics on which agents publish what was said to one person: the content's `user`. Others need the role. */
static const struct {
    const char *prefix;
    tr_web_role_t role;
} private_topics[] = {{"dialogue.", TR_WEB_OPERATOR}, {"gateway.", TR_WEB_ADMIN}};

bool tr_api_is_bound(const tr_web_exchange_t *e) {
    return (e->by_session || e->by_provider) && e->role < TR_WEB_ADMIN;
}

bool tr_api_may_be(const tr_web_exchange_t *e, const char *user, size_t len) {
    return !tr_api_is_bound(e) || (strlen(e->who) == len && memcmp(e->who, user, len) == 0);
}

bool tr_api_speak_as(tr_web_exchange_t *e, const char *user, size_t len) {
    if (tr_api_may_be(e, user, len))
        return true;
    tr_web_problem(e, 403, "unauthorised",
        "%s speaks and votes as himself alone, not as \"%.*s\": give his own name, or ask an admin, or by a "
        "token of the file of --tokens, which is no person's",
        e->who, (int)(len < 64 ? len : 64), user);
    return false;
}

/* What a text names, where that is another one. */
static const char *other(const tr_web_exchange_t *e, const json_t *name, const char *prefix) {
    const char *text = json_string_value(name);
    size_t skip = strlen(prefix);
    if (!text || (skip && strncmp(text, prefix, skip) != 0))
        return NULL;
    return tr_api_may_be(e, text + skip, json_string_length(name) - skip) ? NULL : text + skip;
}

const char *tr_api_other_in(const tr_web_exchange_t *e, const json_t *content) {
    static const char *const within[] = {"input", "task"};
    const char *found = other(e, json_object_get(content, "user"), "");
    const json_t *task;
    size_t i;
    if (!found)
        found = other(e, json_object_get(content, "voter"), PERSON);
    for (i = 0; i < sizeof within / sizeof *within && !found && json_is_object(content); i++)
        found = tr_api_other_in(e, json_object_get(content, within[i]));
    json_array_foreach(json_object_get(content, "tasks"), i, task) found =
        found ? found : tr_api_other_in(e, task);
    return found;
}

bool tr_api_speaks(tr_web_exchange_t *e, const json_t *content) {
    const char *name = tr_api_other_in(e, content);
    bool reaches = tr_api_reaches_feedback(e, content);
    if (reaches)
        tr_web_problem(e, 403, "unauthorised", "%s", TR_API_NO_FEEDBACK);
    return !reaches && (!name || tr_api_speak_as(e, name, strlen(name)));
}

static bool is_own(const tr_web_exchange_t *e, const tr_feed_event_t *event) {
    json_t *value = *e->who ? json_loadb(event->json, event->len, 0, NULL) : NULL;
    const char *user = json_string_value(json_object_get(json_object_get(value, "content"), "user"));
    bool own = user && strcmp(user, e->who) == 0;
    json_decref(value);
    return own;
}

/* -1: it is nobody's own. */
static int private_index(const char *topic) {
    for (size_t i = 0; i < sizeof private_topics / sizeof *private_topics; i++)
        if (strncmp(topic, private_topics[i].prefix, strlen(private_topics[i].prefix)) == 0)
            return (int)i;
    return -1;
}

static bool is_for_role(const tr_web_exchange_t *e, int index) {
    return e->role >= private_topics[index].role && !tr_api_is_bound(e);
}

bool tr_api_is_private_topic(const char *topic) {
    return private_index(topic) >= 0;
}

bool tr_api_may_see(const tr_web_exchange_t *e, const tr_feed_event_t *event) {
    int index = private_index(event->topic);
    return index < 0 || is_for_role(e, index) || is_own(e, event);
}

/* Its last part is the user's name, as agents write it there (docs/minds.md): what is no letter, digit or hyphen is an underscore. */
static bool is_named_after(const char *topic, const char *who) {
    const char *name = strrchr(topic, '.');
    if (!name++ || !*who || strlen(name) != strlen(who))
        return false;
    for (; *who; who++, name++)
        if (*name != (isalnum((unsigned char)*who) || *who == '-' ? *who : '_'))
            return false;
    return true;
}

bool tr_api_may_know_topic(const tr_web_exchange_t *e, const char *topic) {
    int index = private_index(topic);
    return index < 0 || is_for_role(e, index) || is_named_after(topic, e->who);
}
