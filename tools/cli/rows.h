/* Objects that a service tells, as the rows of a table: asked for once, or page by page. */
#ifndef TR_TOOLS_ROWS_H
#define TR_TOOLS_ROWS_H

#include "tools/cli/ask_json.h"
#include "tools/cli/output.h"

/* One question in a session of its own. Takes the request; *ret_answer: a new reference, NULL where that fails. Exit code. */
int tr_cli_ask_once(const tr_call_t *call, const tr_cli_common_t *common, const char *service,
    json_t *request, json_t **ret_answer);

/* The columns of a table; each has the name of a member. */
typedef struct tr_cli_table {
    const tr_column_t *columns;
    size_t count;
} tr_cli_table_t;

/* Begins an output as -o says. `stream`: row by row, as they come. Exit code. */
int tr_cli_begin_table(const tr_call_t *call, const tr_cli_common_t *common, const tr_cli_table_t *table,
    bool stream, tr_output_t **ret_output);
/* Its row from the members of an object. */
void tr_cli_put_object(tr_output_t *output, const tr_cli_table_t *table, const json_t *object);
/* A whole table of a list of objects. Exit code. */
int tr_cli_put_objects(
    const tr_call_t *call, const tr_cli_common_t *common, const tr_cli_table_t *table, const json_t *objects);

/* A list that a service gives by pages, the newest first: {"action", "state", "before"} -> {KEY: [...], "before"}. */
typedef struct tr_cli_listing {
    const char *service, *action, *key;
    const char *state; /* NULL = of any */
    int64_t most;      /* 0 = all */
    tr_cli_table_t table;
} tr_cli_listing_t;

/* What of it is wanted: in the options of a verb as `list`. */
typedef struct tr_cli_list_options {
    int64_t count;
    int state; /* 0 = of any */
} tr_cli_list_options_t;

/* words: of the states, the first one "any". */
#define TR_CLI_LIST_OPTIONS(S, the_words)                                                                    \
    {"state", 0, "STATE", TR_WORD(S, list.state), "any", "Only those in this state.", .words = the_words,    \
        .flags = TR_OPTION_FLAG_ONLY},                                                                       \
    {                                                                                                        \
        "count", 'n', "N", TR_INT(S, list.count), "0", "The newest N only; 0 is no limit.",                  \
            .min = 0, .max = INT32_MAX, .flags = TR_OPTION_FLAG_ONLY                                         \
    }

/* Shows it. Exit code. */
int tr_cli_list(const tr_call_t *call, const tr_cli_common_t *common, const tr_cli_listing_t *listing);

#endif
