/* troupe-sim: many agents in a world of virtual time. */
#include "sim/simulation.h"

#include <errno.h>

static int code_of(int rc) {
    switch (rc) {
    case 0: return TR_SIM_OK;
    case -EINTR: return TR_SIM_STOPPED;
    case -ENOSPC:
    case -EIO:
    case -EROFS: return TR_SIM_DISK;
    default: return TR_SIM_INVALID;
    }
}

int main(int argc, char **argv) {
    tr_sim_options_t options;
    tr_simulation_t simulation;
    tr_error_t error = {0};
    int code = tr_sim_options_read(argc, argv, &options);
    if (code != TR_SIM_GO)
        return code;
    if (options.list) {
        tr_sim_parts_print(stdout);
        tr_options_destroy(&options.flags);
        return TR_SIM_OK;
    }
    int rc = tr_simulation_init(&simulation, &options, &error);
    if (rc == 0)
        rc = tr_simulation_run(&simulation, &error);
    if (rc < 0 && rc != -EINTR)
        fprintf(stderr, "troupe sim: %s\n", error.text);
    tr_simulation_finish(&simulation);
    tr_options_destroy(&options.flags);
    return code_of(rc);
}
