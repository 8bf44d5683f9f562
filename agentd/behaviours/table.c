#include "agentd/behaviours/table.h"

#include "lib/base/suggest.h"

#include <string.h>

static const tr_behaviour_t *const table[] = {
    &tr_behaviour_echo,
    &tr_behaviour_editor,
    &tr_behaviour_exec,
    &tr_behaviour_reader,
    &tr_behaviour_relay,
};

#define COUNT (sizeof table / sizeof *table)

const tr_behaviour_t *tr_behaviour_find(const char *name) {
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

const char *tr_behaviour_nearest(const char *name) {
    const char *names[COUNT + 1];
    for (size_t i = 0; i < COUNT; i++)
        names[i] = table[i]->name;
    names[COUNT] = NULL;
    return tr_suggest(name, names);
}

void tr_behaviours_print(FILE *out) {
    for (size_t i = 0; i < COUNT; i++)
        fprintf(out, "%-8s %s\n", table[i]->name, table[i]->summary);
}
