/*
 * Whom a station has taken (arrive.c), in the store of its host, so that it takes them again when it is started again (tr_host_take_again).
 *
 * `#taken` is the list of their names, and NAME#parcel what came with one beside its state, which is in its own record. Both are written in
 * the transaction that saves the agent for the first time; it leaves the list before it leaves the store. So the list never names one whose
 * state is not there.
 *
 * NAME#away is in the store of the process that one was moved from: where to. Whoever is started with that store does not begin the agent
 * anew.
 */
#ifndef TR_AGENT_TAKEN_H
#define TR_AGENT_TAKEN_H

#include "lib/agent/saved.h"

#define TR_TAKEN_LIST "#taken"

typedef struct tr_taken {
    struct tr_taken *next;
    void *parcel; /* to be stored; NULL = it is */
    size_t len;
    bool gone; /* it is another one's now: what is stored of it goes with the next commit */
    char name[];
} tr_taken_t;

/* Names of the records beside an agent's own. */
void tr_taken_parcel_name(const char *agent, char out[TR_RECORD_NAME_MAX]);
void tr_taken_away_name(const char *agent, char out[TR_RECORD_NAME_MAX]);

/* Only where the host has a store. `packed`: what leave.c wrote. 0 or a negative errno with a text. */
int tr_taken_add(tr_host_t *host, const char *name, tr_value_t packed, tr_error_t *error);
/* Whether it is on the list. */
bool tr_taken_has(const tr_host_t *host, const char *name);
/* Where it is. */
void tr_taken_remove(tr_host_t *host, const char *name);
/* The list as it is to be stored. */
void tr_taken_write(const tr_host_t *host, tr_content_writer_t *out);
/* All of it is stored. */
void tr_taken_stored(tr_host_t *host);
void tr_taken_finish(tr_host_t *host);
/* Whether it was moved away from here, by the store: -EREMOTE with a text, 0, or what the store says. */
int tr_taken_check_away(tr_host_t *host, const char *name, tr_error_t *error);

#endif
