/*
 * Several knowledge bases in one process, over a wire in memory, and an agent who asks them. What is not as it must be ends the test.
 */
#ifndef TR_KBD_FRONT_FIXTURE_H
#define TR_KBD_FRONT_FIXTURE_H

#include "kbd/kbd.h"

#include <jansson.h>

#define MOST      5u
#define DOCUMENTS 60u
#define PATIENCE  120000 /* milliseconds, for threads and what is slow */

typedef struct base {
    tr_kbd_options_t options;
    tr_kbd_t *kbd; /* NULL: it does not run */
    char *directory;
    char name[8];
} base_t;

typedef struct world {
    tr_host_t *host;
    tr_agent_t *ann;
    base_t bases[MOST];
    json_t *answer; /* the last one */
    tr_performative_t act;
    int replicas;     /* 0: as 1 */
    unsigned changed; /* documents, by change_one */
    unsigned stay;    /* steps for which what was given stays where it was, too */
} world_t;

/* What a call has returned. */
void ok(int rc, const tr_error_t *error);
/* shards: of --shards; NULL = it is alone. */
void start(world_t *w, size_t i, const char *shards);
void stop(world_t *w, size_t i);
/* So many of them, all with these shards. */
world_t *begin(size_t count, const char *shards);
void end(world_t *w);
/* What is on the wire, and what is told of it. False: nobody says anything more. */
bool turn(world_t *w);
/* The same until nobody does. */
void run(world_t *w);
bool is_moving(const world_t *w);
/* What was given stays for so many steps, then it is time. */
void let_stay(world_t *w, bool stays);
/* All that is to be given away is given, and removed. each (may be NULL) is called between any two steps, while something is on its way. */
void move_all(world_t *w, void (*each)(world_t *w));
void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg);
/* The answer, borrowed until the next one. Takes the request. */
const json_t *ask(world_t *w, size_t whom, json_t *request);
/* The same; it is an inform. */
const json_t *told(world_t *w, size_t whom, json_t *request);
/* It is none, for that reason. */
void refused(world_t *w, size_t whom, json_t *request, const char *reason);
/* Of the namespace n: "d007" is document 7, whose text is always the same and ends with `more`. */
json_t *document(unsigned number, const char *more);
void add(world_t *w, size_t whom, unsigned from, unsigned to, const char *more);
/* How many there are in one, and in all. */
size_t documents_of(const world_t *w, size_t i);
size_t documents(const world_t *w);
/* Each is listed, and once. */
void list_is(world_t *w, size_t whom, unsigned from, unsigned to);
json_t *search(const char *query, const char *mode, int k);
void until_vectors(world_t *w);
/* By kb-1's shards; and the first document of a shard. */
size_t owner_of(const world_t *w, unsigned number);
unsigned first_of(const world_t *w, size_t owner);
/* A request about one document. */
json_t *about(const char *action, unsigned number);
/* All that run are stopped, and so many started. */
void start_all(world_t *w, size_t count, const char *shards);

#endif
