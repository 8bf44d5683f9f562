/*
 * The sessions of a dialogue, one for each user: {"user", "context", "older", "summary", "profile", "last", "left-out"}. With a directory each is also a file
 * there, written whole (lib/base/file.h) after every turn, so that it survives a restart; those that are in memory are the ones used last.
 *
 * A file that is there and is not read is never written over: where reading fails the session is not opened, and what is no session is set aside, as
 * FILE.damaged. A name that is too long for a file's is there by its beginning and a hash.
 */
#ifndef TR_AGENTD_BEHAVIOURS_SESSIONS_H
#define TR_AGENTD_BEHAVIOURS_SESSIONS_H

#include <jansson.h>
#include <stddef.h>

#define TR_SESSIONS_USER_MAX 128 /* bytes of a user's name */
#define TR_SESSIONS_FILE_MAX ((size_t)256 * 1024)
#define TR_SESSIONS_OLDER_MAX                                                                                \
    8000 /* bytes of turns that fell out of the context, until they are summarised */

typedef struct tr_sessions {
    char *directory; /* NULL = memory only */
    size_t most;     /* in memory */
    json_t *all;     /* by user */
    json_t *order;   /* users, the one used last at the end */
} tr_sessions_t;

/* `directory` "" = none; it is made where it is not there. Negative errno. */
int tr_sessions_init(tr_sessions_t *self, const char *directory, size_t most);
void tr_sessions_finish(tr_sessions_t *self);
/* The user's, a new one where there is none; borrowed until the next call. One that begins anew because its file was set aside has "warning", which says so.
 * -ENOMEM, or the errno of a file that cannot be read, or not be set aside; then *ret_session is NULL. */
int tr_sessions_open(tr_sessions_t *self, const char *user, json_t **ret_session);
/* The one that is in memory, which counts for no use of it. NULL: there is none. */
const json_t *tr_sessions_find(const tr_sessions_t *self, const char *user);
/* After a change. One that is larger than TR_SESSIONS_FILE_MAX is kept without its last turn; -EFBIG where that does not help. 0, or the errno of the file. */
int tr_sessions_keep(tr_sessions_t *self, const json_t *session);
/* Forgets the user altogether. 0, or the errno of the file. */
int tr_sessions_forget(tr_sessions_t *self, const char *user);

/*
 * Takes the next turn's context in place of the last; what falls out of it is added to "older". Where that is full, because more is said than can be
 * summarised meanwhile, the turn is counted in "left-out", and a line in "older" tells how many are left out as soon as there is room again.
 */
void tr_sessions_turn(json_t *session, const json_t *context);

#endif
