/*
 * Where tasks are kept: an SQLite file (tasks.db in the data directory), or a PostgreSQL database that several coordinators share. Whoever
 * opens the file has it alone: a second coordinator on the same file is refused. In a database each has what it took itself, and what it
 * claimed of one that died (store_share.c).
 *
 * What is written between begin and commit is there as a whole or not at all, and on disk when commit returns: the
 * coordinator tells nobody of anything before. A failure is sticky: what follows does nothing, and commit says it.
 *
 * One thread. Negative errno; the text of what the database says in the error.
 */
#ifndef TR_COORDINATOR_STORE_H
#define TR_COORDINATOR_STORE_H

#include "coordinator/council/motion.h"
#include "coordinator/task.h"
#include "lib/base/error.h"
#include "proto/aid.h"

typedef struct tr_store tr_store_t;

typedef struct tr_store_place {
    const char *directory;     /* of the file; NULL = PostgreSQL */
    const char *conninfo;      /* NULL: as PGHOST, PGUSER ... say */
    const char *conninfo_file; /* or its first line; NULL */
    const char *space;         /* the database's schema that holds the tables */
    const char *module;        /* NULL = where it was installed or built */
    int64_t patience_ms;       /* a server that does not answer; 0 = 30 s */
    /* A transaction that stands still for so long the server ends, since a process that hangs within one would hold its row of the
     * group, and nobody could take over; 0 = never. */
    int64_t hang_ms;
    int64_t most_ms;         /* a statement that takes longer the server ends: -ETIMEDOUT; 0 = none */
    const int *interrupt_fd; /* borrowed; readable: what is being read ends with -ECANCELED; NULL = none */
} tr_store_place_t;

/* Makes the directory and the file, or the schema and the tables, where there are none; brings older ones up to date. -EBUSY: another
 * process has the file; -ENOTSUP: it was made by a later version; -ENOTCONN, -EACCES: of a database. */
int tr_store_open(const tr_store_place_t *place, tr_store_t **ret_store, tr_error_t *error);
void tr_store_close(tr_store_t **self); /* NULL-safe */
/* What the last failure was, as the database says it; "". Borrowed until the next call. */
const char *tr_store_why(const tr_store_t *self);

void tr_store_begin(tr_store_t *self);
/* The whole task, or only what changes; and a line of its history. */
void tr_store_add(tr_store_t *self, const tr_task_t *task);
void tr_store_update(tr_store_t *self, const tr_task_t *task);
/* Its status is another one; text: the same for people, a line of its history, or NULL. */
void tr_store_say_status(tr_store_t *self, const tr_task_t *task, const char *text);
int tr_store_commit(tr_store_t *self, tr_error_t *error);
/* Nothing that was written since begin is to last: commit says rc (negative), unless something has failed before. */
void tr_store_fail(tr_store_t *self, int rc);

/* Gives each task that has not ended to `each`, which takes it; negative: it did not, and that ends it. */
typedef int (*tr_store_each_fn)(void *arg, tr_task_t *task);
int tr_store_restore(tr_store_t *self, tr_store_each_fn each, void *arg, tr_error_t *error);
/* 0, -ENOENT, -ENOMEM, -EIO. tr_task_destroy what it gives. */
int tr_store_load(tr_store_t *self, const char *id, tr_task_t **ret_task);
/* A tr_task_state_t, or a negative errno. */
int tr_store_state(tr_store_t *self, const char *id);
/* The task that was submitted under a key: into id (TR_TASK_ID_MAX + 1 bytes). 0, -ENOENT, -EIO. */
int tr_store_find_key(tr_store_t *self, const char *key, char *id);

/* Tasks in the order of their creation, the newest first, those before `before` (0 = from the newest on), with their
 * number: what the next page begins before. state: -1 = of any. Borrowed, each until the call's end. */
