/*
 * A motion: a question with options that a group decides, put to voters in one round or several. Pure: no clock, no socket, no disk.
 *
 * Whatever happens to a decision is an event, and the same events give the same decision: what is stored are the events, and
 * whoever has them can count again.
 *
 * Rounds. In a round each voter says something (a ballot) or declines. It is over when all have, or when its time has passed
 * (tr_motion_over), and is then counted (TR_MOTION_COUNTED) by lib/decision. Of a decision with one round the rules say
 * what follows. With several it is a search for consensus: where the best option has the support that was asked for
 * (`agreement`), it is decided; else the options are refined: the worse half is out of play, what voters have proposed is in play
 * beside the others, those of the surest first, and the next round is told what was said for those that stay. The last round falls
 * back to the rules.
 *
 * Conflicts. Where the rules decide nothing although enough took part (a tie, no majority), the mediator names the options of
 * one more round, if there is a mediator; where that decides nothing either, or there is none, a person decides, if one is to
 * be asked (`person`); else it ends undecided.
 *
 *     voting -> decided | undecided | mediation | waiting_person
 *     mediation -> voting | waiting_person | undecided
 *     waiting_person -> decided
 *
 * and from all three that have not ended to cancelled. One thread.
 */
#ifndef TR_COORDINATOR_COUNCIL_MOTION_H
#define TR_COORDINATOR_COUNCIL_MOTION_H

#include "lib/base/map.h"
#include "lib/decision/delegation.h"
#include "lib/decision/ruling.h"
#include "proto/content.h"

#define TR_MOTION_ID_MAX        64u
#define TR_MOTION_OPTIONS_MAX   64u
#define TR_MOTION_VOTERS_MAX    10000u
#define TR_MOTION_ROUNDS_MAX    10u
#define TR_MOTION_QUESTION_MAX  2000u /* bytes */
#define TR_MOTION_OPTION_MAX    200u
#define TR_MOTION_REASON_MAX    1000u /* what is longer is cut */
#define TR_MOTION_BY_MAX        200u  /* likewise */
#define TR_MOTION_FALLBACK_MAX  500u  /* likewise */
#define TR_MOTION_CONTEXT_MAX   (64u << 10)
#define TR_MOTION_TRACE_MAX     55u
#define TR_MOTION_OPINIONS_MAX  3u     /* told of one option */
#define TR_MOTION_PROPOSALS_MAX 3u     /* of one round that come into play */
#define TR_MOTION_BALLOTS_MAX   16u    /* of one voter in one round */
#define TR_MOTION_SKILLS_MAX    64u    /* that votes may be weighed by */
#define TR_MOTION_WITHIN_MS     60000  /* of a round that says nothing of it */
#define TR_MOTION_AGREEMENT     800000 /* millionths, of one with several rounds that says nothing of it */

typedef enum tr_motion_state {
    TR_MOTION_VOTING,
    TR_MOTION_MEDIATION,
    TR_MOTION_WAITING_PERSON,
    TR_MOTION_DECIDED,
    TR_MOTION_UNDECIDED,
    TR_MOTION_CANCELLED,
    TR_MOTION_STATES,
} tr_motion_state_t;

/* By tr_motion_state_t, ended by NULL. */
extern const char *const tr_motion_state_words[];

bool tr_motion_ended(tr_motion_state_t state);

typedef enum tr_motion_what {
    TR_MOTION_OPENED,   /* value: the wish, see tr_motion_new */
    TR_MOTION_BALLOT,   /* who, value: the ballot */
    TR_MOTION_DECLINED, /* who, value: {"reason"} */
    TR_MOTION_COUNTED,  /* the round is over */
    TR_MOTION_MEDIATED, /* value: {"options": [text ...], "reason", "by", "fallback"}; none: the mediator did not help */
    TR_MOTION_SETTLED, /* who, value: {"option", "reason"} */
    TR_MOTION_ENDED,   /* who, value: {"reason"} */
    TR_MOTION_TRUTH,   /* who, value: {"option", "edition"}: which one was right, as is known now */
    TR_MOTION_WHATS,
} tr_motion_what_t;

