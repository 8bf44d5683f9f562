/*
 * Who belongs to a running fleet: groups (an entry of the fleet file, or what was attached under one name)
 * and their members, one for each process. Names and numbers only; the processes themselves are
 * tools/up/supervise.h's.
 *
 * Members of a group are NAME-1, NAME-2 ...; the first member of a group that was made for one is NAME. A new
 * member gets the lowest number whose name is free. The newest member is the one that joined last.
 */
#ifndef TR_TOOLS_ROSTER_H
#define TR_TOOLS_ROSTER_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "proto/aid.h"
#include "tools/fleet/fleet.h"
#include "tools/up/supervise.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tr_group {
    tr_fleet_agent_t agent; /* settings; `name` is the group's */
    const char *directory;  /* its members run in it */
    bool attached;          /* while the fleet runs; otherwise it is of the file */
    bool bare;              /* number 1 is called as the group */
    bool came;              /* one of its members has been registered */
    size_t members;
    tr_arena_t arena; /* owns the texts of an attached one */
} tr_group_t;

struct tr_order;

/* The group is NULL for the broker. What follows `number` belongs to tools/up*.c. */
typedef struct tr_member {
    char name[TR_NAME_MAX + 1];
    tr_group_t *group;
    int64_t number;
    size_t child; /* id in the supervisor */
    tr_child_state_t state;
    pid_t pid;        /* as last seen */
    int64_t log_from; /* length of its log when it was added */
    bool ready;       /* registered, since its last start */
    bool once;        /* registered at least once */
    bool leaving;     /* to be removed when it has ended */
    bool again;       /* to be started again when it has ended */
    bool moved;       /* its agent is another process's (`troupe move`), and its own has ended */
    bool fetched;     /* it was, and shall be in its own process again, which is not registered yet */
    struct tr_order *join, *leave; /* who waits for it to be registered, to be gone */
} tr_member_t;

typedef struct tr_roster {
    tr_group_t **groups;
    size_t group_count;
    tr_member_t **members; /* in the order in which they joined */
    size_t member_count, member_cap;
} tr_roster_t;

void tr_roster_init(tr_roster_t *self);
void tr_roster_finish(tr_roster_t *self);

/* A group of these settings. `copy`: texts are copied (an attached one); otherwise they are borrowed from the
 * fleet. -EEXIST where there is a group of that name with members (one without any is replaced when both are
 * attached), or a member of another group; -ENOMEM. */
int tr_roster_add_group(tr_roster_t *self, const tr_fleet_agent_t *agent, const char *directory, bool copy,
    tr_group_t **ret_group, tr_error_t *error);
/* Forgets a group without members. */
void tr_roster_remove_group(tr_roster_t *self, tr_group_t *group);
/* The same, where it is an attached one that nobody is in, nor has ever been registered of. */
void tr_roster_forget_vain(tr_roster_t *self, tr_group_t *group);
tr_group_t *tr_roster_group(const tr_roster_t *self, const char *name);

/* The name of a member: 0, or -ENAMETOOLONG. out: TR_NAME_MAX + 1 bytes. */
int tr_roster_name(const tr_group_t *group, int64_t number, char *out);
/* The lowest number of the group whose name is free. */
int tr_roster_next(const tr_roster_t *self, const tr_group_t *group, int64_t *ret_number, char *out);
/* Adds a member; group NULL: the broker. -EEXIST, -ENAMETOOLONG, -ENOMEM. */
int tr_roster_join(
    tr_roster_t *self, tr_group_t *group, int64_t number, tr_member_t **ret_member, tr_error_t *error);
void tr_roster_leave(tr_roster_t *self, tr_member_t *member);

tr_member_t *tr_roster_member(const tr_roster_t *self, const char *name);
/* The newest member of a group that is not leaving; NULL where there is none. */
tr_member_t *tr_roster_newest(const tr_roster_t *self, const tr_group_t *group);
/* The same of those that were not moved. */
tr_member_t *tr_roster_newest_here(const tr_roster_t *self, const tr_group_t *group);
/* Members that are not leaving. */
size_t tr_roster_staying(const tr_roster_t *self, const tr_group_t *group);

/* "no group "raeder"; did you mean "reader"?" and the like: what there is, for people. -ENOENT. */
int tr_roster_no_group(const tr_roster_t *self, const char *name, tr_error_t *error);
/* The same for a member. */
int tr_roster_no_member(const tr_roster_t *self, const char *name, tr_error_t *error);

#endif
