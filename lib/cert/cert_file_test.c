#include "lib/cert/cert_file.h"

#include "lib/cert/role.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY  "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define HEAD "certificate: ann\nkey: '" KEY "'\n"

static tr_cert_t *parsed(const char *text) {
    tr_cert_t *c = NULL;
    tr_error_t error = {0};
    if (tr_cert_parse(text, strlen(text), "test", NULL, &c, &error) < 0)
        fail_msg("%s", error.text);
    return c;
}

static void a_whole_one_is_read(void **state) {
    (void)state;
    tr_cert_t *c =
        parsed(HEAD "old-key: {key: '" KEY "', until: 2026-02-01T12:00:00Z}\n"
                    "made: 2026-01-31T12:00:00Z\nnot-after: 2027-01-31\nrevoked: 2026-03-01T00:00:01Z\n"
                    "rights:\n  names: [ann, 'ann-*']\n  publish: [news.>]\n  subscribe: '>'\n"
                    "  offer: [digest]\n  ask: ['*']\n  verbs: ['df.*', ams.search]\n"
                    "limits: {messages-per-s: 10, bytes-per-s: 1M, connections: 2, mailbox-bytes: 8M}\n");
    assert_string_equal(c->name, "ann");
    assert_int_equal(c->keys_n, 2);
    assert_int_equal(c->keys[0].until_ms, 0);
    assert_int_equal(c->keys[1].until_ms, 1769947200000);
    assert_int_equal(c->made_ms, 1769860800000);
    assert_int_equal(c->not_after_ms, 1801353600000);
    assert_int_equal(c->revoked_ms, 1772323201000);
    assert_int_equal(c->rights.names.count, 2);
    assert_string_equal(c->rights.names.items[1], "ann-*");
    assert_string_equal(c->rights.subscribe.items[0], ">");
    assert_string_equal(c->rights.verbs.items[0], "df.*");
    assert_int_equal(c->limits.messages_per_s, 10);
    assert_int_equal(c->limits.bytes_per_s, 1 << 20);
    assert_int_equal(c->limits.connections, 2);
    assert_int_equal(c->limits.mailbox_bytes, 8 << 20);
    tr_cert_destroy(&c);
}

static void what_is_not_named_is_not_granted(void **state) {
    (void)state;
    tr_cert_t *c = parsed(HEAD);
    assert_int_equal(c->rights.names.count + c->rights.publish.count + c->rights.subscribe.count +
                         c->rights.offer.count + c->rights.ask.count + c->rights.verbs.count,
        0);
    assert_int_equal(c->not_after_ms, 0);
    tr_cert_destroy(&c);
}

static void what_is_wrong_is_said(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"certificate: ann\n", "missing key \"key\""},
        {"certificate: a/b\nkey: '" KEY "'\n", "expected a name"},
        {"certificate: ann\nkey: short\n", "expected a public key"},
        {"certificate: ann\nkey: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\"'\n", "expected a public key"},
        {HEAD "rights: {name: [a]}\n", "did you mean \"names\""},
        {HEAD "rights: {names: ['a*b']}\n", "rights.names"},
        {HEAD "rights: {publish: ['a..b']}\n", "a topic pattern"},
        {HEAD "not-after: soon\n", "a time such as"},
        {HEAD "old-key: {key: '" KEY "'}\n", "missing key \"until\""},
        {HEAD "limits: {bytes-per-s: much}\n", "a size such as"},
        {HEAD "limits: {connections: -1}\n", "connections"},
        {HEAD "revoked: 2026-01-01T00:00:00Z\nrevoked: 2026-01-01T00:00:00Z\n", "given twice"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_cert_t *c = NULL;
        tr_error_t error = {0};
        assert_int_equal(
            tr_cert_parse(rows[i].text, strlen(rows[i].text), "test", NULL, &c, &error), -EINVAL);
        assert_null(c);
        if (!strstr(error.text, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", error.text, rows[i].says);
    }
}

static void the_file_is_called_as_its_certificate(void **state) {
    (void)state;
    tr_cert_t *c = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_cert_parse(HEAD, strlen(HEAD), "test", "bob", &c, &error), -EINVAL);
    assert_non_null(strstr(error.text, "must be called ann.yaml"));
    assert_int_equal(tr_cert_load("/tmp/none.txt", &c, &error), -EINVAL);
    assert_int_equal(tr_cert_load_named("/tmp", "../etc", &c, &error), -EINVAL);
    assert_null(c);
}

