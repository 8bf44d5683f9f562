#include "tools/doctor/doctor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *tr_health_name(tr_health_t health) {
    static const char *const names[] = {"ok", "skip", "warn", "fail"};
    return names[health];
}

void tr_report_finish(tr_report_t *self) {
    free(self->items);
    *self = (tr_report_t){0};
}

void tr_report_add(
    tr_report_t *self, const char *check, tr_health_t health, const char *cure, const char *format, ...) {
    tr_finding_t *items = realloc(self->items, (self->count + 1) * sizeof *items);
    if (!items) {
        self->no_memory = true;
        return;
    }
    self->items = items;
    tr_finding_t *finding = &items[self->count++];
    *finding = (tr_finding_t){.check = check, .health = health};
    snprintf(finding->cure, sizeof finding->cure, "%s", cure ? cure : "");
    if (self->about)
        snprintf(finding->found, sizeof finding->found, "%.100s: ", self->about);
    size_t used = strlen(finding->found);
    va_list args;
    va_start(args, format);
    vsnprintf(finding->found + used, sizeof finding->found - used, format, args);
    va_end(args);
}

tr_health_t tr_report_worst(const tr_report_t *self) {
    tr_health_t worst = TR_HEALTH_OK;
    for (size_t i = 0; i < self->count; i++)
        worst = self->items[i].health > worst ? self->items[i].health : worst;
    return worst;
}

size_t tr_report_count(const tr_report_t *self, tr_health_t health) {
    size_t n = 0;
    for (size_t i = 0; i < self->count; i++)
        n += self->items[i].health == health;
    return n;
}