/* By tr_motion_what_t, ended by NULL. */
extern const char *const tr_motion_what_words[];

/* Borrowed for the call. */
typedef struct tr_motion_event {
    tr_motion_what_t what;
    int64_t at_ms;
    const char *who; /* NULL where it is nobody's */
    tr_value_t value;
} tr_motion_event_t;

typedef enum tr_seat_state {
    TR_SEAT_WAITING,
    TR_SEAT_VOTED,
    TR_SEAT_ABSTAINED,
    TR_SEAT_DELEGATED,
    TR_SEAT_DECLINED,
} tr_seat_state_t;

extern const char *const tr_seat_state_words[];

/* A voter, and what it has said in this round. */
typedef struct tr_seat {
    char voter[257]; /* AID, or whatever a person is called */
    uint64_t weight; /* TR_WEIGHT_ONE = one vote */
    tr_seat_state_t state;
    size_t delegate;   /* another seat; TR_NOBODY */
    size_t carried_by; /* of the last count: whose ballot has its weight; TR_NOBODY */
    uint32_t ballots;  /* of this round: each but the last one was taken back */
    double confidence; /* 0..1 */
    char *reason;      /* owned, NULL */
    char *by;          /* which mind thought of it, as the voter says; owned, NULL */
    char *fallback;    /* why it was not the one that does usually; owned, NULL */
    char *proposal;    /* an option for the next round; owned, NULL */
    int32_t *marks;    /* one for each option there may ever be; owned by the decision */
} tr_seat_t;

/* What was said for an option in the round before. */
typedef struct tr_opinion {
    size_t option;
    double confidence;
    char *reason; /* owned */
} tr_opinion_t;

typedef struct tr_motion {
    char id[TR_MOTION_ID_MAX + 1];
    char *question, *context, *mediator; /* owned; the last two may be NULL */
    char *trace; /* the traceparent under which it was asked for; owned, NULL where that is not traced */
    char *options[TR_MOTION_OPTIONS_MAX];
    bool in_play[TR_MOTION_OPTIONS_MAX];
    size_t option_count;
    tr_poll_t poll;
    tr_rules_t rules;
    tr_seat_t *seats;
    size_t seat_count, answered;
    tr_map_t seat_of; /* voter -> index */
    uint32_t round, rounds, agreement;
    bool secret, person, mediated;
    int64_t within_ms;

    tr_motion_state_t state;
    int64_t created_ms, changed_ms, deadline_ms; /* of the round */
    tr_opinion_t *opinions;
    size_t opinion_count;

    bool counted; /* of the last round that was: */
    tr_arena_t arena;
    tr_count_t count;                         /* of the options that were in play: */
    size_t counted_at[TR_MOTION_OPTIONS_MAX]; /* where an option is in it; TR_NOBODY */
    tr_ruling_t ruling;                       /* `best` is of the count, `winner` is an option here */
    uint64_t lost;                            /* weight that was delegated to nobody who votes */
    size_t winner;                            /* of one that is decided; TR_NOBODY */
    size_t truth;                             /* TR_NOBODY while it is not known */
    /* Which of its votes are in the records: of 1 all, without how sure they were; of 2 none of a secret one. */
    unsigned truth_edition;
    char *why; /* a sentence for people; owned, NULL before the first count */
} tr_motion_t;

/*
 * Opens one. The wish, a map; what is not marked may be left out:
 *   question  text (required)             options  [text ...], two at least, each once (required)
 *   voters    [name | {"name", "weight"} ...] (required); a name stands there once; weight: a number, one vote is 1
 *   context   text, told to the voters    method   "plurality"
 *   score-max 10                          quorum   ballots that there must be
 *   quorum-share, majority  per cent      tie      "none" | "first" | "lot" | "keep"; with "keep": text, and "lot": a number
 *   within-ms of a round                  rounds   1    agreement  per cent, 80
 *   mediator  name                        person   false          secret  false
 *   trace     a traceparent                edition  of the rules, 1: what was asked before there were others
 * 0; -EINVAL with what is wrong; -ENOMEM. Then *ret is NULL.
 */
