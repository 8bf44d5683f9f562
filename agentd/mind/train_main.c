/* Makes the built-in model of intents at build time: mind-train EXAMPLES MODEL. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/intent.h"
#include "lib/base/file.h"

#define MOST ((size_t)64 << 20)

int main(int argc, char **argv) {
    tr_error_t error = {0};
    char *examples = NULL, *model = NULL;
    size_t size = 0, length = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: mind-train EXAMPLES MODEL\n");
        return 1;
    }
    int rc = tr_file_read(argv[1], "examples", MOST, &examples, &size, &error);
    if (rc == 0)
        rc = tr_intent_train(examples, size, &model, &length, &error);
    if (rc == 0 && (rc = tr_file_write(argv[2], model, length, 0644)) < 0)
        tr_error_set(&error, rc, "cannot write: %s", strerror(-rc));
    if (rc < 0)
        fprintf(stderr, "mind-train: %s: %s\n", argv[1], error.text);
    free(examples);
    free(model);
    return rc < 0 ? 3 : 0;
}
