/* troupe-coordinator: sees that tasks get done. */
#include "coordinator/coordinator.h"

int main(int argc, char **argv) {
    tr_coordinator_options_t options;
    int code = tr_coordinator_options_read(argc, argv, &options);
    if (code != TR_RESIDENT_GO)
        return code;
    tr_coordinator_t *coordinator = NULL;
    code = options.migrate ? tr_coordinator_migrate(&options) : tr_coordinator_new(&options, &coordinator);
    if (code == 0 && coordinator)
        code = tr_coordinator_run(coordinator);
    tr_coordinator_destroy(&coordinator);
    tr_coordinator_options_finish(&options);
    return code;
}