typedef bool (*tr_store_listed_fn)(void *arg, const tr_task_t *task, int64_t number);
int tr_store_list(
    tr_store_t *self, int state, int64_t before, size_t most, tr_store_listed_fn listed, void *arg);
/* What happened to a task, the oldest first. */
typedef struct tr_store_event {
    int64_t at_ms;
    tr_task_state_t state;
    uint32_t tries;
    const char *agent, *reason; /* NULL where there is none */
} tr_store_event_t;
typedef void (*tr_store_event_fn)(void *arg, const tr_store_event_t *event);
/* As tr_store_load, and what happened to it up to the same moment. */
int tr_store_show(tr_store_t *self, const char *id, tr_task_t **ret_task, tr_store_event_fn event, void *arg);
/* How many there are in each state. */
int tr_store_count(tr_store_t *self, uint64_t counts[TR_TASK_STATES]);

/* ---- decisions (store_council.c): their events, and what is told of them ---- */

/* told: what is told of it now, msgpack. key may be NULL. */
void tr_store_add_decision(
    tr_store_t *self, const char *id, const char *key, tr_motion_state_t state, const void *told, size_t len);
void tr_store_update_decision(
    tr_store_t *self, const char *id, tr_motion_state_t state, const void *told, size_t len);
void tr_store_add_event(tr_store_t *self, const char *id, const tr_motion_event_t *event);
/* Each event of it, the oldest first; negative: that ends it, and is returned. -ENOENT: there is none. */
typedef int (*tr_store_replayed_fn)(void *arg, const tr_motion_event_t *event);
int tr_store_replay(tr_store_t *self, const char *id, tr_store_replayed_fn replayed, void *arg);
/* The ids of those that have not ended; negative as above. */
typedef int (*tr_store_id_fn)(void *arg, const char *id);
int tr_store_open_decisions(tr_store_t *self, tr_store_id_fn each, void *arg);
/* As tr_store_find_key, tr_store_list. */
int tr_store_find_decision_key(tr_store_t *self, const char *key, char *id);
typedef void (*tr_store_told_fn)(void *arg, const void *told, size_t len, int64_t number);
int tr_store_list_decisions(
    tr_store_t *self, int state, int64_t before, size_t most, tr_store_told_fn told, void *arg);

/* ---- schedules (store_schedule.c) ---- */

typedef struct tr_store_schedule {
    const char *name, *cron;
    const void *task; /* msgpack */
    size_t task_len;
    int64_t next_ms, fired_ms;
    uint64_t fired;
} tr_store_schedule_t;

void tr_store_add_schedule(tr_store_t *self, const tr_store_schedule_t *schedule);
/* next_ms, fired_ms and fired are other ones. */
void tr_store_move_schedule(tr_store_t *self, const tr_store_schedule_t *schedule);
void tr_store_remove_schedule(tr_store_t *self, const char *name);
/* Each, by their names; negative: that ends it, and is returned. */
typedef int (*tr_store_schedule_fn)(void *arg, const tr_store_schedule_t *schedule);
int tr_store_schedules(tr_store_t *self, tr_store_schedule_fn each, void *arg);

/* How often a voter was right and wrong, where the truth is known; the numbers may be negative, to take back. */
typedef struct tr_store_record {
    const char *voter;
    int64_t right, wrong;
    int64_t rated; /* of these, said how sure they were */
    int64_t off;   /* by how much that was off, in millionths, added up: (confidence - 1 or 0)^2 */
} tr_store_record_t;

void tr_store_add_record(tr_store_t *self, const tr_store_record_t *record);
/* Up to `most` of them by their voters, without the first `skip`. 0, -EIO. */
typedef void (*tr_store_record_fn)(void *arg, const tr_store_record_t *record);
int tr_store_records(tr_store_t *self, size_t skip, size_t most, tr_store_record_fn each, void *arg);
/* Both 0 where nothing is known. 0, -EIO. */
int tr_store_record(tr_store_t *self, const char *voter, uint32_t *ret_right, uint32_t *ret_wrong);

