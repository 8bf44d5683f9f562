/* `troupe kb shards`: the knowledge bases that share the documents. */
#include "tools/kb/kb.h"
#include "tools/verbs/verbs.h"

typedef struct options {
    tr_cli_common_t common;
} options_t;

static const tr_column_t columns[] = {{"shard", TR_COLUMN_TEXT}, {"state", TR_COLUMN_TEXT},
    {"documents", TR_COLUMN_NUMBER}, {"share", TR_COLUMN_NUMBER}, {"chunks", TR_COLUMN_NUMBER},
    {"pending", TR_COLUMN_NUMBER}, {"copies", TR_COLUMN_NUMBER, .wide = true},
    {"moved", TR_COLUMN_NUMBER, .wide = true}, {"namespaces", TR_COLUMN_NUMBER, .wide = true},
    {"detail", TR_COLUMN_TEXT, .wide = true}};

/* For a table. */
static void shorten(json_t *shard) {
    json_t *share = json_object_get(shard, "share");
    if (json_is_number(share))
        json_object_set_new(
            shard, "share", json_real((double)(long)(json_number_value(share) * 1000 + .5) / 1000));
}

static int run(const tr_call_t *call) {
    static const tr_cli_table_t table = {columns, sizeof columns / sizeof *columns};
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    json_t *answer = NULL, *shard;
    size_t i;
    int code =
        tr_cli_ask_once(call, &o->common, TR_KB_SERVICE, json_pack("{s:s}", "action", "shards"), &answer);
    if (code == TR_EXIT_OK)
        code = tr_cli_begin_table(call, &o->common, &table, false, &output);
    if (code == TR_EXIT_OK) {
        json_array_foreach(json_object_get(answer, "shards"), i, shard) {
            shorten(shard);
            tr_cli_put_object(output, &table, shard);
        }
        code = tr_cli_finish(call, &output);
    }
    json_decref(answer);
    return code;
}

static const tr_option_t option_table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe kb shards",
    .summary = "List the knowledge bases that share the documents",
    .description = "Whether each is here or away, how much it has, and which part that is of all that is "
                   "here. One that is "
                   "moving has documents that belong to others, because shards came or are leaving, and "
                   "gives them away; one "
                   "that has left has none any more. One that refuses has other --shards than the rest (-o "
                   "wide). One that is behind (with --replicas 2) has not got yet what was written while it "
                   "was away. A knowledge base "
                   "without shards is alone.",
    .examples = "troupe kb shards",
    .options = option_table,
    .option_count = sizeof option_table / sizeof *option_table,
    .env_prefix = "TROUPE",
};

const tr_verb_t tr_verb_kb_shards = {"kb shards", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
