/* The verbs of `troupe`, in the order of --help within their groups. One line each. */
#ifndef TR_TOOLS_VERBS_H
#define TR_TOOLS_VERBS_H

#include "tools/cli/cli.h"

#define TR_VERBS(VERB)                                                                                       \
    VERB(up)                                                                                                 \
    VERB(down)                                                                                               \
    VERB(ps)                                                                                                 \
    VERB(attach)                                                                                             \
    VERB(detach)                                                                                             \
    VERB(scale)                                                                                              \
    VERB(autoscale)                                                                                          \
    VERB(restart)                                                                                            \
    VERB(suspend)                                                                                            \
    VERB(resume)                                                                                             \
    VERB(move)                                                                                               \
    VERB(quarantine)                                                                                         \
    VERB(trace)                                                                                              \
    VERB(why)                                                                                                \
    VERB(tap)                                                                                                \
    VERB(conversation_watch)                                                                                 \
    VERB(conversation_show)                                                                                  \
    VERB(logs)                                                                                               \
    VERB(topics)                                                                                             \
    VERB(brokers)                                                                                            \
    VERB(streams)                                                                                            \
    VERB(stream_add)                                                                                         \
    VERB(stream_rm)                                                                                          \
    VERB(record)                                                                                             \
    VERB(replay)                                                                                             \
    VERB(mailbox_ls)                                                                                         \
    VERB(mailbox_set)                                                                                        \
    VERB(mailbox_protocol)                                                                                   \
    VERB(mailbox_rm)                                                                                         \
    VERB(dlq_ls)                                                                                             \
    VERB(dlq_show)                                                                                           \
    VERB(dlq_requeue)                                                                                        \
    VERB(dlq_drop)                                                                                           \
    VERB(top)                                                                                                \
    VERB(bench)                                                                                              \
    VERB(ask)                                                                                                \
    VERB(chat)                                                                                               \
    VERB(mcp)                                                                                                \
    VERB(send)                                                                                               \
    VERB(pub)                                                                                                \
    VERB(plan)                                                                                               \
    VERB(task_submit)                                                                                        \
    VERB(task_ls)                                                                                            \
    VERB(task_show)                                                                                          \
    VERB(task_result)                                                                                        \
    VERB(task_watch)                                                                                         \
    VERB(task_cancel)                                                                                        \
    VERB(task_approve)                                                                                       \
    VERB(task_retry)                                                                                         \
    VERB(schedule_add)                                                                                       \
    VERB(schedule_ls)                                                                                        \
    VERB(schedule_rm)                                                                                        \
    VERB(decide)                                                                                             \
    VERB(votes_ls)                                                                                           \
    VERB(votes_show)                                                                                         \
    VERB(votes_cast)                                                                                         \
    VERB(votes_settle)                                                                                       \
    VERB(votes_withdraw)                                                                                     \
    VERB(votes_truth)                                                                                        \
    VERB(votes_ballots)                                                                                      \
    VERB(approvals_ls)                                                                                       \
    VERB(approvals_show)                                                                                     \
    VERB(approvals_grant)                                                                                    \
    VERB(approvals_deny)                                                                                     \
    VERB(kb_add)                                                                                             \
    VERB(kb_search)                                                                                          \
    VERB(kb_get)                                                                                             \
    VERB(kb_ls)                                                                                              \
    VERB(kb_rm)                                                                                              \
    VERB(kb_stat)                                                                                            \
    VERB(kb_shards)                                                                                          \
    VERB(kb_snapshot)                                                                                        \
    VERB(kb_eval)                                                                                            \
    VERB(votes_count)                                                                                        \
    VERB(df_search)                                                                                          \
    VERB(df_show)                                                                                            \
    VERB(df_watch)                                                                                           \
    VERB(cert_new)                                                                                           \
    VERB(cert_ls)                                                                                            \
    VERB(cert_show)                                                                                          \
    VERB(cert_rotate)                                                                                        \
    VERB(cert_revoke)                                                                                        \
    VERB(mind_ask)                                                                                           \
    VERB(mind_describe)                                                                                      \
    VERB(mind_train)                                                                                         \
    VERB(sim)                                                                                                \
    VERB(host)                                                                                               \
    VERB(alive)                                                                                              \
    VERB(doctor)                                                                                             \
    VERB(version)                                                                                            \
    VERB(completion)                                                                                         \
    VERB(help)

#define TR_VERB_DECLARE(name) extern const tr_verb_t tr_verb_##name;
TR_VERBS(TR_VERB_DECLARE)
#undef TR_VERB_DECLARE

#endif
