/*
 * What these tests share: a real broker, agents of the test's own process that remember what came to them, and
 * other processes in a role (roles.h).
 *
 *     static void hello_arrives(void **state) {
 *         crowd_t *c = *state;
 *         member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
 *         assert_int_equal(member_send(a, "b", 7), 0);
 *         until(c, b->box->n == 1);
 *         assert_int_equal(b->box->seen[0].number, 7);
 *     }
 *
 * A content is 8 bytes, a number; larger ones are filled with bytes that depend on it (content_fill).
 */
#ifndef TESTS_CROWD_H
#define TESTS_CROWD_H

#include "proto/topic.h"
#include "tests/process.h"
#include "troupe/troupe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CROWD_MEMBERS   64
#define CROWD_PROCESSES 16
#define CONTENT_MAX     (2u << 20)

/* A message that came. */
typedef struct seen {
    tr_message_type_t type;
    tr_performative_t act;
    tr_reason_t reason;
    uint64_t number, sequence, missed;
    size_t len;
    size_t elements; /* of "agents", in an answer of the AMS or DF */
    uint32_t retry_ms;
    unsigned attempt;
    bool redelivered, leased, intact; /* intact: the content is what content_fill writes */
    int64_t at_ms;
    char sender[TR_AID_MAX + 1];
    char topic[TR_TOPIC_MAX + 1];
    char conversation[64];
} seen_t;

/* The state of the recording behaviour. */
typedef struct box {
    seen_t *seen;
    size_t n, cap;
    size_t begun; /* how often init was called in this life: 1 */
} box_t;

/* One host with one recording agent. */
typedef struct member {
    tr_host_t *host;
    tr_agent_t *agent;
    box_t *box;
    char name[TR_NAME_MAX + 1];
    _Atomic unsigned events[TR_HOST_HUNG + 1];
} member_t;

typedef struct crowd {
    broker_t broker;
    member_t *members[CROWD_MEMBERS];
    size_t members_n;
    process_t processes[CROWD_PROCESSES];
    size_t processes_n;
} crowd_t;

extern const tr_behaviour_t recorder;

/* cmocka's setup and teardown: an empty crowd; crowd_open starts its broker. */
int crowd_setup(void **state);
int crowd_teardown(void **state);
/* A broker with these options (NULL = none). */
void crowd_open(crowd_t *self, const char *const *options);

/* A host alone; options NULL = defaults. */
member_t *crowd_host(crowd_t *self, const tr_host_options_t *options);
/* A host with a recording agent. */
member_t *crowd_join(crowd_t *self, const char *name);
/* Ends a member's host. */
void crowd_leave(crowd_t *self, member_t *member);
/* Adds the recording agent to a host that has none. 0 or the error of tr_host_add. */
int member_add(member_t *self, const char *name, tr_error_t *error);

/* A process of the test's own program in a role, with the broker's endpoint in front of the arguments; waits
 * for its "ready". */
process_t *crowd_role(crowd_t *self, const char *role, ...) __attribute__((sentinel));
/* Waits for the role's end, which must be a good one. */
void crowd_role_end(process_t *process);

/* What a sink or flood says of what came to it. */
typedef struct report {
    uint64_t received, missing, doubled, damaged, failed, next;
} report_t;
report_t sink_report(process_t *sink);

/* Runs every host once; sleeps a moment when none had anything to do; fails after the deadline. */
void crowd_turn(crowd_t *self, int64_t deadline_ms, const char *what, const char *file, int line);
int64_t crowd_deadline(void);
#define until(crowd, condition)                                                                              \
    for (int64_t until_ms = crowd_deadline(); !(condition);)                                                 \
    crowd_turn((crowd), until_ms, #condition, __FILE__, __LINE__)

/* Runs the hosts for so long: where time itself is the subject. */
void crowd_pass(crowd_t *self, int64_t ms);

/* Sends an inform with this number; what tr_send returned. */
int member_send(member_t *self, const char *to, uint64_t number);
int member_send_as(
    member_t *self, const char *to, uint64_t number, tr_performative_t act, const char *conversation);
/* The same, running the hosts while the answer is to try again later. */
void member_send_all(crowd_t *crowd, member_t *self, const char *to, uint64_t first, uint64_t count);
int member_publish(member_t *self, const char *topic, uint64_t number);
/* How many of what came are of this type; the first of them. */
size_t member_count(const member_t *self, tr_message_type_t type);
const seen_t *member_first(const member_t *self, tr_message_type_t type);
void member_forget(member_t *self);

/* Writes len >= 8 bytes that belong to the number. */
void content_fill(uint8_t *out, size_t len, uint64_t number);
/* Whether they do; the number comes back. */
bool content_check(const uint8_t *bytes, size_t len, uint64_t *ret_number);

#endif
