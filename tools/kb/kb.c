#include "tools/kb/kb.h"

int tr_kb_set_filter(const tr_call_t *call, json_t *request, const char *filter) {
    json_error_t wrong;
    json_t *json = filter ? json_loads(filter, 0, &wrong) : NULL;
    if (filter && !json_is_object(json)) {
        json_decref(json);
        return tr_cli_usage(call, "--filter: expected a JSON object, as {\"year\": {\"gte\": 1990}}%s%s",
            json ? "" : ": ", json ? "" : wrong.text);
    }
    if (json)
        json_object_set_new(request, "filter", json);
    return TR_EXIT_OK;
}
