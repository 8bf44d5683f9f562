#include "coordinator/rates.h"

#include "lib/base/options.h"
#include "proto/aid.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tr_rates_add(tr_rates_t *self, const char *text, tr_error_t *error) {
    const char *equals = strchr(text, '='), *slash = equals ? strchr(equals, '/') : NULL;
    char number[24] = "";
    int64_t count = 0, ms = 0;
    tr_rate_t rate = {0};
    if (slash && (size_t)(slash - equals) < sizeof number && (size_t)(equals - text) < sizeof rate.skill) {
        memcpy(rate.skill, text, (size_t)(equals - text));
        memcpy(number, equals + 1, (size_t)(slash - equals - 1));
    }
    if (!*number || !tr_name_valid(rate.skill, strlen(rate.skill)) ||
        tr_parse_int(number, 1, 1000000, &count, &(tr_error_t){0}) < 0 ||
        tr_parse_duration(slash + 1, &ms, &(tr_error_t){0}) < 0 || ms < 1)
        return tr_error_set(
            error, -EINVAL, "\"%.100s\": expected SERVICE=COUNT/TIME, such as digest=10/1m", text);
    if (self->count == TR_RATES_MAX)
        return tr_error_set(error, -ENOSPC, "more than %u rates", TR_RATES_MAX);
    rate.interval_us = ms * 1000 / count ? ms * 1000 / count : 1;
    rate.burst_us = rate.interval_us * (count - 1);
    self->items[self->count++] = rate;
    return 0;
}

static bool binds(const tr_rate_t *rate, const char *const *skills, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(rate->skill, skills[i]) == 0)
            return true;
    return false;
}

static int64_t sharers(const tr_rates_t *self) {
    return self->sharers ? self->sharers : 1;
}

int64_t tr_rates_when(const tr_rates_t *self, const char *const *skills, size_t count, int64_t now_ms) {
    int64_t when_ms = now_ms;
    for (size_t i = 0; i < self->count; i++) {
        const tr_rate_t *r = &self->items[i];
        int64_t ms = (r->due_us - r->burst_us + 999) / 1000;
        if (ms > when_ms && binds(r, skills, count))
            when_ms = ms;
    }
    return when_ms;
}

void tr_rates_return(tr_rates_t *self, const char *const *skills, size_t count) {
    for (size_t i = 0; i < self->count; i++)
        if (binds(&self->items[i], skills, count))
            self->items[i].due_us -= self->items[i].interval_us * sharers(self);
}

void tr_rates_take(tr_rates_t *self, const char *const *skills, size_t count, int64_t now_ms) {
    for (size_t i = 0; i < self->count; i++) {
        tr_rate_t *r = &self->items[i];
        if (!binds(r, skills, count))
            continue;
        int64_t from_us = r->due_us > now_ms * 1000 ? r->due_us : now_ms * 1000;
        r->due_us = from_us + r->interval_us * sharers(self);
    }
}
