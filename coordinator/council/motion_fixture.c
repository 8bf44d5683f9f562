#include "coordinator/council/motion_fixture.h"

#include "proto/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char *quoted(const char *text) {
    static char out[8][1024];
    static size_t turn;
    char *s = out[turn++ % 8];
    size_t i = 0;
    for (; text[i] && i < 1023; i++)
        s[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    s[i] = '\0';
    return s;
}

typedef struct value {
    tr_content_writer_t w;
    tr_content_t content;
} value_t;

/* NULL: none. Until drop_value. */
static tr_value_t read_value(value_t *v, const char *json) {
    const void *bytes;
    size_t len;
    tr_error_t error;
    if (!json)
        return NULL;
    tr_content_writer_init(&v->w);
    if (tr_json_to_content(json, strlen(json), &v->w, &error) < 0)
        fail_msg("%s: %s", json, error.text);
    assert_int_equal(tr_content_writer_take(&v->w, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&v->content, bytes, len), 0);
    return &v->content.root;
}

static void drop_value(value_t *v, const char *json) {
    if (!json)
        return;
    tr_content_finish(&v->content);
    tr_content_writer_finish(&v->w);
}

/* Ends the writer. NULL: nothing was written. */
static json_t *json_of(tr_content_writer_t *w) {
    tr_content_t content;
    const void *bytes;
    size_t len;
    json_t *json = NULL;
    assert_int_equal(tr_content_writer_take(w, &bytes, &len), 0);
    if (len) {
        assert_int_equal(tr_content_init(&content, bytes, len), 0);
        json = tr_value_to_json(&content.root);
        tr_content_finish(&content);
    }
    tr_content_writer_finish(w);
    return json;
}

int chamber_event(chamber_t *c, tr_motion_what_t what, const char *who, const char *json) {
    value_t v;
    tr_motion_event_t e = {what, ++c->now_ms, who, read_value(&v, json)};
    int rc = what == TR_MOTION_OPENED ? tr_motion_new("d1", &e, &c->d, &c->error)
                                      : tr_motion_apply(c->d, &e, &c->error);
    drop_value(&v, json);
    return rc;
}

void chamber_open(chamber_t *c, const char *wish) {
    tr_motion_destroy(&c->d);
    if (chamber_event(c, TR_MOTION_OPENED, NULL, wish) < 0)
        fail_msg("%s: %s", wish, c->error.text);
}

void chamber_vote(chamber_t *c, const char *who, const char *ballot) {
    if (chamber_event(c, TR_MOTION_BALLOT, who, ballot) < 0)
        fail_msg("%s: %s", ballot, c->error.text);
}

void chamber_count(chamber_t *c) {
    assert_int_equal(chamber_event(c, TR_MOTION_COUNTED, NULL, NULL), 0);
}

const char *chamber_winner(const chamber_t *c) {
    return c->d->winner == TR_NOBODY ? "" : c->d->options[c->d->winner];
}

int chamber_setup(void **state) {
    *state = calloc(1, sizeof(chamber_t));
    return 0;
}

int chamber_teardown(void **state) {
    chamber_t *c = *state;
    tr_motion_destroy(&c->d);
    free(c);
    return 0;
}

json_t *chamber_told(const chamber_t *c, void (*write)(tr_content_writer_t *w, const tr_motion_t *d)) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    write(&w, c->d);
    return json_of(&w);
}

json_t *chamber_told_event(chamber_t *c, tr_motion_what_t what, const char *json) {
    value_t v;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_motion_write_event(&w, c->d, &(tr_motion_event_t){what, 1, "ann", read_value(&v, json)});
    drop_value(&v, json);
    return json_of(&w);
}

void chamber_write_all(tr_content_writer_t *w, const tr_motion_t *d) {
    tr_motion_write(w, d, 0);
}

void chamber_write_votes(tr_content_writer_t *w, const tr_motion_t *d) {
    tr_write_array(w, d->seat_count);
    for (size_t i = 0; i < d->seat_count; i++)
        tr_motion_write_vote(w, d, i);
}

int chamber_digest(
    chamber_t *c, tr_motion_what_t what, const char *who, const char *json, char *out, size_t size) {
    value_t v;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_motion_event_t e = {what, 1, who, read_value(&v, json)};
    int rc = tr_motion_check(c->d, &e, &c->error);
    if (rc == 0)
        rc = tr_motion_digest(c->d, &e, &w, &c->error);
    drop_value(&v, json);
    json_t *kept = json_of(&w);
    char *text = json_dumps(kept, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(3));
    snprintf(out, size, "%s", text ? text : "");
    free(text);
    json_decref(kept);
    return rc;
}
