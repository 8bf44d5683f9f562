#include "tools/up/roster.h"

#include "lib/base/suggest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_TEXT_MAX (4u << 20) /* bytes of an attached group's settings */
#define NAMES_SHOWN    8          /* in an error */

void tr_roster_init(tr_roster_t *self) {
    *self = (tr_roster_t){0};
}

static void group_destroy(tr_group_t *group) {
    tr_arena_finish(&group->arena);
    free(group);
}

void tr_roster_finish(tr_roster_t *self) {
    for (size_t i = 0; i < self->member_count; i++)
        free(self->members[i]);
    for (size_t i = 0; i < self->group_count; i++)
        group_destroy(self->groups[i]);
    free(self->members);
    free(self->groups);
    *self = (tr_roster_t){0};
}

/* ---- groups ---- */

static const char *copied(tr_arena_t *arena, const char *text, bool *ok) {
    if (!text)
        return NULL;
    const char *copy = tr_arena_strn(arena, text, strlen(text));
    *ok = *ok && copy;
    return copy;
}

static tr_texts_t copied_texts(tr_arena_t *arena, const tr_texts_t *texts, bool *ok) {
    tr_texts_t copy = {tr_arena_alloc(arena, (texts->count + 1) * sizeof *copy.items), texts->count};
    *ok = *ok && copy.items;
    for (size_t i = 0; copy.items && i < texts->count; i++)
        copy.items[i] = copied(arena, texts->items[i], ok);
    if (copy.items)
        copy.items[texts->count] = NULL;
    return copy;
}

static bool copy_settings(tr_group_t *group, const tr_fleet_agent_t *agent, const char *directory) {
    bool ok = true;
    tr_fleet_agent_t *a = &group->agent;
    a->name = copied(&group->arena, agent->name, &ok);
    a->behaviour = copied(&group->arena, agent->behaviour, &ok);
    a->load = copied(&group->arena, agent->load, &ok);
    a->args = copied(&group->arena, agent->args, &ok);
    a->mind = copied(&group->arena, agent->mind, &ok);
    a->tools = copied(&group->arena, agent->tools, &ok);
    a->services = copied_texts(&group->arena, &agent->services, &ok);
    a->subscribe = copied_texts(&group->arena, &agent->subscribe, &ok);
    a->publish = copied_texts(&group->arena, &agent->publish, &ok);
    a->ask = copied_texts(&group->arena, &agent->ask, &ok);
    a->exec.command = copied_texts(&group->arena, &agent->exec.command, &ok);
    group->directory = copied(&group->arena, directory, &ok);
    return ok;
}

static tr_group_t *group_new(const tr_fleet_agent_t *agent, const char *directory, bool copy) {
    tr_group_t *group = calloc(1, sizeof *group);
    if (!group)
        return NULL;
    tr_arena_init(&group->arena, GROUP_TEXT_MAX);
    group->agent = *agent;
    group->directory = directory;
    group->attached = copy;
    group->bare = agent->count == 1 || agent->processes == TR_FLEET_ONE;
    if (copy && !copy_settings(group, agent, directory)) {
        group_destroy(group);
        return NULL;
    }
    return group;
}

/* Whether a new group may have this name; removes an attached one that nobody is in any more. */
static int make_room(tr_roster_t *self, const char *name, bool attached, tr_error_t *error) {
    tr_group_t *there = tr_roster_group(self, name);
    if (there && attached && there->attached && there->members == 0) {
        tr_roster_remove_group(self, there);
        there = NULL;
    }
    if (there)
        return tr_error_set(error, -EEXIST,
            "there is a group \"%s\" already: `troupe attach %s` without further settings adds a member to "
            "it",
            name, name);
    if (tr_roster_member(self, name))
        return tr_error_set(error, -EEXIST, "there is an agent \"%s\" already", name);
    return 0;
}

int tr_roster_add_group(tr_roster_t *self, const tr_fleet_agent_t *agent, const char *directory, bool copy,
    tr_group_t **ret_group, tr_error_t *error) {
    int rc = make_room(self, agent->name, copy, error);
    if (rc < 0)
        return rc;
    tr_group_t **groups = realloc(self->groups, (self->group_count + 1) * sizeof *groups);
    if (groups)
        self->groups = groups;
    tr_group_t *group = groups ? group_new(agent, directory, copy) : NULL;
    if (!group)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", agent->name);
    self->groups[self->group_count++] = group;
    *ret_group = group;
    return 0;
}

void tr_roster_remove_group(tr_roster_t *self, tr_group_t *group) {
    for (size_t i = 0; i < self->group_count; i++) {
        if (self->groups[i] != group)
            continue;
        memmove(&self->groups[i], &self->groups[i + 1], (self->group_count - i - 1) * sizeof *self->groups);
        self->group_count--;
        group_destroy(group);
        return;
    }
}

void tr_roster_forget_vain(tr_roster_t *self, tr_group_t *group) {
    if (group && group->attached && !group->came && group->members == 0)
        tr_roster_remove_group(self, group);
}

tr_group_t *tr_roster_group(const tr_roster_t *self, const char *name) {
    for (size_t i = 0; i < self->group_count; i++) {
        if (strcmp(self->groups[i]->agent.name, name) == 0)
            return self->groups[i];
    }
    return NULL;
}

