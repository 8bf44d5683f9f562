/* What the gateway offers: its routes (table.c), and the handlers of those that are more than one question to one agent. */
#ifndef TR_GATEWAY_API_API_H
#define TR_GATEWAY_API_API_H

#include "gateway/feed/ring.h"
#include "gateway/http/exchange.h"

const tr_web_route_t *tr_api_routes(size_t *ret_count);

/* probes.c */
void tr_api_health(tr_web_exchange_t *e);
void tr_api_ready(tr_web_exchange_t *e);
void tr_api_metrics(tr_web_exchange_t *e);
/* openapi.c */
void tr_api_document(tr_web_exchange_t *e);
/* login.c */
void tr_api_login(tr_web_exchange_t *e);
void tr_api_login_state(tr_web_exchange_t *e);
void tr_api_logout(tr_web_exchange_t *e);
void tr_api_login_provider(tr_web_exchange_t *e);
void tr_api_login_callback(tr_web_exchange_t *e);
/* status.c */
void tr_api_status(tr_web_exchange_t *e);
/* summary.c */
void tr_api_summary(tr_web_exchange_t *e);
/* Responds, now that it is known what has been spent everywhere, which it takes: {"sum", "complete", "missing"}. */
void tr_api_summary_spent(tr_web_exchange_t *e, json_t *spending);
/* sessions.c */
void tr_api_session(tr_web_exchange_t *e);
void tr_api_forget_session(tr_web_exchange_t *e);
/* fleet.c */
void tr_api_fleets(tr_web_exchange_t *e);
void tr_api_fleet_change(tr_web_exchange_t *e);
/* logs.c */
void tr_api_logs(tr_web_exchange_t *e);
void tr_api_log(tr_web_exchange_t *e);
/* messages.c */
void tr_api_message(tr_web_exchange_t *e);
void tr_api_publish(tr_web_exchange_t *e);
/* events.c */
void tr_api_events(tr_web_exchange_t *e);
/* Reads patterns with commas between. 0; -EPERM: the wire tap; and those of tr_feed_reader_init. */
int tr_api_watches(tr_feed_reader_t *reader, const char *topics);
/* Responds to what nobody may watch, or cannot be watched: those errors, and those of tr_feed_hub_watch. */
void tr_api_refuse_watch(tr_web_exchange_t *e, int rc);
/* socket.c */
void tr_api_socket(tr_web_exchange_t *e);
/* mcp/mcp.c */
void tr_api_mcp(tr_web_exchange_t *e);
/* a2a/operations.c, a2a/card.c */
void tr_api_a2a_rpc(tr_web_exchange_t *e);
void tr_api_a2a_send(tr_web_exchange_t *e);
void tr_api_a2a_stream(tr_web_exchange_t *e);
void tr_api_a2a_list(tr_web_exchange_t *e);
void tr_api_a2a_task(tr_web_exchange_t *e);
void tr_api_a2a_act(tr_web_exchange_t *e);
void tr_api_a2a_create_push(tr_web_exchange_t *e);
void tr_api_a2a_push(tr_web_exchange_t *e);
void tr_api_a2a_pushes(tr_web_exchange_t *e);
void tr_api_a2a_delete_push(tr_web_exchange_t *e);
void tr_api_a2a_extended(tr_web_exchange_t *e);
void tr_api_a2a_fleet(tr_web_exchange_t *e);
void tr_api_a2a_card(tr_web_exchange_t *e);
/* talk.c */
void tr_api_process_input(tr_web_exchange_t *e);
/* Gives the call the traceparent of the body, where there is one. False: it is none, and was responded to. */
bool tr_api_take_trace(tr_web_exchange_t *e, tr_web_call_t *call);
/* openai.c */
void tr_api_models(tr_web_exchange_t *e);
void tr_api_model(tr_web_exchange_t *e);
void tr_api_chat(tr_web_exchange_t *e);
/* responses.c */
void tr_api_responses(tr_web_exchange_t *e);
void tr_api_show_response(tr_web_exchange_t *e);
void tr_api_drop_response(tr_web_exchange_t *e);
/* page.c */
void tr_api_page(tr_web_exchange_t *e);
void tr_api_file(tr_web_exchange_t *e);
/* senses.c */
/* A question to who hears, speaks and sees; NULL: there is no memory, which was responded. It is a map that the caller fills, of so many fields beside the action. */
tr_web_call_t *tr_api_sense_call(tr_web_exchange_t *e, const char *action, size_t fields);
/* Whether there is an answer. If not, responds with a problem that says what would help. */
bool tr_api_sense_judge(tr_web_exchange_t *e, const tr_web_reply_t *reply);
/* audio.c */
void tr_api_transcribe(tr_web_exchange_t *e);
void tr_api_speak(tr_web_exchange_t *e);
/* embeddings.c */
void tr_api_embeddings(tr_web_exchange_t *e);
/* say.c */
/* The least role with which a content may be sent to a receiver by hand: that of the routes that ask for the same action, and OPERATOR at least. */
tr_web_role_t tr_api_role_of(const char *receiver, const json_t *content);
/* Likewise to submit a task, whose input reaches an agent with its skills. */
tr_web_role_t tr_api_role_of_task(const json_t *task);
/* everywhere.c: asks each broker for the route's action, and makes one answer of theirs */
void tr_api_everywhere(tr_web_exchange_t *e);
/* Of what the own broker has said, which it takes, and of whom it is linked with (an answer to "brokers"): asks those, too. What else is in e->found stays. */
void tr_api_ask_linked(tr_web_exchange_t *e, json_t *own, const tr_web_reply_t *brokers);
/* person.c */
#define TR_API_USER_MAX 64 /* bytes of a name to agents */
/* Whether it is a person that the gateway knows by name, and no admin. */
bool tr_api_is_bound(const tr_web_exchange_t *e);
/* Whether the session, and the conversations, of a user are his to use: all are an admin's, and a program's. */
bool tr_api_may_be(const tr_web_exchange_t *e, const char *user, size_t len);
/* Likewise; false: they are not, and it has responded. */
bool tr_api_speak_as(tr_web_exchange_t *e, const char *user, size_t len);
/* Whom a content names as its user, its voter, or those of the tasks in it, as whom he may not speak; NULL: nobody. Borrowed. */
const char *tr_api_other_in(const tr_web_exchange_t *e, const json_t *content);
/* False: it names such a one, or is of people's feedback, and it has responded. */
bool tr_api_speaks(tr_web_exchange_t *e, const json_t *content);
/* Whether a publication is for his eyes. */
bool tr_api_may_see(const tr_web_exchange_t *e, const tr_feed_event_t *event);
/* Whether he may know that there is a topic of this name. */
bool tr_api_may_know_topic(const tr_web_exchange_t *e, const char *topic);
/* Whether a topic is one of those that not everybody may know. */
bool tr_api_is_private_topic(const char *topic);
/* feedback.c */
#define TR_API_NO_FEEDBACK                                                                                   \
    "the namespace feedback has people's own words: give yours by POST /api/v1/feedback, read them by "      \
    "/api/v1/knowledge/feedback; all else is for admins"
