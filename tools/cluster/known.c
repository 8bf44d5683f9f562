#include "tools/cluster/known.h"

#include "lib/base/clock.h"
#include "proto/content.h"
#include "tools/cli/session.h"
#include "tools/verbs/certs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_US   300000
#define ANSWER_MS 5000 /* one of them, each time: a link may be down that was just up */
#define LIST_MAX  512

/* What one look has found. */
typedef struct look {
    size_t known;
    char missing[LIST_MAX]; /* "office-1 (has not read it yet), ..." */
} look_t;

static void miss(look_t *look, const char *who, const char *why) {
    size_t len = strlen(look->missing);
    if (LIST_MAX - len > 4)
        snprintf(look->missing + len, LIST_MAX - len, "%s%s (%s)", len ? ", " : "", who, why);
}

/* ---- the mark ---- */

int tr_known_mark(
    const tr_call_t *call, const char *directory, char out[TR_CERT_MARK_TEXT], tr_error_t *error) {
    tr_cert_list_t list = {0};
    if (tr_certs_list(call, directory, &list) != TR_EXIT_OK)
        return tr_error_set(error, -EIO, "%s cannot be read", directory);
    tr_cert_book_t *book = tr_cert_book_new(list.items, list.count);
    if (book)
        tr_cert_book_mark(book, out);
    tr_cert_book_release(&book);
    int rc = *out ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    tr_certs_list_finish(&list);
    return rc;
}

/* ---- one look ---- */

/* What is wrong with an answer, or NULL. */
static const char *judge(const char *wanted, const tr_message_t *answer) {
    char mark[TR_CERT_MARK_TEXT] = "";
    if (tr_message_type(answer) == TR_MESSAGE_FAILED || tr_message_performative(answer) != TR_INFORM ||
        !tr_value_is_map(tr_message_value(answer)))
        return "cannot be asked: is it running, and linked with the others?";
    if (tr_value_copy(tr_value_get(tr_message_value(answer), "certificates"), mark, sizeof mark) < 0)
        return "does not say what it has read: it is older than this program";
    return strcmp(mark, wanted) == 0 ? NULL : "has not read them yet";
}

static int ask_one(
    tr_cli_session_t *session, const char *platform, const char *wanted, const char **ret_why) {
    char name[TR_AID_MAX + 1];
    const char *ams = name;
    tr_content_writer_t request;
    tr_message_t *answer = NULL;
    tr_acl_t message = {.performative = TR_REQUEST,
        .receivers = {.items = &ams, .count = 1},
        .ontology = "fipa-agent-management",
        .protocol = "fipa-request"};
    int code = TR_EXIT_REFUSED;
    snprintf(name, sizeof name, *platform ? "ams@%s" : "ams", platform);
    tr_content_writer_init(&request);
    tr_write_map(&request, 1);
    tr_write_kv(&request, "action", "get-description");
    tr_cli_session_renew(session);
    if (tr_content_writer_take(&request, &message.content, &message.content_len) == 0)
        code = tr_cli_ask(session, &message, &answer);
    tr_content_writer_finish(&request);
    *ret_why = code == TR_EXIT_OK ? judge(wanted, answer) : "does not answer";
    tr_message_done(&answer);
    return code >= TR_EXIT_SIGNAL ? code : TR_EXIT_OK;
}

static int ask_all(const tr_known_t *k, tr_cli_session_t *session, look_t *look) {
    int code = TR_EXIT_OK;
    const char *platform;
    json_t *mark;
    json_object_foreach((json_t *)(uintptr_t)k->wanted, platform, mark) {
        const char *why = NULL;
        if (code != TR_EXIT_OK)
            break;
        code = ask_one(session, platform, json_string_value(mark), &why);
        if (why)
            miss(look, *platform ? platform : "the broker", why);
        else
            look->known++;
    }
    return code;
}

/* The session is a new one each time: the old key may be what ends it. */
static int look_once(const tr_known_t *k, look_t *look) {
    tr_cli_common_t common = *k->common;
    tr_cli_session_config_t config = {.call = k->call, .common = &common, .quiet = true};
    tr_cli_session_t *session = NULL;
    if (common.timeout_ms > ANSWER_MS)
        common.timeout_ms = ANSWER_MS;
    int code = tr_cli_session_open(&config, &session);
    if (code == TR_EXIT_OK)
        code = ask_all(k, session, look);
    else if (code < TR_EXIT_SIGNAL) {
        miss(look, "the fleet", "none of its brokers lets the operator's key in");
        code = TR_EXIT_OK;
    }
    tr_cli_session_close(&session);
    return code;
}

/* ---- the whole ---- */

static void tell(const tr_known_t *k, const look_t *look, size_t all) {
    fprintf(k->call->err, "troupe %s: brokers that have read the certificates: %zu of %zu%s%s\n",
        k->call->verb->name, look->known, all, *look->missing ? "; not yet: " : "", look->missing);
    fflush(k->call->err);
}

int tr_known_wait(const tr_known_t *self) {
    int64_t until_ms = tr_clock_ms() + self->common->timeout_ms;
    size_t all = json_object_size(self->wanted);
    char told[LIST_MAX] = "-";
    for (;;) {
        look_t look = {0};
        int code = look_once(self, &look);
        if (code != TR_EXIT_OK)
            return code;
        if (strcmp(told, look.missing) != 0)
            tell(self, &look, all);
        strcpy(told, look.missing);
        if (look.known == all)
            return TR_EXIT_OK;
        if (tr_clock_ms() >= until_ms)
            return tr_cli_fail(self->call, TR_EXIT_TIMEOUT, "%zu of %zu brokers know it in time; not %s: %s",
                look.known, all, look.missing, self->otherwise);
        usleep(LOOK_US);
    }
}
