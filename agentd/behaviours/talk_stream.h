/*
 * The reply of a turn on the topic dialogue.AGENT.USER, where letters, digits, - and _ of the user stand for themselves and all else is _:
 *
 *   {"user", "turn", "conversation", "piece": 0.., "text", "last", "again"}
 *
 * "conversation" is that of the request (its conversation-id), by which who asked knows which reply is his; "" where it had none.
 * Pieces are told as the mind has them, fitted to the user. "again": what was told of this turn is void, and its reply begins with this piece. The texts since then
 * are the turn's reply once "last" came, whose own text may be empty. How far it is stands in the turn's "stream", until it ends.
 */
#ifndef TR_AGENTD_BEHAVIOURS_TALK_STREAM_H
#define TR_AGENTD_BEHAVIOURS_TALK_STREAM_H

#include "agentd/behaviours/talk.h"

/* The turn is that of this request. */
void tr_talk_stream_begin(const tr_talk_t *self, json_t *turn, const tr_message_t *message);
void tr_talk_stream_piece(tr_talk_t *self, const json_t *profile, json_t *turn, const tr_mind_piece_t *piece);
/* The turn's "stream", which it has no more: a new reference, for tr_talk_stream_end. */
json_t *tr_talk_stream_take(json_t *turn);
/* The turn has its reply. Consumes the stream. */
void tr_talk_stream_end(tr_talk_t *self, const json_t *turn, json_t *stream);
/* There will be none: nothing, where nothing was told. */
void tr_talk_stream_drop(tr_talk_t *self, json_t *turn);

#endif