int tr_motion_new(const char *id, const tr_motion_event_t *opened, tr_motion_t **ret, tr_error_t *error);
void tr_motion_destroy(tr_motion_t **self); /* NULL-safe */

/*
 * What happens. 0; -EPROTO: not in this state; -ENOENT: no voter of it, or the mediator named nothing; -EINVAL: a ballot that
 * is none; each with a text, and nothing has changed. -ENOMEM: as well.
 *
 * A ballot is one of {"choice": option}, {"approve": [option ...]}, {"scores": {option: number}}, {"ranking": [option, or
 * [option ...] that share a place, ...]}, as the method asks for, {"abstain": true} or {"delegate": voter}; and may have
 * "reason", "by" (the mind that thought of it), "fallback" (why it was not the one that does usually), "confidence" (0..1) and "proposal" (a
 * text: an option for the next round, where there is one). An empty one abstains.
 * Until the round is counted a later one takes the place of an earlier one.
 */
int tr_motion_apply(tr_motion_t *self, const tr_motion_event_t *event, tr_error_t *error);

/*
 * What is asked of a ballot that comes in, beside what tr_motion_apply asks of any, so that what is stored can be replayed: that it is
 * not one of more than TR_MOTION_BALLOTS_MAX. Of other events nothing. As tr_motion_apply.
 */
int tr_motion_check(const tr_motion_t *self, const tr_motion_event_t *event, tr_error_t *error);
/* -EINVAL where a ballot has other keys than those above. For what somebody types, in which one is a mistake; an agent of a newer version may say more than
 * is known here, and what that is is left out (tr_motion_digest). */
int tr_motion_check_keys(const tr_motion_t *self, tr_value_t ballot, tr_error_t *error);
/* Writes what an event says, without whatever else is in its value: that is what is to be applied and kept. Nothing where it says nothing. 0,
 * -EINVAL with a text. */
int tr_motion_digest(
    const tr_motion_t *self, const tr_motion_event_t *event, tr_content_writer_t *w, tr_error_t *error);

/* Whether TR_MOTION_COUNTED is to come. */
bool tr_motion_over(const tr_motion_t *self, int64_t now_ms);
/* TR_NOBODY where it has no such voter, option. */
size_t tr_motion_seat(const tr_motion_t *self, const char *voter);
size_t tr_motion_option(const tr_motion_t *self, tr_value_t name);
/* Of a vote on a question whose truth is known: 1 its best mark is the truth's alone, 0 it is not, -1 it said nothing. */
int tr_motion_was_right(const tr_motion_t *self, const tr_seat_t *seat);

/* ---- motion_tell.c ---- */

/* The decision without its voters: a map with `more` entries that the caller writes. While a secret one is voted on, it is not told
 * what became of those who have answered: who is known to have answered when it changed would be known to have done that. */
void tr_motion_write(tr_content_writer_t *w, const tr_motion_t *self, size_t more);
/* One of its voters and what it has said, a map; of a secret one only whether it has. */
void tr_motion_write_vote(tr_content_writer_t *w, const tr_motion_t *self, size_t seat);
/* What has happened, a map; of a secret one only who has answered. *self as it was then. */
void tr_motion_write_event(tr_content_writer_t *w, const tr_motion_t *self, const tr_motion_event_t *event);
/* By which rules its ballots are counted, in the words of lib/decision/poll_file.h. */
void tr_motion_write_rules(tr_content_writer_t *w, const tr_motion_t *self);
/* What a voter is asked (and a mediator, with "action": "mediate"): a map. */
void tr_motion_write_question(tr_content_writer_t *w, const tr_motion_t *self, const char *action);

#endif
