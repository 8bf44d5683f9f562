/* Contents of tests, written as JSON. */
#ifndef TR_KBD_JSON_FIXTURE_H
#define TR_KBD_JSON_FIXTURE_H

#include "proto/json.h"

typedef struct json_fixture {
    tr_content_writer_t w;
    tr_content_t content;
} json_fixture_t;

/* Borrowed from the fixture, until that is finished. The test fails where it is no JSON. */
tr_value_t json_fixture_read(json_fixture_t *self, const char *json);
void json_fixture_finish(json_fixture_t *self);

#endif
