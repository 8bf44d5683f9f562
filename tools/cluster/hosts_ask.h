/*
 * What the `troupe` of hosts is asked, a command for each, eight at once: one that is away keeps none of the others.
 *
 *     tr_hosts_ask_t *asks = calloc(n, sizeof *asks);
 *     tr_hosts_ask_begin(&asks[0], apart, host, "scale"); tr_hosts_ask_format(&asks[0], "%s=%d", group, 2); ...
 *     tr_hosts_ask_all(apart, asks, n);                   // now each has its rc
 *     int rc = tr_hosts_ask_tell(call, asks, n);        // those that failed, on stderr
 *     tr_hosts_asks_destroy(&asks, n);
 */
#ifndef TR_TOOLS_CLUSTER_HOSTS_ASK_H
#define TR_TOOLS_CLUSTER_HOSTS_ASK_H

#include "tools/cluster/apart.h"
#include "tools/cluster/ssh.h"

#define TR_HOSTS_WORDS_MOST 400

typedef struct tr_hosts_ask {
    json_t *host;                               /* borrowed, of `hosts` */
    const char *words[TR_HOSTS_WORDS_MOST + 1]; /* end with NULL */
    size_t count;
    json_t *kept; /* texts that some of the words are */
    int64_t tag;  /* the caller's */
    int rc;       /* as tr_ssh_end, -E2BIG, -EPROTO; 0 also before it is asked */
    tr_error_t error;
    char *out; /* what it said, NULL: nothing */
    tr_ssh_work_t work;
} tr_hosts_ask_t;

/* A command about this host's fleet. */
void tr_hosts_ask_begin(tr_hosts_ask_t *self, const tr_apart_t *apart, json_t *host, const char *verb);
/* A borrowed word. */
void tr_hosts_ask_word(tr_hosts_ask_t *self, const char *word);
/* An option with its text, both borrowed; nothing where that is NULL. */
void tr_hosts_ask_option(tr_hosts_ask_t *self, const char *option, const char *text);
void tr_hosts_ask_format(tr_hosts_ask_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "--timeout TIME" */
void tr_hosts_ask_timeout(tr_hosts_ask_t *self, int64_t timeout_ms);
void tr_hosts_ask_finish(tr_hosts_ask_t *self);
void tr_hosts_asks_destroy(tr_hosts_ask_t **asks, size_t count);

/* Asks them, and waits for all. One that is away may hold up those behind the next seven, until ssh has given it up. */
void tr_hosts_ask_all(const tr_apart_t *apart, tr_hosts_ask_t *asks, size_t count);
/* The same of one. Its rc, and its error. */
int tr_hosts_ask_one(const tr_apart_t *apart, tr_hosts_ask_t *self, tr_error_t *error);
/* What one that was asked with `-o json` has said, a row each, with its "host". Nothing where it failed; -EPROTO where that is none, which is its rc then. */
int tr_hosts_ask_rows(tr_hosts_ask_t *self, json_t *rows);

/* Of two errors (0: none) what the same command again does not mend. */
int tr_hosts_worse(int one, int other);
/* Says of each that failed why. The worst of them, 0 where none did. */
int tr_hosts_ask_tell(const tr_call_t *call, const tr_hosts_ask_t *asks, size_t count);

/* Rows as objects with a member for each column. An exit code. */
int tr_hosts_put(const tr_call_t *call, const tr_column_t *columns, size_t count, const json_t *rows);

#endif
