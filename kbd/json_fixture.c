#include "kbd/json_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

tr_value_t json_fixture_read(json_fixture_t *self, const char *json) {
    tr_error_t error = {0};
    const void *bytes;
    size_t len;
    tr_content_writer_init(&self->w);
    if (tr_json_to_content(json, strlen(json), &self->w, &error) < 0)
        fail_msg("%s: %s", json, error.text);
    assert_int_equal(tr_content_writer_take(&self->w, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&self->content, bytes, len), 0);
    return &self->content.root;
}

void json_fixture_finish(json_fixture_t *self) {
    tr_content_finish(&self->content);
    tr_content_writer_finish(&self->w);
}