/* What is written is read as it was. */
static void writing_and_reading_agree(void **state) {
    (void)state;
    tr_cert_t *c =
        parsed(HEAD "old-key: {key: '" KEY "', until: 2026-02-01T12:00:00Z}\n"
                    "not-after: 2027-01-31T00:00:00Z\nlimits: {messages-per-s: 10, mailbox-bytes: 3}\n");
    for (int role = 0; role < TR_ROLES; role++)
        assert_int_equal(tr_role_grant(c, (tr_role_t)role), 0);
    char *text = tr_cert_print(c);
    tr_cert_t *again = parsed(text);
    char *twice = tr_cert_print(again);
    assert_string_equal(text, twice);
    assert_int_equal(again->keys[1].until_ms, c->keys[1].until_ms);
    assert_memory_equal(again->keys, c->keys, sizeof c->keys);
    assert_memory_equal(&again->limits, &c->limits, sizeof c->limits);
    assert_int_equal(again->rights.verbs.count, c->rights.verbs.count);
    free(text);
    free(twice);
    tr_cert_destroy(&again);
    tr_cert_destroy(&c);
}

static void a_directory_keeps_them(void **state) {
    (void)state;
    char directory[64] = "/tmp/cert-test-XXXXXX", inner[96], path[PATH_MAX];
    assert_non_null(mkdtemp(directory));
    snprintf(inner, sizeof inner, "%s/certs", directory);
    tr_cert_t *c = parsed(HEAD), *again = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_cert_save(c, inner, &error), 0);
    assert_int_equal(tr_cert_load_named(inner, "ann", &again, &error), 0);
    assert_string_equal(again->name, "ann");
    assert_int_equal(tr_cert_path(inner, "ann", path, &error), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(tr_cert_load_named(inner, "bob", &c, &error), -ENOENT);
    rmdir(inner);
    rmdir(directory);
    tr_cert_destroy(&again);
    tr_cert_destroy(&c);
}

static void roles_grant_what_they_say(void **state) {
    (void)state;
    tr_cert_t *agent = tr_cert_new("ann"), *watcher = tr_cert_new("eye"), *broker = tr_cert_new("broker");
    tr_role_grant(agent, TR_ROLE_AGENT);
    tr_role_grant(watcher, TR_ROLE_WATCHER);
    tr_role_grant(broker, TR_ROLE_BROKER);
    assert_true(tr_right_word(&agent->rights.names, "ann", 3));
    assert_true(tr_right_word(&agent->rights.names, "ann-12", 6));
    assert_false(tr_right_word(&agent->rights.names, "anna", 4));
    assert_false(tr_right_word(&agent->rights.verbs, "ams.quarantine", 14));
    assert_false(tr_right_word(&watcher->rights.verbs, "fleet.down", 10));
    assert_false(tr_right_topic(&watcher->rights.subscribe, "$tap.a.b", 8));
    assert_int_equal(watcher->rights.publish.count, 0);
    assert_int_equal(broker->rights.names.count, 0);
    assert_false(tr_right_word(&broker->rights.verbs, "df.register", 11));
    assert_true(tr_right_word(&broker->rights.verbs, "df.search", 9));
    assert_int_equal(broker->rights.platforms.count, 1);
    assert_string_equal(broker->rights.platforms.items[0], broker->name);
    tr_cert_destroy(&agent);
    tr_cert_destroy(&watcher);
    tr_cert_destroy(&broker);
}

static void times_are_those_of_the_calendar(void **state) {
    (void)state;
    char text[TR_CERT_TIME_TEXT];
    int64_t ms = 0;
    tr_cert_print_time(1769860800999, text);
    assert_string_equal(text, "2026-01-31T12:00:00Z");
    assert_true(tr_cert_parse_time(text, &ms));
    assert_int_equal(ms, 1769860800000);
    assert_false(tr_cert_parse_time("2026-01-31T12:00:00", &ms));
    assert_false(tr_cert_parse_time("2026-13-31", &ms));
    assert_false(tr_cert_parse_time("", &ms));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_one_is_read),
        cmocka_unit_test(what_is_not_named_is_not_granted),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(the_file_is_called_as_its_certificate),
        cmocka_unit_test(writing_and_reading_agree),
        cmocka_unit_test(a_directory_keeps_them),
        cmocka_unit_test(roles_grant_what_they_say),
        cmocka_unit_test(times_are_those_of_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
