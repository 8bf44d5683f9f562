/*
 * What an instruction in English asks for, as an action with parameters, by a grammar: [politeness] verb-phrase rest, where the
 * verb-phrase names the action and tells how the rest is cut into parameters ("send X to Y", "decide between A and B"). What the grammar
 * does not cover is said to be not understood; nothing is guessed.
 *
 *   search     query, where, most            "search the archive for old photos"
 *   analyse    subject
 *   summarise  subject, sentences            "summarise the report in 3 sentences"
 *   task       description, when, priority   "prepare the slides by Monday, urgent"
 *   query      question
 *   decide     question, options
 *   send       to, content                   "tell Anna that I am late"
 *   status     subject
 *   cancel     subject
 */
#ifndef TR_AGENTD_MIND_INSTRUCTION_H
#define TR_AGENTD_MIND_INSTRUCTION_H

#include <jansson.h>
#include <stddef.h>

typedef enum tr_instruction_status {
    TR_INSTRUCTION_OK,
    TR_INSTRUCTION_EMPTY,      /* no word in it */
    TR_INSTRUCTION_NO_ACTION,  /* it does not begin as an instruction does */
    TR_INSTRUCTION_INCOMPLETE, /* the action is clear, but what it shall be done with is missing */
} tr_instruction_status_t;

typedef struct tr_instruction {
    tr_instruction_status_t status;
    const char *action;  /* a constant; NULL where none was understood */
    const char *missing; /* INCOMPLETE: the parameter; a constant */
    json_t *parameters;  /* an object; OK only */
} tr_instruction_t;

/* 0 or -ENOMEM. */
int tr_instruction_parse(const char *text, size_t length, tr_instruction_t *ret_instruction);
void tr_instruction_finish(tr_instruction_t *self);

/* How an action is asked for, for a helpful answer; `index` from 0, NULL after the last. */
const char *tr_instruction_example(size_t index);
/* The one for an action's name; NULL where there is no such action. */
const char *tr_instruction_example_of(const char *action);

#endif
