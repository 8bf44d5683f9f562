/*
 * The log of events of an agent whose behaviour replays them (troupe/agent.h: replay), between two snapshots of its state.
 *
 * NAME#state is the snapshot, and NAME#event-N what one commit appended: a list of events, in their order. The agent's own record says from
 * which N on they are behind the snapshot, and is written in the same transaction as any of them. So at whatever moment a process is
 * killed, snapshot and events are one state: that of the end of a turn. A commit writes the events of its turn, or, where enough have come
 * together, the whole state in their place; what a snapshot writes anew is thus never more than what was appended since the last one.
 */
#ifndef TR_AGENT_APPENDED_H
#define TR_AGENT_APPENDED_H

#include "proto/content.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_APPENDED_RECORDS_MAX 1000  /* with one more the whole state is written: a start reads them all */
#define TR_APPENDED_BYTES       65536 /* not before as much was appended as this and as the snapshot has */
#define TR_APPENDED_EVENT_MAX   (1u << 20)

typedef struct tr_event {
    struct tr_event *next;
    size_t len;
    uint8_t bytes[];
} tr_event_t;

typedef struct tr_appended {
    tr_event_t *fresh, *last; /* of this turn */
    uint64_t first, next;     /* records in the store; none = they are the same */
    size_t bytes;             /* in those */
    size_t state_bytes;       /* of the snapshot */
    bool stored;              /* there is a snapshot in the store */
    bool whole;               /* the next commit writes one, whatever was appended */
} tr_appended_t;

void tr_appended_init(tr_appended_t *self);
/* What is fresh goes. */
void tr_appended_finish(tr_appended_t *self);
/* 0 or -ENOMEM. */
int tr_appended_add(tr_appended_t *self, const void *event, size_t len);
/* Whether the next commit writes the whole state. */
bool tr_appended_is_due(const tr_appended_t *self);
/* One record of what is fresh. */
void tr_appended_write(const tr_appended_t *self, tr_content_writer_t *out);

#endif
