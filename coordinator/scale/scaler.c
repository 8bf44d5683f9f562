#include "coordinator/scale/scaler.h"

#include "lib/base/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECTED                                                                                             \
    "expected GROUP=MIN..MAX/BACKLOG/COOLDOWN@SERVICE[,SERVICE...][:PLATFORM[,PLATFORM...]], as "            \
    "reader=0..8/10/60s@read"
#define DAY_MS       INT64_C(86400000)
#define FIRST_MS     2000
#define PAUSE_MAX_MS 300000
#define CALM_PAUSES  4 /* of the last pause without a loss: it was another matter */

/* Up to `end`, which is taken away; NULL: there is none. */
static char *cut(char **rest, const char *end) {
    char *at = *rest, *found = at ? strstr(at, end) : NULL;
    if (!found)
        return NULL;
    *found = '\0';
    *rest = found + strlen(end);
    return at;
}

static bool whole(const char *text, int64_t least, int64_t most, int64_t *ret_number) {
    return text && tr_parse_int(text, least, most, ret_number, &(tr_error_t){0}) == 0;
}

static bool take_services(tr_scaler_t *self, char *rest) {
    char *name;
    while ((name = strsep(&rest, ","))) {
        if (self->service_count == TR_SCALER_SERVICES_MAX || !tr_name_valid(name, strlen(name)))
            return false;
        strcpy(self->services[self->service_count++], name);
    }
    return self->service_count > 0;
}

/* NULL: none. */
static bool take_platforms(tr_scaler_t *self, char *rest) {
    char *name;
    while ((name = strsep(&rest, ","))) {
        if (self->platform_count == TR_SCALER_PLATFORMS_MAX || !tr_platform_valid(name, strlen(name)))
            return false;
        strcpy(self->platforms[self->platform_count++], name);
    }
    return true;
}

static bool take(tr_scaler_t *self, char *rest) {
    const char *group = cut(&rest, "="), *min = cut(&rest, ".."), *max = cut(&rest, "/");
    const char *backlog = cut(&rest, "/"), *cooldown = cut(&rest, "@");
    if (!group || !tr_name_valid(group, strlen(group)) || !whole(min, 0, TR_SCALER_AGENTS_MAX, &self->min) ||
        !whole(max, 1, TR_SCALER_AGENTS_MAX, &self->max) || self->max < self->min ||
        !whole(backlog, 1, 1000000, &self->backlog) || !cooldown ||
        tr_parse_duration(cooldown, &self->cooldown_ms, &(tr_error_t){0}) < 0 || self->cooldown_ms > DAY_MS)
        return false;
    strcpy(self->group, group);
    char *services = strsep(&rest, ":");
    return take_services(self, services) && take_platforms(self, rest);
}

int tr_scaler_parse(tr_scaler_t *self, const char *text, tr_error_t *error) {
    char *copy = strdup(text);
    tr_scaler_t *read = calloc(1, sizeof *read);
    bool good = copy && read && take(read, copy);
    int rc = !copy || !read ? tr_error_set(error, -ENOMEM, "out of memory")
             : good         ? 0
                            : tr_error_set(error, -EINVAL, "--autoscale \"%.120s\": " EXPECTED, text);
    if (good) {
        read->agents = read->told = -1;
        *self = *read;
    }
    free(read);
    free(copy);
    return rc;
}

static int64_t within(const tr_scaler_t *self, int64_t agents) {
    return agents < self->min ? self->min : agents > self->max ? self->max : agents;
}

/* Fewer would do: since when, and how many at the most. */
static int64_t calm(tr_scaler_t *self, int64_t now_ms) {
    if (!self->calm_ms || self->wanted > self->peak)
        self->peak = self->wanted;
    if (!self->calm_ms)
        self->calm_ms = now_ms;
    bool over = now_ms - self->calm_ms >= self->cooldown_ms &&
                (!self->changed_ms || now_ms - self->changed_ms >= self->cooldown_ms);
    return over && self->peak < self->agents ? self->peak : -1;
}

/* The first time they may only have been in somebody's way. */
static void note_lost(tr_scaler_t *self, int64_t agents, int64_t now_ms) {
    if (self->pause_ms && now_ms - self->lost_ms > CALM_PAUSES * self->pause_ms)
        self->pause_ms = 0;
    if (agents < self->told) {
        self->pause_ms = !self->pause_ms                     ? FIRST_MS
                         : self->pause_ms < PAUSE_MAX_MS / 2 ? 2 * self->pause_ms
                                                             : PAUSE_MAX_MS;
        self->lost_ms = now_ms;
    }
    if (self->told < 0 || agents < self->told) /* more than that are those that end yet */
        self->told = agents;
}

int64_t tr_scaler_held(const tr_scaler_t *self, int64_t now_ms) {
    int64_t left_ms = self->pause_ms > FIRST_MS ? self->lost_ms + self->pause_ms - now_ms : 0;
    return left_ms > 0 ? left_ms : 0;
}

int64_t tr_scaler_look(tr_scaler_t *self, int64_t agents, int64_t waiting, int64_t now_ms) {
    self->agents = agents;
    self->waiting = waiting;
    self->wanted = within(self, waiting / self->backlog + (waiting % self->backlog > 0));
    if (agents < 0)
        return -1;
    note_lost(self, agents, now_ms);
    if (self->wanted < agents)
        return calm(self, now_ms);
    self->calm_ms = 0;
    return self->wanted > agents && !tr_scaler_held(self, now_ms) ? self->wanted : -1;
}

void tr_scaler_changed(tr_scaler_t *self, int64_t agents, int64_t now_ms) {
    self->agents = self->told = agents;
    self->changed_ms = now_ms;
    self->calm_ms = 0;
}
