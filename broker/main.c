/* troupe-broker: routes messages between the processes of a fleet. */
#include "broker/shell/shell.h"
#include "lib/base/alive.h"

#include <stdio.h>

static int check(const tr_broker_options_t *options) {
    tr_error_t error = {0};
    int r = tr_broker_check(options, &error);
    if (r != TR_BROKER_OK)
        fprintf(stderr, "%s: %s\n", tr_broker_program()->name, error.text);
    return r;
}

int main(int argc, char **argv) {
    tr_broker_options_t options = {0};
    tr_error_t error = {0};
    int r = tr_options_read(tr_broker_program(), argc, argv, &options, &options.owner, &error);
    if (r != TR_OPTIONS_RUN)
        return tr_options_answer(tr_broker_program(), r, &error);
    tr_broker_t *broker = NULL;
    tr_alive_t *alive = options.check ? NULL : tr_alive_begin();
    r = options.check ? check(&options) : tr_broker_new(&options, &broker);
    if (r == TR_BROKER_OK && broker) {
        tr_alive_serves(alive, true); /* when it drains, /readyz says so */
        r = tr_broker_run(broker);
    }
    tr_broker_destroy(&broker);
    tr_alive_end(&alive);
    tr_options_destroy(&options.owner);
    return r;
}
