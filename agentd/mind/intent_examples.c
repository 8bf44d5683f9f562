#include "agentd/mind/intent_examples.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/textbuf.h"

static bool is_label(const char *text, size_t length) {
    if (length == 0 || length > TR_INTENT_LABEL_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
            return false;
    return true;
}

/* The number of a label; a new one gets the next. */
static int take_label(tr_intent_examples_t *self, const char *text, size_t length, size_t *ret_label) {
    for (size_t i = 0; i < self->label_count; i++)
        if (strlen(self->labels[i]) == length && memcmp(self->labels[i], text, length) == 0) {
            *ret_label = i;
            return 0;
        }
    if (self->label_count == TR_INTENT_LABELS_MAX)
        return -E2BIG;
    memcpy(self->labels[self->label_count], text, length);
    *ret_label = self->label_count++;
    return 0;
}

static int take_line(tr_intent_examples_t *self, const char *line, size_t length, size_t *label) {
    while (length > 0 && isspace((unsigned char)line[length - 1]))
        length--;
    if (length == 0 || line[0] == '#')
        return 0;
    if (line[0] == '[')
        return line[length - 1] == ']' && is_label(line + 1, length - 2)
                   ? take_label(self, line + 1, length - 2, label)
                   : -EBADMSG;
    if (self->label_count == 0)
        return -EBADMSG;
    if (self->count >= TR_INTENT_EXAMPLE_MAX)
        return -E2BIG;
    if (tr_array_reserve(&self->items, self->count, &self->capacity, sizeof *self->items) < 0)
        return -ENOMEM;
    self->items[self->count++] = (tr_intent_example_t){*label, line, length};
    return 0;
}

static int fail(int rc, size_t line, tr_error_t *error) {
    if (rc == -ENOMEM)
        return tr_error_set(error, rc, "out of memory");
    if (rc == -E2BIG)
        return tr_error_set(error, rc, "line %zu: more than %d labels or %zu examples", line,
            TR_INTENT_LABELS_MAX, TR_INTENT_EXAMPLE_MAX);
    return tr_error_set(error, rc,
        "line %zu: expected [label] (of letters, digits, - _ and ., %d at most) before the first example",
        line, TR_INTENT_LABEL_MAX);
}

int tr_intent_examples_read(
    const char *bytes, size_t length, tr_intent_examples_t *ret_examples, tr_error_t *error) {
    tr_intent_examples_t *self = ret_examples;
    size_t at = 0, label = 0;
    *self = (tr_intent_examples_t){0};
    for (size_t line = 1; at < length; line++) {
        const char *end = memchr(bytes + at, '\n', length - at);
        size_t size = end ? (size_t)(end - bytes) - at : length - at;
        int rc = take_line(self, bytes + at, size, &label);
        if (rc < 0) {
            tr_intent_examples_finish(self);
            return fail(rc, line, error);
        }
        at += size + 1;
    }
    return 0;
}

void tr_intent_examples_finish(tr_intent_examples_t *self) {
    free(self->items);
    *self = (tr_intent_examples_t){0};
}
