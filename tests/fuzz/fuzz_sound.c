/* Recordings and images of others: what is made of one is as long as it says, and nothing behind it is read. */
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/senses.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint32_t width = 0, height = 0;
    size_t length = 0;
    const char *why = NULL;
    uint8_t *plain = tr_sound_plain(data, size, &length, &why);
    PROMISE(!plain == (why != NULL) && length % 2 == 0);
    free(plain);
    if (tr_image_kind(data, size, &width, &height))
        PROMISE(width > 0 && height > 0);
    tr_sound_kind(data, size);
    uint8_t *copy = malloc(size + 1);
    memcpy(copy, data, size);
    tr_sound_mend(copy, size);
    free(copy);
    return 0;
}