void tr_api_give_feedback(tr_web_exchange_t *e);
void tr_api_approve_feedback(tr_web_exchange_t *e);
/* search, list and get; add and remove: all namespaces as they are, but feedback. */
void tr_api_read_documents(tr_web_exchange_t *e);
void tr_api_change_documents(tr_web_exchange_t *e);
/* Of a search or a list, {"namespace", "filter" ...}, where that is of feedback: leaves him his own, by its filter. False: he has no name, and nothing is his. */
bool tr_api_narrow_feedback(const tr_web_exchange_t *e, json_t *ask);
/* Whether a document of this namespace, {"metadata" ...}, is for his eyes. */
bool tr_api_may_read(const tr_web_exchange_t *e, const char *space, const json_t *document);
/* Whether a message that is sent by hand has to do with the namespace feedback, and he is no admin: TR_API_NO_FEEDBACK. */
bool tr_api_reaches_feedback(const tr_web_exchange_t *e, const json_t *content);
/* topics.c */
void tr_api_topics(tr_web_exchange_t *e);
/* tasks.c */
void tr_api_decide(tr_web_exchange_t *e);
void tr_api_vote(tr_web_exchange_t *e);
void tr_api_submit(tr_web_exchange_t *e);
void tr_api_schedule(tr_web_exchange_t *e);

#endif