/* ---- members ---- */

int tr_roster_name(const tr_group_t *group, int64_t number, char *out) {
    int n = group->bare && number == 1
                ? snprintf(out, TR_NAME_MAX + 1, "%s", group->agent.name)
                : snprintf(out, TR_NAME_MAX + 1, "%s-%" PRId64, group->agent.name, number);
    return n > TR_NAME_MAX ? -ENAMETOOLONG : 0;
}

int tr_roster_next(const tr_roster_t *self, const tr_group_t *group, int64_t *ret_number, char *out) {
    for (int64_t number = 1;; number++) {
        int rc = tr_roster_name(group, number, out);
        if (rc < 0)
            return rc;
        if (tr_roster_member(self, out))
            continue;
        *ret_number = number;
        return 0;
    }
}

static int grow(tr_roster_t *self) {
    if (self->member_count < self->member_cap)
        return 0;
    size_t cap = self->member_cap ? 2 * self->member_cap : 16;
    tr_member_t **members = realloc(self->members, cap * sizeof *members);
    if (!members)
        return -ENOMEM;
    self->members = members;
    self->member_cap = cap;
    return 0;
}

int tr_roster_join(
    tr_roster_t *self, tr_group_t *group, int64_t number, tr_member_t **ret_member, tr_error_t *error) {
    char name[TR_NAME_MAX + 1] = TR_FLEET_BROKER;
    if (group && tr_roster_name(group, number, name) < 0)
        return tr_error_set(error, -ENAMETOOLONG, "%s-%" PRId64 ": the name is longer than %d characters",
            group->agent.name, number, TR_NAME_MAX);
    if (tr_roster_member(self, name))
        return tr_error_set(error, -EEXIST, "there is an agent \"%s\" already", name);
    tr_member_t *member = grow(self) == 0 ? calloc(1, sizeof *member) : NULL;
    if (!member)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", name);
    memcpy(member->name, name, sizeof name);
    member->group = group;
    member->number = number;
    self->members[self->member_count++] = member;
    if (group)
        group->members++;
    *ret_member = member;
    return 0;
}

void tr_roster_leave(tr_roster_t *self, tr_member_t *member) {
    for (size_t i = 0; i < self->member_count; i++) {
        if (self->members[i] != member)
            continue;
        memmove(
            &self->members[i], &self->members[i + 1], (self->member_count - i - 1) * sizeof *self->members);
        self->member_count--;
        if (member->group)
            member->group->members--;
        free(member);
        return;
    }
}

tr_member_t *tr_roster_member(const tr_roster_t *self, const char *name) {
    for (size_t i = 0; i < self->member_count; i++) {
        if (strcmp(self->members[i]->name, name) == 0)
            return self->members[i];
    }
    return NULL;
}

tr_member_t *tr_roster_newest(const tr_roster_t *self, const tr_group_t *group) {
    for (size_t i = self->member_count; i-- > 0;) {
        if (self->members[i]->group == group && !self->members[i]->leaving)
            return self->members[i];
    }
    return NULL;
}

tr_member_t *tr_roster_newest_here(const tr_roster_t *self, const tr_group_t *group) {
    for (size_t i = self->member_count; i-- > 0;) {
        const tr_member_t *m = self->members[i];
        if (m->group == group && !m->leaving && !m->moved)
            return self->members[i];
    }
    return NULL;
}

size_t tr_roster_staying(const tr_roster_t *self, const tr_group_t *group) {
    size_t n = 0;
    for (size_t i = 0; i < self->member_count; i++)
        n += self->members[i]->group == group && !self->members[i]->leaving;
    return n;
}

/* ---- what there is ---- */

/* Says what was not found, the nearest of the names, or some of them. `names` ends with NULL; it is freed. */
static int not_found(
    const char *kind, const char *name, const char **names, size_t count, tr_error_t *error) {
    const char *near = names ? tr_suggest(name, names) : NULL;
    char some[300] = "";
    size_t used = 0;
    for (size_t i = 0; names && i < count && i < NAMES_SHOWN && used < sizeof some; i++)
        used += (size_t)snprintf(some + used, sizeof some - used, "%s%.60s", i ? ", " : "", names[i]);
    free(names);
    if (near)
        return tr_error_set(
            error, -ENOENT, "there is no %s \"%.80s\"; did you mean \"%s\"?", kind, name, near);
    return tr_error_set(error, -ENOENT, "there is no %s \"%.80s\"; there %s %s%s", kind, name,
        count == 1 ? "is" : "are", count ? some : "none", count > NAMES_SHOWN ? " ..." : "");
}

int tr_roster_no_group(const tr_roster_t *self, const char *name, tr_error_t *error) {
    const char **names = calloc(self->group_count + 1, sizeof *names);
    for (size_t i = 0; names && i < self->group_count; i++)
        names[i] = self->groups[i]->agent.name;
    return not_found("group", name, names, names ? self->group_count : 0, error);
}

int tr_roster_no_member(const tr_roster_t *self, const char *name, tr_error_t *error) {
    const char **names = calloc(self->member_count + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; names && i < self->member_count; i++) {
        if (self->members[i]->group)
            names[n++] = self->members[i]->name;
    }
    return not_found("agent", name, names, n, error);
}
