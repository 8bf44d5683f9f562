/* troupe-agentd: a process that hosts one agent, or many. */
#include "agentd/agentd.h"

int main(int argc, char **argv) {
    tr_agentd_options_t options;
    int code = tr_agentd_options_read(argc, argv, &options);
    if (code != TR_AGENTD_GO)
        return code;
    tr_agentd_t *agentd = NULL;
    code = options.check ? tr_agentd_check(&options) : tr_agentd_new(&options, &agentd);
    if (code == 0 && agentd)
        code = tr_agentd_run(agentd);
    tr_agentd_destroy(&agentd);
    tr_agentd_options_finish(&options);
    return code;
}
