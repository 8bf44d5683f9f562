/*
 * What agents of other platforms may ask of this one, and get from it, and who is in quarantine here (platform/quarantine.h), told to every
 * neighbour: the services that somebody here offers (with the capacity of all of them, and the route), and the patterns of topics that somebody
 * here wants: an agent through its link, a watcher of the stream, or a stream with memory. Topics of the platform
 * itself (`$`) do not cross, but the one that tells spans: a trace goes over many, and who exports it is on one.
 *
 * The set is kept as it changes; what has changed is told at the end of the turn, in INTEREST records. Each of them
 * carries the number of items that hold now and the sum of their hashes, and so does one without changes with every
 * heartbeat: who finds another sum for what he has been told asks for all of it again. So the two sides agree
 * within a heartbeat, whatever went wrong before.
 *
 * With a neighbour, a service offered there is a provider here: the proxy `svc:NAME@platform`, with their capacity.
 * A pattern wanted there is a subscription of one proxy for the whole platform, so that a publication crosses
 * once.
 */
#ifndef TR_BROKER_INTEREST_H
#define TR_BROKER_INTEREST_H

#include "broker/core/federation/neighbour.h"

#include <string.h>

/* The first letter of an item's key: what it is. */
#define TR_ITEM_PATTERN     't'
#define TR_ITEM_SERVICE     's'
#define TR_ITEM_QUARANTINED 'q'
/* The capacity of the last: it is held for another one's sake, or was meant itself. */
#define TR_HELD       1u
#define TR_HELD_MEANT 2u

#define TR_TOPIC_SPANS "$sys.spans"

/* Whether a topic or pattern is for this platform alone. */
static inline bool tr_interest_stays(const char *topic, size_t len) {
    return len && *topic == '$' && (len != sizeof TR_TOPIC_SPANS - 1 || memcmp(topic, TR_TOPIC_SPANS, len));
}

/* One more, or (by -1) one less, who wants the topics of a pattern; nothing where no broker links to others. */
void tr_interest_pattern(tr_core_t *core, const char *pattern, size_t len, int by);
/* A prefix of a watcher of the stream. */
void tr_interest_prefix(tr_core_t *core, const char *prefix, size_t len, int by);
/* The providers of a service, or their capacity, have changed. */
void tr_interest_service(tr_core_t *core, const tr_service_t *service);

/* An agent of this platform is in quarantine (TR_HELD, TR_HELD_MEANT), or is so no more (0). */
void tr_interest_quarantined(tr_core_t *core, const char *name, uint32_t held);

/* All that there is when the first link is about to be made. */
void tr_interests_begin(tr_core_t *core);
/* Tells what has changed to all neighbours. */
void tr_interests_flush(tr_core_t *core);
/* All of it to one, whose link has come up or who has asked for it. */
void tr_interests_tell(tr_core_t *core, tr_neighbour_t *neighbour);
/* The sum alone. */
void tr_interests_remind(tr_core_t *core, tr_neighbour_t *neighbour);
void tr_interests_finish(tr_federation_t *federation);

/* What a neighbour tells. */
void tr_foreign_interest(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
void tr_interests_forget(tr_core_t *core, tr_neighbour_t *neighbour);
/* It has told that it has this agent of its own in quarantine. */
bool tr_neighbour_holds(tr_neighbour_t *neighbour, const char *name);

#endif
