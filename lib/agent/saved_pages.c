/* Which pages of what was sent there are, and how much of each is still needed. */
#include "lib/agent/saved.h"

#include <errno.h>
#include <stdlib.h>

int tr_pages_add(tr_saved_t *s, uint64_t number, size_t count) {
    if (s->pages_n == s->pages_cap) {
        size_t cap = s->pages_cap ? s->pages_cap * 2 : 8;
        tr_page_t *pages = realloc(s->pages, cap * sizeof *pages);
        if (!pages)
            return -ENOMEM;
        s->pages = pages;
        s->pages_cap = cap;
    }
    s->pages[s->pages_n++] = (tr_page_t){.number = number, .count = count};
    return 0;
}

int tr_pages_open(tr_saved_t *s, tr_said_t **ret_first) {
    size_t n = 0;
    *ret_first = *s->fresh;
    for (const tr_said_t *said = *s->fresh; said; said = said->next)
        n++;
    int r = n ? tr_pages_add(s, s->next_page, n) : 0;
    if (!n || r < 0)
        return r;
    for (tr_said_t *said = *s->fresh; said; said = said->next)
        said->page = s->next_page;
    s->fresh = s->said_end;
    s->next_page++;
    return 0;
}

static tr_page_t *find(tr_saved_t *s, uint64_t number) {
    size_t from = 0, to = s->pages_n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (s->pages[middle].number < number)
            from = middle + 1;
        else
            to = middle;
    }
    return from < s->pages_n && s->pages[from].number == number ? &s->pages[from] : NULL;
}

void tr_pages_less(tr_saved_t *s, uint64_t number) {
    tr_page_t *page = find(s, number);
    if (page && page->count && !--page->count)
        s->pages_empty++;
}

uint64_t tr_pages_take_empty(tr_saved_t *s) {
    for (size_t i = 0; s->pages_empty && i < s->pages_n; i++) {
        uint64_t number = s->pages[i].number;
        if (s->pages[i].count)
            continue;
        memmove(&s->pages[i], &s->pages[i + 1], (s->pages_n - i - 1) * sizeof *s->pages);
        s->pages_n--;
        s->pages_empty--;
        return number;
    }
    return 0;
}

uint64_t tr_pages_first(const tr_saved_t *s) {
    return s->pages_n ? s->pages[0].number : s->next_page;
}
