#include "kbd/options.h"

#include "lib/knowledge/shards.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define O tr_kbd_options_t

static const char *const stores[] = {"sqlite", "postgres", NULL};

static const tr_option_t table[] = {
    TR_RESIDENT_OPTIONS("kb", "troupe-knowledge",
        "Where the documents are kept; made where it is missing. One process at a time."),
    {"store", 0, "KIND", TR_WORD(O, store), "sqlite",
        "Where what is acknowledged is kept: in a file of --data, or in a PostgreSQL database, of which that "
        "file "
        "is made, and made anew where it is lost.",
        .words = stores},
    {"conninfo", 0, "FILE", TR_STRING(O, conninfo), NULL,
        "How the database is reached: a file with a connection string in its first line, which only its "
        "owner "
        "may read. PGHOST, PGUSER and so on say the same."},
    {"table", 0, "NAME", TR_STRING(O, table), "troupe_kb_*",
        "The table, [schema.]name, of this knowledge base alone; made where it is missing. A * at its end "
        "stands for --name."},
    {"check", 0, NULL, TR_BOOL(O, check), NULL, "Check the options, and end.", .flags = TR_OPTION_FLAG_ONLY},
    {"restore", 0, "FILE", TR_STRING(O, restore), NULL,
        "Begin with what is in a snapshot (`troupe kb snapshot`), in place of all that is in the directory, "
        "and in the table of --store postgres. At each start: without it the next time, or what was written "
        "since "
        "is lost.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"chunk-tokens", 0, "N", TR_INT(O, chunk_tokens), "300",
        "How many words a chunk has at most; code and tables may have twice as many. Of documents that are "
        "added from now on.",
        .min = 20, .max = 4000},
    {"chunk-overlap", 0, "N", TR_INT(O, chunk_overlap), "40",
        "How many words of the chunk before a chunk repeats at most; less than half of --chunk-tokens.",
        .min = 0, .max = 1000},
    {"search-threads", 0, "N", TR_INT(O, search_threads), "0",
        "How many threads search by vectors; 0: as many as there are processors, less one.", .min = 0,
        .max = 16},
    {"build-threads", 0, "N", TR_INT(O, build_threads), "0",
        "How many threads build an index of vectors, behind those that search; 0: as many as there are "
        "processors.",
        .min = 0, .max = 16},
    {"index-delta", 0, "N", TR_INT(O, index_delta), "4096",
        "How many new vectors are compared one by one before they become a part of an index.", .min = 1024,
        .max = 1 << 20},
    {"cache", 0, "SIZE", TR_SIZE(O, cache), "32M",
        "Answers to searches that are kept for who asks the same again, until their namespace changes; 0: "
        "none.",
        .min = 0, .max = (int64_t)1 << 40},
    {"shards", 0, "NAMES", TR_STRING(O, shards), NULL,
        "All knowledge bases that share the documents out among them, by the names of their agents, with "
        "commas between: this one "
        "(--name), and the others, which are given the same. Each has its share, and answers for all. "
        "NAME:leaving has nothing any more, "
        "and gives away what it has. Without it there is but this one."},
    {"replicas", 0, "N", TR_INT(O, replicas), "1",
        "How many of the shards have each document: 2, and nothing is missing while one of them is away. The "
        "same for all of them.",
        .min = 1, .max = TR_SHARDS_COPIES},
    {"search-time", 0, "TIME", TR_DURATION(O, search_time_ms), "8s",
        "How long a search over shards may take, at most, whatever who asks allows; one that says nothing in "
        "half of it "
        "is left out.",
        .min = 10, .max = 3600000},
    {"embed-config", 0, "FILE", TR_STRING(O, embed_config), NULL,
        "A model server that makes the vectors, as in docs/models.md (`models: {embed: ...}`), with its key "
        "in a file or a variable. Without it they are made here."},
    {"embed-model", 0, "NAME", TR_STRING(O, embed_model), NULL,
        "Which model it is asked for. After a change all vectors are made anew, behind searches by words."},
    {"embed-dimensions", 0, "N", TR_INT(O, embed_dimensions), "0",
        "How many numbers that model's vectors have.", .min = 0, .max = 4096},
    TR_RESIDENT_MORE_OPTIONS,
};

static const tr_program_t program = {
    .name = "troupe-kbd",
    .summary = "Keep documents and find what is in them",
    .description = "The knowledge base: takes documents (`troupe kb add`), keeps them on its disk, and finds "
                   "passages in them for "
                   "people (`troupe kb search`) and for agents, who ask the service kb.\n\n"
                   "It ends with 0 when it was asked to, 1 for wrong usage, 2 when the broker cannot be "
                   "reached, 3 when the broker "
                   "refuses or what it was given is not valid, 5 when its disk fails.",
    .examples = "troupe-kbd --data /var/lib/troupe/knowledge\n"
                "troupe-kbd --connect tcp://node1:5570 --cert kb.secret",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE_KBD",
    .has_file = true,
};

static const char *what_is_wrong(const tr_kbd_options_t *o) {
    tr_shards_t shards;
    if (tr_shards_read(o->shards, &shards, NULL) < 0)
        return "--shards: expected at most 64 names of agents, each once, with commas between: "
               "kb-1,kb-2,kb-3";
    size_t count = shards.count;
    tr_shards_finish(&shards);
    if (o->replicas > 1 && count == 0)
        return "--replicas: expected --shards with it, of which two have each document";
    if (o->store && o->replicas > 1)
        return "--store postgres: expected without --replicas, since what shards owe each other is in their "
               "directories alone; leave --replicas away, and replicate the database";
    if (!o->store && o->conninfo)
        return "--conninfo: expected --store postgres with it";
    if (2 * o->chunk_overlap >= o->chunk_tokens)
        return "--chunk-overlap: expected less than half of --chunk-tokens";
    bool all = o->embed_config && o->embed_model && o->embed_dimensions;
    if (!all && (o->embed_config || o->embed_model || o->embed_dimensions))
        return "--embed-config, --embed-model and --embed-dimensions are given together";
    if (all && (!*o->embed_model || strlen(o->embed_model) > 48))
        return "--embed-model: expected a name of at most 48 bytes";
    return tr_resident_options_wrong(&o->resident);
}

int tr_kbd_options_read(int argc, char *const *argv, tr_kbd_options_t *ret_options) {
    tr_kbd_options_t o = {0};
    tr_error_t error = {0};
    int ask = tr_options_read(&program, argc, argv, &o, &o.flags, &error);
    if (ask != TR_OPTIONS_RUN)
        return tr_options_answer(&program, ask, &error);
    const char *wrong = what_is_wrong(&o);
    if (wrong) {
        tr_kbd_options_finish(&o);
        return tr_options_answer(&program, tr_error_set(&error, -EINVAL, "%s", wrong), &error);
    }
    if (o.check) {
        tr_kbd_options_finish(&o);
        return TR_RESIDENT_OK;
    }
    *ret_options = o;
    return TR_RESIDENT_GO;
}

void tr_kbd_options_finish(tr_kbd_options_t *self) {
    tr_options_destroy(&self->flags);
}
