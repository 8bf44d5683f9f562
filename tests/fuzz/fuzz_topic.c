/* A line with a pattern, then a topic: the matcher agrees with a plain recursive one. */
#include <string.h>

#include "proto/topic.h"
#include "tests/fuzz/fuzz.h"

/* The definition, word for word; both texts are valid and end with a NUL. */
static bool matches(const char *pattern, const char *topic) {
    size_t p = strcspn(pattern, "."), t = strcspn(topic, ".");
    if (strcmp(pattern, ">") == 0)
        return true;
    if (!(p == 1 && pattern[0] == '*') && (p != t || strncmp(pattern, topic, p) != 0))
        return false;
    if (pattern[p] == '\0' || topic[t] == '\0')
        return pattern[p] == topic[t];
    return matches(pattern + p + 1, topic + t + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    const char *line_end = size ? memchr(text, '\n', size) : NULL;
    size_t pattern_len = line_end ? (size_t)(line_end - text) : size;
    const char *topic = line_end ? line_end + 1 : text;
    size_t topic_len = line_end ? size - pattern_len - 1 : size;

    size_t prefix = tr_pattern_prefix(text, pattern_len);
    bool got = tr_pattern_matches(text, pattern_len, topic, topic_len);
    PROMISE(prefix <= pattern_len);
    if (!tr_pattern_valid(text, pattern_len) || !tr_topic_valid(topic, topic_len))
        return 0;
    char pattern_text[TR_TOPIC_MAX + 1] = "", topic_text[TR_TOPIC_MAX + 1] = "";
    memcpy(pattern_text, text, pattern_len);
    memcpy(topic_text, topic, topic_len);
    PROMISE(got == matches(pattern_text, topic_text));
    PROMISE(!got || (prefix <= topic_len && memcmp(text, topic, prefix) == 0));
    return 0;
}
