/*
 * What a composer has in hand: the parts of a task, what of them may be cited, and what is said of that. Pure.
 *
 * A job is {"question", "parts": as they came, "passages": [{"text", "evidence": {"task", "agent", "description", "quote", ...}}], "choice"}.
 */
#ifndef TR_AGENTD_BEHAVIOURS_COMPOSER_PARTS_H
#define TR_AGENTD_BEHAVIOURS_COMPOSER_PARTS_H

#include <jansson.h>

#define TR_COMPOSER_PASSAGES 64u

/* Out of what is asked; NULL with what is wrong with it. */
json_t *tr_composer_job(const json_t *asked, const char **ret_wrong);
/* The texts that may be cited: a new list. */
json_t *tr_composer_passages(const json_t *job);
/* All of them as one text. */
json_t *tr_composer_text(const json_t *job);
/* What the mind has answered from the passages, with numbers from 1 on in the order in which they are cited, each citation one; NULL: it says
 * nothing, or cites nothing. */
json_t *tr_composer_answer(const json_t *job, const json_t *answer, const char *by);
/* A text that is about all of the parts, NULL: there is nothing to say; and each part as evidence. */
json_t *tr_composer_sum(const json_t *job, const json_t *text, const char *by);

#endif
