/* A line with a label selector, then msgpack: labels, or a description of the DF. */
#include "broker/core/platform/df_match.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* Each word lies in the text, and holds only what a word may. */
static void check_word(const tr_selector_t *s, tr_selector_word_t word) {
    PROMISE(word.len > 0 && (size_t)word.at + word.len <= strlen(s->text));
    PROMISE(!memchr(s->text + word.at, ',', word.len) && !memchr(s->text + word.at, ' ', word.len));
}

static void check_selector(const tr_selector_t *s) {
    PROMISE(s->terms_n <= TR_SELECTOR_TERMS && s->words_n <= TR_SELECTOR_WORDS);
    for (size_t i = 0; i < s->terms_n; i++) {
        check_word(s, s->terms[i].key);
        PROMISE((size_t)s->terms[i].first + s->terms[i].count <= s->words_n);
    }
    for (size_t i = 0; i < s->words_n; i++)
        check_word(s, s->words[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *line_end = size ? memchr(data, '\n', size) : NULL;
    size_t len = line_end ? (size_t)(line_end - data) : size;
    tr_df_query_t query = {0};
    tr_content_t c;
    const char *problem = NULL;
    bool read = tr_selector_parse((const char *)data, len, &query.selector, &problem);
    PROMISE(read == !problem);
    if (read)
        check_selector(&query.selector);
    if (!read || !line_end || tr_content_init(&c, line_end + 1, size - len - 1) < 0)
        return 0;
    size_t steps = 10000;
    bool labelled = tr_selector_matches(&query.selector, &c.root, &steps);
    PROMISE(query.selector.terms_n || labelled);
    steps = 10000;
    query.template = &c.root; /* all that has its own parts, within the steps */
    tr_df_matches(&query, &c.root, &steps);
    tr_df_description_problem(&c.root);
    tr_content_finish(&c);
    return 0;
}
