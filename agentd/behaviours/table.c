#include "agentd/behaviours/table.h"

#include "lib/base/suggest.h"

#include <string.h>

static const struct {
    const tr_behaviour_t *behaviour;
    int (*check)(tr_value_t args, tr_problem_t *problem);
    bool thinks;    /* it has a mind (thinker.h) */
    bool acts;      /* it has tools (toolbox.h) */
    bool remembers; /* users (talk.h) */
} table[] = {
    {&tr_behaviour_a2a_remote, tr_a2a_remote_check, false},
    {&tr_behaviour_assistant, tr_assistant_check, true, .remembers = true},
    {&tr_behaviour_composer, tr_composer_check, true},
    {&tr_behaviour_critic, tr_critic_check, true},
    {&tr_behaviour_dialogue, tr_dialogue_check, true, .remembers = true},
    {&tr_behaviour_echo, tr_echo_check, false},
    {&tr_behaviour_editor, tr_editor_check, false},
    {&tr_behaviour_exec, tr_exec_check, false},
    {&tr_behaviour_executor, tr_executor_check, true, true},
    {&tr_behaviour_instruction, tr_instruction_check, true},
    {&tr_behaviour_librarian, tr_librarian_check, true},
    {&tr_behaviour_planner, tr_planner_check, true},
    {&tr_behaviour_reader, tr_reader_check, false},
    {&tr_behaviour_relay, tr_relay_check, false},
    {&tr_behaviour_senses, tr_senses_check, true},
    {&tr_behaviour_station, tr_station_check, false},
    {&tr_behaviour_summariser, tr_summariser_check, true},
    {&tr_behaviour_toolkeeper, tr_toolkeeper_check, false, true},
    {&tr_behaviour_voter, tr_voter_check, true},
};

#define COUNT (sizeof table / sizeof *table)

const tr_behaviour_t *tr_behaviour_find(const char *name) {
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(table[i].behaviour->name, name) == 0)
            return table[i].behaviour;
    return NULL;
}

int tr_behaviour_check_args(const tr_behaviour_t *behaviour, tr_value_t args, tr_problem_t *problem) {
    for (size_t i = 0; i < COUNT; i++)
        if (table[i].behaviour == behaviour)
            return table[i].check(args, problem);
    return 0; /* a user's own: only it knows */
}

bool tr_behaviour_thinks(const tr_behaviour_t *behaviour) {
    for (size_t i = 0; i < COUNT; i++)
        if (table[i].behaviour == behaviour)
            return table[i].thinks;
    return false;
}

bool tr_behaviour_acts(const tr_behaviour_t *behaviour) {
    for (size_t i = 0; i < COUNT; i++)
        if (table[i].behaviour == behaviour)
            return table[i].acts;
    return false;
}

bool tr_behaviour_remembers(const tr_behaviour_t *behaviour) {
    for (size_t i = 0; i < COUNT; i++)
        if (table[i].behaviour == behaviour)
            return table[i].remembers;
    return false;
}

const char *tr_behaviour_nearest(const char *name) {
    const char *names[COUNT + 1];
    for (size_t i = 0; i < COUNT; i++)
        names[i] = table[i].behaviour->name;
    names[COUNT] = NULL;
    return tr_suggest(name, names);
}

void tr_behaviour_names(char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < COUNT && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", table[i].behaviour->name);
}

void tr_behaviours_print(FILE *out) {
    for (size_t i = 0; i < COUNT; i++)
        fprintf(out, "%-11s %s\n", table[i].behaviour->name, table[i].behaviour->summary);
}
