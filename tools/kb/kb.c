#include "tools/kb/kb.h"

#include "tools/cli/message_text.h"

#include <stdio.h>

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

void tr_kb_tell_missing(const tr_call_t *call, const json_t *answer) {
    const json_t *missing = json_object_get(answer, "missing"), *name;
    size_t i;
    json_array_foreach(missing, i, name) tr_cli_print_format(call->err, "%s%s",
        i ? ", " : "Without what these shards have, which are away: ", json_string_value(name));
    if (json_array_size(missing))
        fputc('\n', call->err);
}
