/*
 * The reply of a turn on the topic dialogue.AGENT.USER, where letters, digits, - and _ of the user stand for themselves and all else is _:
 *
 *   {"user", "turn", "conversation", "piece": 0.., "text", "last", "again"}
 *
 * "conversation" is that of the request (its conversation-id), by which who asked knows which reply is his; "" where it had none.
 * Pieces are told as the mind has them, fitted to the user. "again": what was told of this turn is void, and its reply begins with this piece. The texts since then
 * are the turn's reply once "last" came, whose own text may be empty.
 *
 * How far it is stands in a struct of its own, and not in the turn, which has its number ("stream") until it ends: a thousand replies are written at once, a piece of
 * each comes when all that was known of it has left the processor's caches, and what is looked up in JSON costs several misses each.
 */
#ifndef TR_AGENTD_BEHAVIOURS_TALK_STREAM_H
#define TR_AGENTD_BEHAVIOURS_TALK_STREAM_H

#include "agentd/behaviours/talk.h"

/* The turn is that of this request. Where there is no memory it has none, and nothing is told. */
void tr_talk_stream_begin(tr_talk_t *self, json_t *turn, const tr_message_t *message);
/* The turn of the request that `cancel` ends (its sender's, in its conversation), borrowed; NULL: none that goes on. */
json_t *tr_talk_stream_find(const tr_talk_t *self, const tr_message_t *cancel);
/* What pieces have to know is known: the turn has its number and its mood, and the user his profile. */
void tr_talk_stream_ready(tr_talk_t *self, const json_t *profile, const json_t *turn);
void tr_talk_stream_piece(tr_talk_t *self, const json_t *turn, const tr_mind_piece_t *piece);
/* The turn's stream, which it has no more, for tr_talk_stream_end; NULL: it has none. */
tr_talk_stream_t *tr_talk_stream_take(tr_talk_t *self, json_t *turn);
/* The turn has its reply. Consumes the stream; NULL is nothing. */
void tr_talk_stream_end(tr_talk_t *self, const json_t *turn, tr_talk_stream_t *stream);
/* There will be none: nothing, where nothing was told, or where it has none any more. */
void tr_talk_stream_drop(tr_talk_t *self, json_t *turn);
/* Of all turns, without a word. */
void tr_talk_streams_finish(tr_talk_t *self);

#endif
