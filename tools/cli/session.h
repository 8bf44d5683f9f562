/*
 * What the verbs that talk to a broker share: where it is, an agent of their own there, and questions
 * with an answer.
 *
 *     tr_cli_session_t *session;
 *     int code = tr_cli_session_open(
 *         &(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
 *     if (code == TR_EXIT_OK)
 *         code = tr_cli_ask_platform(session, "ams", &request, &answer);
 *     ...
 *     tr_message_done(&answer);
 *     tr_cli_session_close(&session);
 *
 * Functions that return an exit code have said on the call's err what went wrong. All of one call's work, the
 * connecting included, has --timeout. The session's agent is cli-PID-XXXX and is gone with the session.
 *
 * SIGINT, SIGTERM and SIGHUP end every wait with TR_EXIT_SIGNAL + the signal's number, so that a verb cleans
 * up on its usual way out.
 */
#ifndef TR_TOOLS_SESSION_H
#define TR_TOOLS_SESSION_H

#include "tools/cli/cli.h"
#include "tools/fleet/state.h"
#include "troupe/host.h"

#define TR_CLI_ENDPOINT_DEFAULT "tcp://127.0.0.1:5570"
#define TR_EXIT_SIGNAL          128
#define TR_CLI_NO_JOURNAL       "this broker keeps no journal: it was started without --journal"

typedef struct tr_cli_place {
    char endpoint[TR_STATE_ENDPOINT_MAX + 1];
    char fleet[TR_PLATFORM_MAX + 1]; /* that it is the broker of; "" where it is not one that runs here */
    char cert[PATH_MAX];             /* to prove oneself with; "" = none */
    char directory[PATH_MAX];        /* of that fleet's state, "" */
    pid_t supervisor;                /* of that fleet, 0 */
    bool assumed;                    /* nothing said where: it is the default */
    char why[256];                   /* if so: which fleet does not run here */
} tr_cli_place_t;

/* --connect (or TROUPE_CONNECT), else the fleet of --fleet, else the one that runs here, else the default. */
int tr_cli_find_place(const tr_call_t *call, const tr_cli_common_t *common, tr_cli_place_t *ret_place);
/* Where to reach the topic stream, as a broker reached at `endpoint` tells it: "tcp://0.0.0.0:5571" is of no
 * use on another machine. out: TR_STATE_ENDPOINT_MAX + 1 bytes. 0 or -ENAMETOOLONG. */
int tr_cli_stream_endpoint(const char *endpoint, const char *stream, char *out);

typedef struct tr_cli_session tr_cli_session_t;
/* A message for the session's agent that answers no question; borrowed. */
typedef void (*tr_cli_message_fn)(tr_cli_session_t *session, const tr_message_t *message, void *arg);
/* The broker was lost (TR_HOST_DISCONNECTED), is there again (TR_HOST_RESUMED), or another one is in its place (TR_HOST_CONNECTED). */
typedef void (*tr_cli_link_fn)(tr_cli_session_t *session, tr_host_event_t event, void *arg);

typedef struct tr_cli_session_config {
    const tr_call_t *call;         /* borrowed */
    const tr_cli_common_t *common; /* borrowed */
    tr_cli_message_fn on_message;  /* may be NULL */
    tr_cli_link_fn on_link;        /* once it is open; may be NULL */
    void *arg;
    bool quiet;    /* says nothing on err */
    bool no_agent; /* only the link: nothing of it shows on the platform; for what needs no answer */
} tr_cli_session_config_t;

int tr_cli_session_open(const tr_cli_session_config_t *config, tr_cli_session_t **ret_session);
/* Says goodbye: the broker has taken all that was sent. */
void tr_cli_session_close(tr_cli_session_t **self);

/* What the broker says of its topic stream. */
typedef struct tr_cli_stream {
    char endpoint[TR_STATE_ENDPOINT_MAX + 1]; /* see tr_cli_stream_endpoint */
    char cert[PATH_MAX];                      /* what to prove oneself with there, "" = nothing */
    char refusal[256];                        /* why one would be cut off there; "" = one would not */
} tr_cli_stream_t;
/* Asks it. Opens a session and closes it again, after which signals are no longer blocked. Where one would be cut off: TR_EXIT_REFUSED. */
int tr_cli_find_stream(
    const tr_call_t *call, const tr_cli_common_t *common, bool quiet, tr_cli_stream_t *ret_stream);

tr_agent_t *tr_cli_session_agent(const tr_cli_session_t *self);
tr_host_t *tr_cli_session_host(const tr_cli_session_t *self);
const tr_cli_place_t *tr_cli_session_place(const tr_cli_session_t *self);
/* When --timeout is over, of tr_clock_ms. */
int64_t tr_cli_session_deadline(const tr_cli_session_t *self);
/* Gives the whole of --timeout again: for verbs that watch. */
void tr_cli_session_renew(tr_cli_session_t *self);
/* From now on it says nothing on err but what the other side refused: for live views. */
void tr_cli_session_hush(tr_cli_session_t *self);

/* Runs until *done, or until_ms (tr_clock_ms; INT64_MAX = for ever). TR_EXIT_OK, TR_EXIT_TIMEOUT (says
 * nothing), TR_EXIT_SIGNAL + n. */
int tr_cli_wait(tr_cli_session_t *self, const bool *done, int64_t until_ms);
/* The signal that ended a wait is dealt with: those to come are waits of their own. */
void tr_cli_session_forgive(tr_cli_session_t *self);
/* Lets `fd` end tr_cli_wait with TR_EXIT_OK: *ready is set when it can be read. One fd; -1 ends it. */
void tr_cli_wait_fd(tr_cli_session_t *self, int fd, bool *ready);

/* Sends, and tries again within --timeout while the receiver or the broker asks to hold back. */
int tr_cli_send(tr_cli_session_t *self, const tr_acl_t *message);
/* Asks and waits for the one answer, of whatever performative; what came back undelivered counts as one. The
 * caller finishes it with tr_message_done before the session is closed. */
int tr_cli_ask(tr_cli_session_t *self, const tr_acl_t *message, tr_message_t **ret_answer);
/* TR_EXIT_OK for an answer that tells what was asked; says why and returns TR_EXIT_REFUSED for refuse,
 * failure, not-understood and for what was not delivered. `who`: whom it was sent to. */
int tr_cli_judge(const tr_call_t *call, const char *who, const tr_message_t *answer);
/* A request to "ams" or "df"; finishes the writer. ret_answer is an inform, whose value is a map. */
int tr_cli_ask_platform(
    tr_cli_session_t *self, const char *agent, tr_content_writer_t *request, tr_message_t **ret_answer);
/* The same in a conversation of this id; NULL: one of its own. */
int tr_cli_ask_within(tr_cli_session_t *self, const char *agent, const char *conversation,
    tr_content_writer_t *request, tr_message_t **ret_answer);
/* Waits until the broker has taken all that was sent, and what it sent back about it has come. */
int tr_cli_settle(tr_cli_session_t *self);

/* "no-provider: detail" of a message that came back; "busy (try again in 200 ms)" ... */
void tr_cli_print_reason(const tr_message_t *failed, char *out, size_t size);

#endif
