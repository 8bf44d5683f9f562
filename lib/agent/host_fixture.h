/*
 * For tests: a host whose link is a queue in memory instead of a connection to a broker. What agents send
 * waits on the wire until the test delivers it, so that tests decide what crosses what, and nothing waits for
 * a time. The platform is "here". Linked instead of lib/link.
 */
#ifndef TR_AGENT_HOST_FIXTURE_H
#define TR_AGENT_HOST_FIXTURE_H

#include "lib/agent/host_private.h"

typedef struct tr_settled {
    uint64_t number;
    bool release;
} tr_settled_t;

tr_host_t *tr_fixture_host(void);
tr_agent_t *tr_fixture_agent(tr_host_t *host, const char *name, const tr_behaviour_t *behaviour);
/* Hands on the first record of the wire and runs the host; false where there was none. */
bool tr_fixture_deliver(tr_host_t *host);
/* All, and those that follow from them. */
void tr_fixture_run(tr_host_t *host);
/* Lets every timer that is running now fire, in order. */
void tr_fixture_expire(tr_host_t *host);
/* Puts a message on the wire as if `acl->sender` had sent it, also ams@here. flags: TR_FLAG_*. */
void tr_fixture_inject(tr_host_t *host, const tr_acl_t *acl, uint8_t flags);
/* What was sent since the last call: "alice>bob request, bob>alice agree". Valid until the next call. */
const char *tr_fixture_said(tr_host_t *host);
/* The last record that was sent, decoded; valid until the next call. */
const tr_acl_t *tr_fixture_last(tr_host_t *host);
/* Who gets what is sent to a service, leased. NULL = nobody. */
void tr_fixture_provider(tr_host_t *host, const char *name);
/* From now on what is sent to `name` comes back with this reason; NULL = nothing does. */
void tr_fixture_nack(tr_host_t *host, const char *name, tr_reason_t reason);
/* The link hears that these are gone; what was sent from now on is not concerned. */
void tr_fixture_gone(tr_host_t *host, const char *name, uint64_t count);
/* While down, everything sent gives -EAGAIN. */
void tr_fixture_down(tr_host_t *host, bool down);
/* The broker has taken all that was sent; and it is another one from now on, whose delivery numbers begin at 1. */
void tr_fixture_take(tr_host_t *host);
void tr_fixture_broker(tr_host_t *host, uint64_t instance);
/* The session with the broker is another one. */
void tr_fixture_session(tr_host_t *host);
/* What every topic's route stands for from now on, "" = it is forgotten; must live on. */
void tr_fixture_topic(tr_host_t *host, const char *name);
/* Settled deliveries so far. */
const tr_settled_t *tr_fixture_settled(tr_host_t *host, size_t *ret_count);
/* Records that were delivered and not given back to the sender's credit yet. */
size_t tr_fixture_held(const tr_host_t *host);

#endif
