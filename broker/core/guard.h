/*
 * The guard: who may do what. Pure, as all of the core: keys, certificates and the time come from outside.
 *
 * A connection proves that it has a key before the core hears of it (the shell's CURVE and ZAP). The key is
 * looked up once, at HELLO: the session then belongs to an identity, the holder of a certificate, and is a
 * guest. What guests ask for is checked where it is decided anyhow: names at registration, topics and
 * services when a session first uses them (and remembered by their routes), actions when ams, df or the
 * fleet's supervisor are asked for them. Without a guard sessions are nobody's guests and nothing is asked.
 *
 * What is refused is told to whoever asked, counted, and put on `$sys.audit` (audit.c).
 */
#ifndef TR_BROKER_GUARD_H
#define TR_BROKER_GUARD_H

#include "broker/core/state.h"
#include "lib/cert/cert.h"

/* The holder of a certificate, over all of its sessions, and over all editions of the certificate. */
typedef struct tr_identity {
    char *name;
    const tr_cert_t *cert; /* in the guard's book; NULL: there is none any more */
    uint32_t sessions;
    int64_t filled_ms;       /* when the two below were last filled up */
    int64_t messages, bytes; /* thousandths that it may still send now; below 0 it has to wait */
    uint64_t waiting;        /* bytes in its mailboxes, at most: as counted, and what came since */
    int64_t counted_ms;
    uint32_t watchers; /* of the topic stream, as the shell says */
} tr_identity_t;

#define TR_GRANTS 64 /* a power of two */

/* What a session has of being guarded. */
typedef struct tr_guest {
    tr_identity_t *identity;
    uint8_t key[TR_KEY_SIZE]; /* of its last HELLO's connection */
    uint64_t version;         /* of the guard, when the grants below were given */
    tr_route_t
        grants[TR_GRANTS]; /* topics that it may publish on and services that it may ask, by their slots */
} tr_guest_t;

typedef struct tr_guard {
    tr_cert_book_t *book;
    uint64_t version;    /* counts the books */
    tr_map_t identities; /* name -> tr_identity_t */
    char detail[256];    /* why it last refused, for whoever passes the refusal on; "" = it did not */
    char words[256];     /* that were passed on */
    uint32_t retry_ms;
    int64_t revokes_ms; /* wall: when the next of the book's certificates is revoked; 0 = none is */
} tr_guard_t;

void tr_guard_finish(tr_core_t *core);

/* At HELLO. The identity of the peer that speaks, or NULL: it was told. */
tr_identity_t *tr_guard_knock(tr_core_t *core, tr_peer_t peer, uint64_t id);
/* Whether a session is this identity's, which must be so to resume it. */
bool tr_guard_is_own(const tr_session_t *session, const tr_identity_t *identity);
/* A session begins, or resumes under the key that speaks now. False: it may have no more of them, or no
 * memory. */
bool tr_guard_enter(tr_core_t *core, tr_session_t *session, tr_identity_t *identity);
void tr_guard_leave(tr_session_t *session);
/* Why one more watcher of the stream with its certificate would be cut off, as text; false where it would not. */
bool tr_guard_watchers_full(const tr_session_t *session, char *out, size_t size);

/* May it? Always, where the session is nobody's guest. Where not, it was audited, and the guard has words for
 * it. */
bool tr_guard_name(tr_core_t *core, tr_session_t *session, const char *name, uint32_t count);
bool tr_guard_topic(tr_core_t *core, tr_session_t *session, const char *topic, size_t len);
bool tr_guard_subscribe(tr_core_t *core, tr_session_t *session, const char *pattern, size_t len);
bool tr_guard_offer(tr_core_t *core, tr_session_t *session, const char *service, size_t len);
bool tr_guard_verb(tr_core_t *core, tr_session_t *session, const char *agent, const char *action);
/* The hot ones: to be asked of guests only. */
bool tr_guard_publish(tr_core_t *core, tr_session_t *session, const tr_topic_t *topic);
bool tr_guard_ask(tr_core_t *core, tr_session_t *session, const tr_service_t *service);
/* A message to the fleet's supervisor, whose actions are verbs too. */
bool tr_guard_fleet(tr_core_t *core, tr_session_t *session, const tr_record_t *record);
/* What it sends counts against its rates. False: too much for now. */
bool tr_guard_charge(tr_core_t *core, tr_session_t *session, const tr_record_t *record);

/* The words of the last refusal, once: for the answer. `otherwise` where it was not the guard that
 * refused. */
const char *tr_guard_words(tr_core_t *core, const char *otherwise, uint32_t *ret_retry_ms);

/* Mailboxes: whether `length` more bytes may wait for this identity's agents; and that they do. */
bool tr_guard_has_room(const tr_core_t *core, const tr_entry_t *to, uint32_t length);
void tr_guard_queued(const tr_entry_t *to, uint32_t length);

/* Certificates and keys that have come to their end. */
void tr_guard_tick(tr_core_t *core);

/* audit.c: what an operator must be able to look up later, on the topic $sys.audit.KIND and as an event of
 * the core. `session` NULL = not known; `what` is the name, topic, service ... that it is about. */
void tr_audit(tr_core_t *core, tr_core_event_t kind, const tr_session_t *session, const char *certificate,
    const char *what, const char *detail);
void tr_audit_tick(tr_core_t *core);

#endif
