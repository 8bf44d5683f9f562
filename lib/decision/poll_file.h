/*
 * A poll as a YAML file: what was asked, by which rules, and the ballots. What people keep of a decision, and count again.
 *
 *     options: [memphis, nashville, chattanooga, knoxville]
 *     method: schulze             # plurality, approval, score, borda
 *     quorum: 3                   # all rules may be left out: lib/decision/ruling.h
 *     majority: 50                # per cent
 *     tie: keep
 *     keep: nashville
 *     edition: 2                  # of the rules; 1 counts as older versions did
 *     ballots:
 *       - {voter: ann, ranking: [nashville, chattanooga = knoxville]}  # or [nashville, [chattanooga, knoxville]]
 *       - {voter: bob, weight: 2.5, ranking: [memphis]}
 *       - {voter: cid, delegate: ann}
 *       - {voter: dan, abstain: true}
 *       - {count: 42, ranking: [memphis, nashville]}
 *
 * The votes of plurality are `choice: OPTION`, of approval `approve: [OPTION...]`, of score `scores: {OPTION: 7}`. An empty one
 * abstains. In a ranking a text that is an option is that one, also where it has a `=`.
 */
#ifndef TR_DECISION_POLL_FILE_H
#define TR_DECISION_POLL_FILE_H

#include "lib/decision/ruling.h"
#include "lib/yaml/yaml_file.h"

#define TR_POLL_FILE_BYTES_MAX (16u << 20) /* what ten thousand voters have said */
#define TR_POLL_FILE_NODES_MAX 2000000

typedef struct tr_poll_file {
    tr_poll_t poll;
    const char *const *options; /* names */
    tr_rules_t rules;
    tr_ballot_t *ballots; /* without those that delegate: what they say is in the weight of others */
    size_t ballot_count;
    uint64_t lost; /* weight of delegations that reach no ballot */
} tr_poll_file_t;

/* What *ret points to is in the arena. 0; -EINVAL with FILE:LINE:COL, the key and what was expected; -E2BIG; -ENOMEM. */
int tr_poll_file_read(const tr_yaml_file_t *file, tr_arena_t *arena, tr_poll_file_t *ret, tr_error_t *error);

#endif
