/*
 * Many messages to one receiver, sent one behind the other without waiting for each.
 *
 * Durable ones are kept here until the broker has them on disk. Where the receiver's queue is full (busy, with a time to try again), nothing
 * new is sent until those that came back have been taken, in their order; so does a queue that is never full keep the order, and one that is
 * full now and then nearly so: what was on its way behind one that came back may have been taken before it. Those that are not durable
 * are not sent again.
 *
 *     tr_sender_init(&sender, call, &o->common, &message);
 *     code = tr_cli_session_open(... .on_message = tr_sender_on_message, .arg = &sender ..., &sender.session);
 *     while (code == TR_EXIT_OK && ...) code = tr_sender_put(&sender, &content);
 *     code = tr_sender_settle(&sender, code);
 *     tr_cli_session_close(&sender.session);
 *     tr_sender_free(&sender);
 *
 * Exit codes, as those of tools/cli/session.h. The first that is refused for good ends it.
 */
#ifndef TR_TOOLS_SENDER_H
#define TR_TOOLS_SENDER_H

#include "tools/cli/message_text.h"
#include "tools/cli/session.h"

typedef struct tr_waiting_letter tr_waiting_letter_t;

typedef struct tr_sender {
    const tr_call_t *call;
    const tr_cli_common_t *common;
    tr_cli_session_t *session;
    const tr_acl_t *message; /* without content; TR_FLAG_DURABLE among its flags or not; borrowed */
    int64_t sent, stored, refused;
    int64_t in_flight; /* durable, and not answered */
    bool answered;     /* something was since it was looked at */
    bool full;         /* what was answered last came back busy ... */
    char why[240];     /* ... as the broker said it */
    bool progress;
    tr_waiting_letter_t *letters;            /* all that are not stored */
    tr_waiting_letter_t *again, **again_end; /* of them: those that came back busy ... */
    int64_t again_ms;                        /* ... to be sent again then */
    int64_t told_ms;
    int code; /* of the first that was refused */
} tr_sender_t;

/* With `progress`, set after it, how far it is is told on err each second, where that is a terminal. All is borrowed. */
void tr_sender_init(
    tr_sender_t *self, const tr_call_t *call, const tr_cli_common_t *common, const tr_acl_t *message);
void tr_sender_on_message(tr_cli_session_t *session, const tr_message_t *message, void *arg);
/* Copies the content. Waits where the broker asks to. TR_EXIT_TIMEOUT: nothing was taken for --timeout. */
int tr_sender_put(tr_sender_t *self, const tr_cli_content_t *content);
/* Waits until all are answered, unless `code` says that it went wrong already. What is to be returned. */
int tr_sender_settle(tr_sender_t *self, int code);
/* When the session is closed. */
void tr_sender_free(tr_sender_t *self);

#endif
