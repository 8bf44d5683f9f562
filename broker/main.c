/* troupe-broker: routes messages between the processes of a fleet. */
#include "broker/shell/shell.h"

#include <stdio.h>

/* Help and version are answers; anything else negative is a usage error. */
static int answer(int ask, const tr_error_t *error) {
    const tr_program_t *program = tr_broker_program();
    if (ask == TR_OPTIONS_HELP)
        return tr_options_help(program, 0, stdout) < 0 ? TR_BROKER_USAGE : TR_BROKER_OK;
    if (ask == TR_OPTIONS_VERSION)
        return printf("%s %s\n", program->name, TROUPE_VERSION) < 0 ? TR_BROKER_USAGE : TR_BROKER_OK;
    fprintf(stderr, "%s: %s\nTry '%s --help'.\n", program->name, error->text, program->name);
    return TR_BROKER_USAGE;
}

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
        return answer(r, &error);
    tr_broker_t *broker = NULL;
    r = options.check ? check(&options) : tr_broker_new(&options, &broker);
    if (r == TR_BROKER_OK && broker)
        r = tr_broker_run(broker);
    tr_broker_destroy(&broker);
    tr_options_destroy(&options.owner);
    return r;
}
