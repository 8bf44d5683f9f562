/* Prints the catalogues of log events as they stand in docs/operations.md; page_test.py compares. Also checks them. */
#include "agentd/events.h"
#include "broker/shell/events.h"
#include "coordinator/events.h"
#include "exporter/events.h"
#include "gateway/events.h"
#include "kbd/events.h"
#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "tools/up/up_events.h"

#include <stdio.h>
#include <string.h>

/* The rooms do not know each other, so each catalogue is printed by the name of its program. */
static const struct {
    const char *name;
    const tr_event_t *events;
    size_t count;
} catalogues[] = {
    {"broker", tr_broker_events, TR_B_EVENTS},
    {"agentd", tr_agentd_events, TR_EVENT_COUNT},
    {"up", tr_up_events, TR_UP_LOG_COUNT},
    {"coordinator", tr_coordinator_events, TR_C_EVENTS},
    {"kbd", tr_kbd_events, TR_K_EVENTS},
    {"gateway", tr_gateway_events, TR_G_EVENTS},
    {"exporter", tr_exporter_events, TR_E_EVENTS},
    {"all", &tr_crash_event, 1},
};

static int print(const tr_event_t *events, size_t count) {
    tr_error_t error = {0};
    if (tr_events_check(events, count, &error) == 0)
        return tr_events_print(events, count, stdout) < 0;
    fprintf(stderr, "%s\n", error.text);
    return 1;
}

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 2 && i < sizeof catalogues / sizeof *catalogues; i++) {
        if (!strcmp(argv[1], catalogues[i].name))
            return print(catalogues[i].events, catalogues[i].count);
    }
    return fprintf(stderr, "usage: events broker|agentd|up|coordinator|kbd|gateway|exporter|all\n"), 1;
}
