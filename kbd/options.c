#include "kbd/options.h"

#include "lib/base/log.h"
#include "proto/aid.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define O      tr_kbd_options_t

static const tr_option_t table[] = {
    {"connect", 'c', "ENDPOINT", TR_STRING(O, connect), "tcp://127.0.0.1:5570",
        "The broker: tcp://HOST:PORT or ipc://PATH."},
    {"cert", 0, "FILE", TR_STRING(O, cert), NULL,
        "The secret part of this process's certificate, for a broker that wants one. TROUPE_CERT says the "
        "same for all of "
        "Troupe's programs."},
    {"name", 'n', "NAME", TR_STRING(O, name), "kb", "The agent's name."},
    {"data", 'd', "DIR", TR_STRING(O, data), "troupe-knowledge",
        "Where the documents are kept; made where it is missing. One process at a time."},
    {"restore", 0, "FILE", TR_STRING(O, restore), NULL,
        "Begin with what is in a snapshot (`troupe kb snapshot`), in place of all that is in the directory.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"chunk-tokens", 0, "N", TR_INT(O, chunk_tokens), "300",
        "How many words a chunk has at most; code and tables may have twice as many. Of documents that are "
        "added from now on.",
        .min = 20, .max = 4000},
    {"chunk-overlap", 0, "N", TR_INT(O, chunk_overlap), "40",
        "How many words of the chunk before a chunk repeats at most; less than half of --chunk-tokens.",
        .min = 0, .max = 1000},
    {"connect-time", 0, "TIME", TR_DURATION(O, connect_ms), "10s",
        "Give up when the broker was not reached in this time.", .min = 1, .max = DAY_MS},
    {"ready-fd", 0, "FD", TR_INT(O, ready_fd), "-1",
        "Write the line READY to this file descriptor, and close it, when documents are taken.", .min = -1,
        .max = 1 << 20, .flags = TR_OPTION_FLAG_ONLY},
    {"die-with", 0, "PID", TR_INT(O, die_with), "0", "Stop when this parent process ends.", .min = 0,
        .max = INT32_MAX, .flags = TR_OPTION_FLAG_ONLY},
    TR_LOG_OPTIONS(O),
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
    if (!tr_name_valid(o->name, strlen(o->name)))
        return "--name: expected 1 to 128 of A-Z a-z 0-9 . _ - + ~, the first neither . nor -";
    if (2 * o->chunk_overlap >= o->chunk_tokens)
        return "--chunk-overlap: expected less than half of --chunk-tokens";
    return NULL;
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
    *ret_options = o;
    return TR_KBD_GO;
}

void tr_kbd_options_finish(tr_kbd_options_t *self) {
    tr_options_destroy(&self->flags);
}
