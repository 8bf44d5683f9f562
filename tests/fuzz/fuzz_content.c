/* Whatever the check accepts is decoded, packed again, and rendered as JSON that can be read. */
#include <errno.h>
#include <string.h>

#include "proto/json.h"
#include "tests/fuzz/fuzz.h"

static void repack(const tr_content_t *content) {
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    tr_write_value(&w, &content->root);
    PROMISE(tr_content_writer_take(&w, &bytes, &len) == 0);
    PROMISE(tr_content_check(bytes, len) == 0);
    tr_content_writer_finish(&w);
}

static void render(const uint8_t *data, size_t size) {
    tr_content_writer_t w;
    char *text = NULL;
    PROMISE(tr_content_to_json(data, size, JSON_COMPACT, &text) == 0);
    PROMISE(strlen(text) <= 64 + 16 * size);
    tr_content_writer_init(&w);
    /* -EINVAL: a map that looks like a special object, or a NUL in a key, which jansson refuses to read */
    int r = tr_json_to_content(text, strlen(text), &w, NULL);
    PROMISE(r == 0 || r == -EINVAL);
    tr_content_writer_finish(&w);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_content_t content;
    char word[16];
    int checked = tr_content_check(data, size);
    PROMISE(checked == 0 || checked == -EBADMSG || checked == -E2BIG);
    PROMISE(tr_content_init(&content, data, size) == checked);
    if (checked != 0)
        return 0;
    (void)tr_value_copy(tr_value_get(&content.root, "task"), word, sizeof word);
    (void)tr_value_int(tr_value_at(&content.root, 0), 0);
    repack(&content);
    tr_content_finish(&content);
    render(data, size);
    return 0;
}
