/* JSON that is accepted becomes valid msgpack, and comes back as JSON that means the same bytes. */
#include <string.h>

#include "proto/json.h"
#include "tests/fuzz/fuzz.h"

/* Borrowed from the writer. */
static size_t written(const tr_content_writer_t *w, const void **ret_bytes) {
    size_t len = 0;
    PROMISE(tr_content_writer_take(w, ret_bytes, &len) == 0);
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_content_writer_t first, second;
    tr_error_t error = {0};
    const void *bytes, *again;
    tr_content_writer_init(&first);
    tr_content_writer_init(&second);
    int r = tr_json_to_content((const char *)data, size, &first, &error);
    size_t len = written(&first, &bytes);
    if (r != 0) {
        PROMISE(len == 0 && error.code == r && error.text[0] != '\0');
        PROMISE(!strpbrk(error.text, "\n\r\t"));
    } else {
        char *text = NULL;
        PROMISE(tr_content_to_json(bytes, len, 0, &text) == 0);
        PROMISE(tr_json_to_content(text, strlen(text), &second, &error) == 0);
        PROMISE(written(&second, &again) == len && memcmp(bytes, again, len) == 0);
        free(text);
    }
    tr_content_writer_finish(&first);
    tr_content_writer_finish(&second);
    return 0;
}
