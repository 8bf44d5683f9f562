/*
 * journal-writer KIND PLACE COUNT: continues the batches that it finds in a journal up to COUNT, and prints the number of
 * each after its sync has returned: that one must never be lost. Ends with the store's error, where there is one, on stdout
 * and exit code 4; 3 where the journal could not be opened.
 */
#include "tests/50-journal/batches.h"

#include <stdio.h>
#include <stdlib.h>

static int say(const tr_error_t *error, int code) {
    printf("error %d %s\n", error->code, error->text);
    return code;
}

int main(int argc, char **argv) {
    tr_journal_t *j = NULL;
    tr_error_t error = {0};
    batches_found_t found;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 4)
        return 1;
    if (journal_open(argv[1], argv[2], &j, &error) < 0)
        return say(&error, 3);
    int r = batches_check(j, &found, &error);
    if (found.problem[0])
        printf("wrong %s\n", found.problem);
    unsigned count = (unsigned)strtoul(argv[3], NULL, 10);
    for (unsigned i = found.n; r == 0 && !found.problem[0] && i < count; i++) {
        r = batch_write(j, i, &error);
        if (r == 0)
            printf("synced %u\n", i);
    }
    int code = r < 0 ? say(&error, 4) : found.problem[0] ? 5 : 0;
    tr_journal_close(&j);
    return code;
}
