#include "tools/bench/coordinator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int tr_bench_coordinator_start(
    tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint, tr_error_t *error) {
    char data[96], fd[16];
    const char *argv[] = {"troupe-coordinator", "--connect", endpoint, "--data", data, "--ready-fd", fd, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL};
    const char *const of_database[] = {
        "--store", "postgres", "--schema", "troupe_bench", "--conninfo", bench->conninfo};
    if (bench->conninfo)
        memcpy(&argv[7], of_database, sizeof of_database);
    tr_bench_child_t *child;
    snprintf(data, sizeof data, "%s/tasks-%u", bench->directory, bench->serial++);
    snprintf(fd, sizeof fd, "%d", TR_BENCH_READY_FD);
    if (!*bench->programs.coordinator)
        return tr_error_set(
            error, -ENOENT, "troupe-coordinator was not found; is Troupe installed as a whole?");
    int r = tr_bench_exec(bench, c, bench->programs.coordinator, argv, true, &child, error);
    return r < 0 ? r : tr_bench_hear_line(bench, child, TR_BENCH_SILENT_MS, error);
}
