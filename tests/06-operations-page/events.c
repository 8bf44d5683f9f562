/* Prints the catalogues of log events as they stand in docs/operations.md; page_test.py compares. Also checks them. */
#include "agentd/events.h"
#include "broker/events.h"
#include "lib/base/log.h"

#include <stdio.h>
#include <string.h>

/* The two rooms do not know each other, so each catalogue is printed by a program of its own name. */
int main(int argc, char **argv) {
    tr_error_t error = {0};
    int r;
    if (argc == 2 && !strcmp(argv[1], "broker"))
        r = tr_events_check(tr_broker_events, TR_B_EVENTS, &error) < 0
                ? -1
                : tr_events_print(tr_broker_events, TR_B_EVENTS, stdout);
    else if (argc == 2 && !strcmp(argv[1], "agentd"))
        r = tr_events_check(tr_agentd_events, TR_EVENT_COUNT, &error) < 0
                ? -1
                : tr_events_print(tr_agentd_events, TR_EVENT_COUNT, stdout);
    else
        return fprintf(stderr, "usage: events broker|agentd\n"), 1;
    if (r < 0)
        fprintf(stderr, "%s\n", error.text);
    return r < 0;
}
