/* A fleet file: it is either refused with a place and a reason, or what was read keeps the table's promises.
 */
#include <string.h>

#include <jansson.h>

#include "proto/aid.h"
#include "tests/fuzz/fuzz.h"
#include "tools/fleet/fleet.h"

static void check_agent(const tr_fleet_agent_t *a) {
    PROMISE(tr_name_valid(a->name, strlen(a->name)));
    PROMISE(a->count >= 1 && a->count <= TR_FLEET_COUNT_MAX);
    PROMISE((a->behaviour != NULL) + (a->load != NULL) + (a->exec.command.count > 0) == 1);
    PROMISE(a->restart.backoff_ms <= a->restart.max_backoff_ms);
    for (size_t i = 0; i < a->services.count; i++)
        PROMISE(tr_name_valid(a->services.items[i], strcspn(a->services.items[i], "=")));
    if (!a->args)
        return;
    json_t *args = json_loads(a->args, JSON_REJECT_DUPLICATES, NULL);
    PROMISE(json_is_object(args));
    json_decref(args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_fleet_t *fleet = NULL;
    tr_error_t error = {0};
    if (tr_fleet_parse((const char *)data, size, "fuzz.yaml", &fleet, &error) < 0) {
        PROMISE(fleet == NULL);
        PROMISE(strncmp(error.text, "fuzz.yaml:", 10) == 0);
        return 0;
    }
    PROMISE(tr_fleet_name_valid(fleet->name, strlen(fleet->name)));
    for (size_t i = 0; i < fleet->agent_list.count; i++)
        check_agent(&tr_fleet_agents(fleet)[i]);
    tr_fleet_destroy(&fleet);
    PROMISE(fleet == NULL);
    return 0;
}
