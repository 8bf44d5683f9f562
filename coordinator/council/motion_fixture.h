/* A decision in a test: events as JSON, and what is told of it as JSON. */
#ifndef TR_COORDINATOR_COUNCIL_MOTION_FIXTURE_H
#define TR_COORDINATOR_COUNCIL_MOTION_FIXTURE_H

#include "coordinator/council/motion.h"

#include <jansson.h>

typedef struct chamber {
    tr_motion_t *d;
    tr_error_t error;
    int64_t now_ms;
} chamber_t;

#define A_TEST(f) cmocka_unit_test_setup_teardown(f, chamber_setup, chamber_teardown)

#define ABC "'question': 'which?', 'edition': 2, 'options': ['a', 'b', 'c'], 'voters': ['ann', 'bob', 'cid']"

int chamber_setup(void **state);
int chamber_teardown(void **state);
/* JSON with ' in place of "; good for eight calls. */
const char *quoted(const char *text);

/* An event whose value is a JSON text; NULL: it has none. As tr_motion_new, tr_motion_apply. */
int chamber_event(chamber_t *c, tr_motion_what_t what, const char *who, const char *json);
/* These fail the test where they cannot. */
void chamber_open(chamber_t *c, const char *wish);
void chamber_vote(chamber_t *c, const char *who, const char *ballot);
void chamber_count(chamber_t *c);
/* "" where there is none. */
const char *chamber_winner(const chamber_t *c);

/* What is told, as JSON; a new reference. */
json_t *chamber_told(const chamber_t *c, void (*write)(tr_content_writer_t *w, const tr_motion_t *d));
json_t *chamber_told_event(chamber_t *c, tr_motion_what_t what, const char *json);
void chamber_write_all(tr_content_writer_t *w, const tr_motion_t *d);
void chamber_write_votes(tr_content_writer_t *w, const tr_motion_t *d);
/* What is kept of an event as it comes in, as JSON with its keys in order. As tr_motion_check, tr_motion_digest. */
int chamber_digest(
    chamber_t *c, tr_motion_what_t what, const char *who, const char *json, char *out, size_t size);

#endif
