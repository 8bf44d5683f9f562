/* A poll: it is either refused with a reason, or what was read can be counted by its method, and decides by its rules. */
#include "lib/decision/poll_file.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void count(const tr_poll_file_t *poll, tr_arena_t *arena) {
    tr_count_t c;
    tr_ruling_t o;
    char text[1024];
    tr_error_t error = {0};
    if (tr_count(&poll->poll, poll->ballots, poll->ballot_count, arena, &c, &error) < 0)
        return; /* too heavy, or no memory */
    size_t best = 0;
    for (size_t i = 0; i < poll->poll.options; i++) {
        PROMISE(c.places[i] >= 1 && c.places[i] <= poll->poll.options);
        PROMISE(tr_count_support(&c, i) <= 1000000);
        best += c.places[i] == 1;
    }
    if (tr_decide(&c, &poll->rules, arena, &o) < 0)
        return;
    PROMISE(best > 0 && o.best_count == best);
    PROMISE(o.verdict != TR_VERDICT_DECIDED || c.places[o.winner] == 1);
    tr_ruling_explain(&o, &c, &poll->rules, poll->options, text, sizeof text);
    PROMISE(*text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_arena_t arena;
    tr_yaml_file_t file;
    tr_poll_file_t poll;
    tr_error_t error = {0};
    tr_arena_init(&arena, 64u << 20);
    if (tr_yaml_file_take((const char *)data, size, "fuzz.yaml", &arena, &file, &error) == 0) {
        if (tr_poll_file_read(&file, &arena, &poll, &error) == 0)
            count(&poll, &arena);
        else
            PROMISE(*error.text);
    }
    tr_arena_finish(&arena);
    return 0;
}
