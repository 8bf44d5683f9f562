#include "coordinator/approval/approver.h"

#include <stddef.h>
#include <string.h>

static size_t agent_length(const char *name, size_t length) {
    const char *slash = memchr(name, '/', length);
    return slash ? (size_t)(slash - name) : length;
}

/* Of an agent alone: "ann", "ann@office", "an*". */
static bool fits(const char *name, size_t length, const char *agent, size_t agent_len) {
    const char *at = memchr(agent, '@', agent_len);
    size_t local = at ? (size_t)(at - agent) : agent_len;
    if (length > 0 && name[length - 1] == '*')
        return agent_len >= length - 1 && memcmp(name, agent, length - 1) == 0;
    if (memchr(name, '@', length))
        local = agent_len;
    return local == length && memcmp(name, agent, length) == 0;
}

static bool is_one(const char *name, size_t length, const char *by) {
    size_t agent = agent_length(name, length), whole = strlen(by), his = agent_length(by, whole);
    if (!fits(name, agent, by, his))
        return false;
    return agent == length ||
           (whole - his == length - agent && memcmp(name + agent, by + his, whole - his) == 0);
}

bool tr_approver_may(const char *list, const char *by) {
    if (!list || !*list)
        return true;
    for (const char *name = list; *name;) {
        size_t length = strcspn(name, "\n");
        if (is_one(name, length, by))
            return true;
        name += length + (name[length] == '\n');
    }
    return false;
}

bool tr_approver_valid(const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < 0x21 || name[i] == 0x7f)
            return false;
    return length > 0 && length <= TR_APPROVER_MAX && agent_length(name, length) > 0 &&
           name[length - 1] != '/';
}

bool tr_approver_is(const char *name, const char *agent) {
    return fits(name, strlen(name), agent, strlen(agent));
}
