/*
 * One question to a librarian on its way: what is searched for, what was found, and what the mind has said of it. A job is an object in JSON,
 * carried from step to step. Pure.
 */
#ifndef TR_AGENTD_BEHAVIOURS_LIBRARIAN_JOB_H
#define TR_AGENTD_BEHAVIOURS_LIBRARIAN_JOB_H

#include "proto/content.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct tr_librarian_defaults {
    char ns[129];
    int64_t k, sentences;
} tr_librarian_defaults_t;

/* Of a request: a text, or a map. A new reference; NULL with what is wrong (a constant). */
json_t *tr_librarian_job(const tr_librarian_defaults_t *defaults, const char *text, size_t length,
    tr_value_t asked, const char **ret_wrong);
/* What is asked, as it was asked: borrowed. "" where it is asked by a passage (like) or a vector alone. */
const char *tr_librarian_query(const json_t *job);
bool tr_librarian_rewrites(const json_t *job);
/* The request for what stands near the query, and the input of TR_MIND_REWRITE that its answer makes; new references. */
json_t *tr_librarian_corpus_search(const json_t *job);
json_t *tr_librarian_corpus(const json_t *found);
/* The words that the mind has added, by the value of TR_MIND_REWRITE. */
void tr_librarian_widen(json_t *job, const json_t *rewritten, const char *by);
/* The request for the knowledge base; a new reference. */
json_t *tr_librarian_search(const json_t *job);
/* What it answered; consumed. */
void tr_librarian_found(json_t *job, json_t *content);
/* The input of TR_MIND_RANK; NULL: there is nothing to rank. */
json_t *tr_librarian_candidates(const json_t *job);
/* The results in the order of what the search and the mind have said of them, by the value of TR_MIND_RANK. */
void tr_librarian_rank(json_t *job, const json_t *ranking, const char *by);
/* To as many as were asked for. */
void tr_librarian_cut(json_t *job);
/* The input of TR_MIND_ANSWER; NULL: nothing was found, or no summary was asked for. */
json_t *tr_librarian_passages(const json_t *job);
/* What the mind says, by the value of TR_MIND_ANSWER. */
void tr_librarian_cite(json_t *job, const json_t *answer, const char *by);
/* What is told in the end; a new reference. */
json_t *tr_librarian_answer(const json_t *job);

#endif
