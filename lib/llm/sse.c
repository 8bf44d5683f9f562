#include "lib/llm/sse.h"

#include <errno.h>
#include <string.h>

#define MARK     "\xEF\xBB\xBF"
#define MARK_LEN 3

void tr_llm_sse_init(tr_llm_sse_t *self, size_t limit) {
    *self = (tr_llm_sse_t){.limit = limit};
    tr_buffer_init(&self->line, limit);
    tr_buffer_init(&self->data, limit);
}

void tr_llm_sse_finish(tr_llm_sse_t *self) {
    tr_buffer_finish(&self->line);
    tr_buffer_finish(&self->data);
}

/* Empties it and keeps its memory. */
static void clear(tr_buffer_t *b) {
    b->size = 0;
    if (b->data)
        b->data[0] = '\0';
}

static int append(tr_llm_sse_t *self, tr_buffer_t *to, const char *bytes, size_t len) {
    if (len > self->limit || to->size > self->limit - len)
        return -EMSGSIZE;
    tr_buffer_put(to, bytes, len);
    return to->failed ? -ENOMEM : 0;
}

/* An empty line: what was gathered is an event, if it has data. */
static int end_event(tr_llm_sse_t *self, tr_llm_sse_fn fn, void *arg) {
    bool go_on = true;
    char none[1] = "";
    if (self->has_data)
        go_on = fn(arg, *self->name ? self->name : "message", self->data.size ? self->data.data : none,
            self->data.size);
    self->has_data = false;
    self->name[0] = '\0';
    clear(&self->data);
    return go_on ? 0 : 1;
}

static bool is(const char *field, size_t len, const char *word) {
    return strlen(word) == len && memcmp(field, word, len) == 0;
}

static int take_field(tr_llm_sse_t *self, const char *line, size_t len) {
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon ? (size_t)(colon - line) : len;
    const char *value = colon ? colon + 1 : line + len;
    size_t value_len = (size_t)(line + len - value);
    if (value_len && *value == ' ')
        value++, value_len--;
    if (is(line, name_len, "event")) {
        size_t n = value_len < TR_LLM_SSE_NAME_MAX ? value_len : TR_LLM_SSE_NAME_MAX;
        memcpy(self->name, value, n);
        self->name[n] = '\0';
    }
    if (!is(line, name_len, "data"))
        return 0;
    int r = self->has_data ? append(self, &self->data, "\n", 1) : 0;
    self->has_data = true;
    return r < 0 ? r : append(self, &self->data, value, value_len);
}

static int end_line(tr_llm_sse_t *self, tr_llm_sse_fn fn, void *arg) {
    const char *line = tr_buffer_string(&self->line);
    size_t len = self->line.size;
    if (!self->began && len >= MARK_LEN && memcmp(line, MARK, MARK_LEN) == 0)
        line += MARK_LEN, len -= MARK_LEN;
    self->began = true;
    int r = len ? take_field(self, line, len) : end_event(self, fn, arg);
    clear(&self->line);
    return r;
}

/* The next end of a line, or the end of the bytes. */
static const char *line_end(const char *at, const char *end) {
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    const char *stop = lf ? lf : end;
    const char *cr = memchr(at, '\r', (size_t)(stop - at));
    return cr ? cr : stop;
}

int tr_llm_sse_feed(tr_llm_sse_t *self, const char *bytes, size_t len, tr_llm_sse_fn fn, void *arg) {
    const char *at = bytes, *end = bytes + len;
    while (at < end) {
        if (self->was_cr && *at == '\n')
            at++;
        self->was_cr = false;
        const char *stop = line_end(at, end);
        int r = append(self, &self->line, at, (size_t)(stop - at));
        if (r < 0)
            return r;
        if (stop == end)
            return 0;
        self->was_cr = *stop == '\r';
        at = stop + 1;
        if ((r = end_line(self, fn, arg)) != 0)
            return r;
    }
    return 0;
}
