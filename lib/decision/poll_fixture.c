#include "lib/decision/poll_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

poll_t poll_new(void) {
    poll_t p = {.ballots = calloc(POLL_MOST, sizeof *p.ballots)};
    assert_non_null(p.ballots);
    tr_arena_init(&p.arena, 1u << 28);
    return p;
}

void poll_finish(poll_t *p) {
    free(p->ballots);
    tr_arena_finish(&p->arena);
}

void poll_add(poll_t *p, uint64_t votes, const int32_t *marks, size_t options) {
    int32_t *copy = tr_arena_alloc(&p->arena, options * sizeof *copy);
    assert_non_null(copy);
    assert_true(p->count < POLL_MOST);
    memcpy(copy, marks, options * sizeof *copy);
    p->ballots[p->count++] = (tr_ballot_t){.weight = votes * TR_WEIGHT_ONE, .marks = copy};
}

/* Returns where it ends. */
static const char *take_ranking(const char *c, const char *letters, int32_t *marks) {
    int32_t place = 1, beside = 0;
    bool open = false;
    for (; *c && *c != ','; c++) {
        const char *letter = strchr(letters, *c);
        if (letter)
            marks[letter - letters] = place;
        beside += letter != NULL;
        open = *c == '(' || (open && *c != ')');
        if (!open && (letter || *c == ')')) {
            place += beside;
            beside = 0;
        }
    }
    return c;
}

void poll_rankings(poll_t *p, const char *letters, const char *text) {
    size_t options = strlen(letters);
    while (*text) {
        int32_t marks[TR_OPTIONS_MAX] = {0};
        char *end;
        uint64_t votes = strtoull(text, &end, 10);
        assert_true(end != text && *end == ' ');
        text = take_ranking(end + 1, letters, marks);
        text += strspn(text, ", ");
        poll_add(p, votes, marks, options);
    }
}

tr_count_t poll_count(poll_t *p, tr_method_t method, size_t options) {
    tr_count_t count;
    tr_poll_t poll = {.method = method, .options = options};
    if (tr_count(&poll, p->ballots, p->count, &p->arena, &count, &p->error) < 0)
        fail_msg("%s", p->error.text);
    return count;
}

const char *poll_order(poll_t *p, const tr_count_t *count, const char *letters) {
    size_t n = count->poll.options, len = 0;
    char *out = tr_arena_alloc(&p->arena, 3 * n + 1);
    assert_non_null(out);
    for (size_t place = 1; place <= n; place++) {
        size_t beside = 0;
        for (size_t i = 0; i < n; i++)
            beside += count->places[i] == place;
        if (beside > 1)
            out[len++] = '(';
        for (size_t i = 0; i < n; i++)
            if (count->places[i] == place)
                out[len++] = letters[i];
        if (beside > 1)
            out[len++] = ')';
    }
    out[len] = '\0';
    return out;
}
