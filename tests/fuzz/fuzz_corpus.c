/* A list of document frequencies that is accepted is written and merged again without a change; one that is
 * not changes nothing. */
#include <string.h>

#include "agentd/text/corpus.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_corpus_t *first = tr_corpus_new(), *second = tr_corpus_new();
    tr_error_t error = {0};
    size_t length = 0, again = 0;
    int rc = tr_corpus_merge(first, (const char *)data, size, &error);
    PROMISE(rc == 0 || (error.code == rc && tr_corpus_documents(first) == 0));
    char *list = tr_corpus_write(first, &length);
    PROMISE(tr_corpus_merge(second, list, length, NULL) == 0);
    char *copy = tr_corpus_write(second, &again);
    PROMISE(again == length && memcmp(list, copy, length) == 0);
    free(copy);
    free(list);
    tr_corpus_destroy(&first);
    tr_corpus_destroy(&second);
    return 0;
}
