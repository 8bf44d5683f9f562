#include "tools/verbs/members.h"

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE},
    {"pid", TR_COLUMN_NUMBER},
};

const tr_cli_table_t tr_members_table = {columns, sizeof columns / sizeof *columns};

void tr_members_running(json_t *rows, const json_t *attached) {
    const json_t *one;
    size_t i;
    json_array_foreach(attached, i, one)
        json_array_append_new(rows, json_pack("{s:O, s:s, s:O}", "name", json_object_get(one, "name"),
                                        "state", "running", "pid", json_object_get(one, "pid")));
}

void tr_members_ended(json_t *rows, const char *name) {
    json_array_append_new(rows, json_pack("{s:s, s:s}", "name", name, "state", "ended"));
}
