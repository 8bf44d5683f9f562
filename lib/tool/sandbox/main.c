/*
 * troupe-sandbox: runs a program where it can harm nothing but itself.
 *
 *     troupe-sandbox [--OPTION VALUE ...] -- PROGRAM [ARGUMENT ...]
 *
 * It is started by the tool `command` (lib/tool/command.c) and by nobody else, so its options are what that writes. The program sees a file system of its
 * own: /usr and what is needed to load programs, read only; an empty /tmp; what `--read` and `--write` name; and no other process, host, user or network.
 * It has no capabilities, no new privileges, limits on time, memory, files and processes, and the system calls that lead out are refused.
 *
 * 125 with a line on stderr: the room could not be built, and nothing was run. Else the program's status, 128 + its signal.
 */
#include "lib/tool/sandbox/sandbox.h"

int main(int argc, char *argv[]) {
    tr_sandbox_t sandbox;
    int rc = tr_sandbox_read(argc, argv, &sandbox);
    return rc < 0 ? TR_SANDBOX_NOT_BUILT : tr_sandbox_run(&sandbox);
}
