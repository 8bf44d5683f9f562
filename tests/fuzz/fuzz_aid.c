/* What is accepted as an AID prints as what was read, within its limits. */
#include <string.h>

#include "proto/aid.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_aid_t aid;
    char text[TR_AID_MAX + 1];
    if (tr_aid_parse(&aid, (const char *)data, size) != 0)
        return 0;
    PROMISE(tr_name_valid(aid.name, strlen(aid.name)));
    PROMISE(aid.platform[0] == '\0' || tr_platform_valid(aid.platform, strlen(aid.platform)));
    PROMISE(tr_aid_print(&aid, text, sizeof text) == (int)size);
    PROMISE(memcmp(text, data, size) == 0);
    return 0;
}