/* ---- several coordinators on one database (store_share.c) ---- */

/* ---- ends that are to be told on a topic, once they are stored ---- */

/* That the task has ended at `at_ms` is owed to who wants to be told, from the same commit on; and is told. */
void tr_store_owe(tr_store_t *self, const char *task, int64_t at_ms);
void tr_store_pay(tr_store_t *self, const char *task, int64_t at_ms);
/* Borrowed for the call. Negative ends the reading, and is what comes of it. */
typedef int (*tr_store_owed_fn)(void *arg, const char *task, int64_t at_ms);
/* What is owed, the oldest first; `of_the_dead`: what the dead owed, which is this one's then. How many, or negative. */
int tr_store_owed(tr_store_t *self, bool of_the_dead, size_t most, tr_store_owed_fn each, void *arg);

/* ---- what ended long ago (store_forget.c) ---- */

/* Where a look at all of it has come to; {0}: it begins. */
typedef struct tr_store_age {
    int64_t task, decision; /* the number of the last one that was looked at */
    bool whole;             /* the last look came to the end of both */
} tr_store_age_t;

/* Looks at the next thousand tasks and hundred decisions, and calls `changes` before the first one goes that ended before before_ms, with
 * all that is known of it: not while a task that has not ended needs it, or somebody is to be told of its end. How many went, or negative. */
int tr_store_forget(
    tr_store_t *self, tr_store_age_t *age, int64_t before_ms, void (*changes)(void *arg), void *arg);

bool tr_store_shared(const tr_store_t *self);
/* This process is coordinator `name` (AID) from now on, and the one before it of that name is none any more. Before the first begin. */
int tr_store_join(tr_store_t *self, const char *name, tr_error_t *error);
/* What it has is for others to claim. */
void tr_store_leave(tr_store_t *self);

/* Within begin and commit: this one is alive, and those that were not for lease_ms are dead; how many. */
int tr_store_keep(tr_store_t *self, int64_t lease_ms);
/* Takes up to `most` of what belonged to the dead, as tr_store_restore; how many. */
int tr_store_claim(tr_store_t *self, size_t most, tr_store_each_fn each, void *arg, tr_error_t *error);
/* Likewise; 0 or negative. */
int tr_store_claim_decisions(tr_store_t *self, size_t most, tr_store_id_fn each, void *arg);

int tr_store_claim_schedules(tr_store_t *self, size_t most, tr_store_schedule_fn each, void *arg);
/* One question for many: whether there is none of these ids, with spaces between. Of a file false: there each is asked for. */
bool tr_store_has_none(tr_store_t *self, const char *ids);
/* Within begin and commit, before it is looked whether there are such: nobody else makes anything of these names (each with a newline
 * between) until the commit. 0; -EAGAIN: somebody does just now; or negative. Of a file always 0. */
int tr_store_reserve(tr_store_t *self, const char *names);
/* How many coordinators there are. */
int tr_store_sharers(tr_store_t *self);

typedef enum tr_store_thing { TR_STORE_TASK, TR_STORE_DECISION, TR_STORE_SCHEDULE } tr_store_thing_t;

/* Within begin and commit: a task or a decision is this one's now. -EBUSY: somebody alive has it, or there is none; a schedule is
 * claimed soon, and not taken. */
int tr_store_take(tr_store_t *self, tr_store_thing_t thing, const char *id);
/* Who has it, of those that are alive: into name (TR_AID_MAX + 1 bytes). -ENOENT. */
int tr_store_holder(tr_store_t *self, tr_store_thing_t thing, const char *id, char *name);
/* How many tasks each agent was given by others. */
typedef void (*tr_store_elsewhere_fn)(void *arg, const char *agent, uint32_t count);
int tr_store_elsewhere(tr_store_t *self, tr_store_elsewhere_fn each, void *arg);

#endif
