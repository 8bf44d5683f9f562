/* The PostgreSQL journal against a server of the test's own. */
#include "lib/store/journal_conformance.h"
#include "tests/50-journal/batches.h"
#include "tests/50-journal/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct server {
    postgres_t postgres;
    tr_journal_postgres_options_t options;
} server_t;

static int open_on(void *place, tr_journal_t **ret_journal, tr_error_t *error) {
    return tr_journal_open_postgres(&((server_t *)place)->options, ret_journal, error);
}

static tr_journal_t *open_server(server_t *s) {
    return open_store(&(subject_t){.open = open_on, .place = s});
}

static tr_journal_t *open_empty(server_t *s) {
    return open_empty_store(&(subject_t){.open = open_on, .place = s});
}

static void sql(server_t *s, const char *text) {
    postgres_sql(&s->postgres, text, NULL, 0);
}

static void expect_refused(
    server_t *s, const tr_journal_postgres_options_t *options, int code, const char *word) {
    tr_journal_t *j = NULL;
    tr_error_t error = {0};
    tr_journal_postgres_options_t with_module = *options;
    with_module.module = s->options.module;
    assert_int_equal(tr_journal_open_postgres(&with_module, &j, &error), code);
    assert_null(j);
    if (!strstr(error.text, word))
        fail_msg("\"%s\" does not say \"%s\"", error.text, word);
    assert_null(strstr(error.text, "secret"));
}

static void what_cannot_be_is_refused(void **state) {
    server_t *s = *state;
    tr_journal_postgres_options_t o = {.conninfo = s->options.conninfo, .table = "a;drop"};
    expect_refused(s, &o, -EINVAL, "no table's name");
    o.table = "1st";
    expect_refused(s, &o, -EINVAL, "no table's name");
    o = (tr_journal_postgres_options_t){.conninfo = "nonsense"};
    expect_refused(s, &o, -EINVAL, "no connection string");
    o.conninfo = "host=/nowhere dbname=postgres";
    expect_refused(s, &o, -ENOTCONN, "/nowhere");
    o = (tr_journal_postgres_options_t){.conninfo = s->options.conninfo, .table = "nowhere.journal"};
    expect_refused(s, &o, -EIO, "nowhere");
    sql(s, "CREATE TABLE IF NOT EXISTS other (key bytea, value bytea)");
    o.table = "other";
    expect_refused(s, &o, -EINVAL, "no journal");
    sql(s, "INSERT INTO other VALUES ('', 'troupe journal 99')");
    expect_refused(s, &o, -EINVAL, "troupe journal 99");
}

static void no_password_is_taken_from_an_option(void **state) {
    server_t *s = *state;
    tr_journal_postgres_options_t o = {.conninfo = "host=localhost password=secret"};
    expect_refused(s, &o, -EINVAL, "no password");
    o.conninfo = "postgresql://user:secret@localhost/db";
    expect_refused(s, &o, -EINVAL, "no password");
    o.conninfo = "postgresql://user:secret@[::1/db";
    expect_refused(s, &o, -EINVAL, "no connection string");
}

static void write_file(const char *path, const char *text, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void a_file_may_hold_it(void **state) {
    server_t *s = *state;
    char path[96], text[256];
    snprintf(path, sizeof path, "%s/conninfo", s->postgres.directory);
    snprintf(text, sizeof text, "%s password=secret\nignored\n", s->options.conninfo);
    tr_journal_postgres_options_t o = {
        .conninfo_file = path, .table = "from_file", .module = s->options.module};
    write_file(path, text, 0644);
    expect_refused(s, &o, -EACCES, "chmod 600");
    write_file(path, "host=localhost secret\n", 0600);
    expect_refused(s, &o, -EINVAL, "no connection string");
    write_file(path, text, 0600);
    tr_journal_t *j = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_journal_open_postgres(&o, &j, &error), 0);
    WRITE(j, true, put("a", "1"));
    assert_holds(j, "a=1 ");
    tr_journal_close(&j);
    assert_int_equal(unlink(path), 0);
    expect_refused(s, &o, -ENOENT, path);
}

static void who_has_the_table_is_said(void **state) {
    server_t *s = *state;
    tr_journal_t *j = open_empty(s), *other = NULL;
    tr_error_t error = {0};
    expect_refused(s, &s->options, -EBUSY, "in use by troupe (local), server process");
    tr_journal_postgres_options_t o = s->options;
    o.table = "another_table";
    assert_int_equal(tr_journal_open_postgres(&o, &other, &error), 0);
    tr_journal_close(&other);
    tr_journal_close(&j);
}

/* Ends the journal's session, as a network does that drops it. */
static void cut_sessions(server_t *s) {
    sql(s, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'troupe'");
}

static void a_lost_connection_comes_back(void **state) {
    server_t *s = *state;
    tr_journal_t *j = open_empty(s);
    for (int i = 0; i < 5; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        WRITE(j, i % 2, put(key, "1"));
        cut_sessions(s);
    }
    assert_holds(j, "k0=1 k1=1 k2=1 k3=1 k4=1 ");
    cut_sessions(s);
    write_ops(j, NULL, 0, true);
    cut_sessions(s);
    WRITE(j, true, del("k0"));
    assert_holds(j, "k1=1 k2=1 k3=1 k4=1 ");
    tr_journal_close(&j);
}

/* Cuts the session in the middle of a scan, and lets it go on. */
typedef struct cutter {
    server_t *server;
    unsigned n, cuts;
} cutter_t;

static bool cut_at_times(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    cutter_t *c = arg;
    char expected[8];
    snprintf(expected, sizeof expected, "%05u", c->n++);
    assert_int_equal(key_len, 5);
    assert_memory_equal(key, expected, 5);
    assert_int_equal(value_len, 20000);
    (void)value;
    if (c->n % 90 == 0) {
        cut_sessions(c->server);
        c->cuts++;
    }
    return true;
}

static void a_scan_goes_on_where_it_was(void **state) {
    enum { N = 400, LEN = 20000 };
    server_t *s = *state;
    char *value = malloc(LEN + 1), key[8];
    tr_journal_t *j = open_empty(s);
    tr_error_t error = {0};
    cutter_t cutter = {.server = s};
    memset(value, 'v', LEN);
    value[LEN] = 0;
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "%05d", i);
        WRITE(j, i == N - 1, put(key, value));
    }
    if (tr_journal_scan(j, &(tr_journal_range_t){0}, 0, cut_at_times, &cutter, &error) != 0)
        fail_msg("cannot scan: %s", error.text);
    assert_int_equal(cutter.n, N);
    assert_int_equal(cutter.cuts, 4);
    tr_journal_close(&j);
    free(value);
}

/* What was committed without waiting may be lost with the server, but not where a later sync has covered it. */
static void a_crashed_server_loses_nothing_that_was_synced(void **state) {
    server_t *s = *state;
    tr_journal_t *j = open_empty(s);
    char expected[4096] = "", key[8];
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "k%03d", i);
        WRITE(j, false, put(key, "1"));
        strcat(strcat(expected, key), "=1 ");
        if (i % 33 == 20) {
            postgres_crash(&s->postgres);
            postgres_start(&s->postgres);
        }
    }
    postgres_crash(&s->postgres);
    postgres_start(&s->postgres);
    write_ops(j, NULL, 0, true);
    postgres_crash(&s->postgres);
    postgres_start(&s->postgres);
    assert_holds(j, expected);
    tr_journal_close(&j);
}

static void patience_has_an_end(void **state) {
    server_t *s = *state;
    tr_journal_t *j = open_empty(s);
    tr_error_t error = {0};
    tr_journal_close(&j);
    tr_journal_postgres_options_t o = s->options;
    o.patience_ms = 500;
    assert_int_equal(tr_journal_open_postgres(&o, &j, &error), 0);
    WRITE(j, true, put("a", "1"));
    postgres_crash(&s->postgres);
    tr_journal_op_t op = put("b", "2");
    assert_int_equal(tr_journal_write(j, &op, 1, true, &error), -ENOTCONN);
    assert_non_null(strstr(error.text, "did not come back"));
    assert_true(tr_journal_failed(j));
    assert_int_equal(tr_journal_write(j, &op, 1, true, &error), -EIO);
    postgres_start(&s->postgres);
    tr_journal_close(&j);
    j = open_server(s);
    assert_holds(j, "a=1 ");
    tr_journal_close(&j);
}

static void a_table_that_went_is_an_error(void **state) {
    server_t *s = *state;
    tr_error_t error = {0};
    tr_journal_op_t op = put("b", "2");
    static const char *const ways[][2] = {
        {"DROP TABLE troupe_journal", "dropped"},
        {"ALTER TABLE troupe_journal RENAME TO gone; CREATE TABLE troupe_journal (LIKE gone); DROP TABLE "
         "gone",
            "replaced"},
    };
    for (size_t i = 0; i < 2; i++) {
        tr_journal_t *j = open_empty(s);
        WRITE(j, true, put("a", "1"));
        cut_sessions(s);
        sql(s, ways[i][0]);
        assert_int_equal(tr_journal_write(j, &op, 1, true, &error), -EIO);
        assert_non_null(strstr(error.text, ways[i][1]));
        assert_true(tr_journal_failed(j));
        tr_journal_close(&j);
        sql(s, "DROP TABLE IF EXISTS troupe_journal");
    }
}

static void a_statement_that_fails_fails_the_batch(void **state) {
    server_t *s = *state;
    tr_journal_t *j = open_empty(s);
    tr_error_t error = {0};
    sql(s, "ALTER TABLE troupe_journal ADD CONSTRAINT small CHECK (length(value) < 1000)");
    WRITE(j, true, put("a", "1"));
    char large[2000];
    memset(large, 'l', sizeof large);
    tr_journal_op_t ops[] = {put("b", "2"),
        {.type = TR_JOURNAL_PUT, .key = "c", .key_len = 1, .value = large, .value_len = sizeof large},
        del("a")};
    assert_int_equal(tr_journal_write(j, ops, 3, true, &error), -EIO);
    assert_non_null(strstr(error.text, "small"));
    tr_journal_close(&j);
    sql(s, "ALTER TABLE troupe_journal DROP CONSTRAINT small");
    j = open_server(s);
    assert_holds(j, "a=1 ");
    tr_journal_close(&j);
}

/* More results than socket buffers hold, while more is sent than they hold. */
static void a_large_batch_does_not_jam(void **state) {
    enum { N = 20000 };
    server_t *s = *state;
    tr_journal_t *j = open_empty(s);
    tr_journal_op_t *ops = calloc(N, sizeof *ops);
    char(*keys)[8] = calloc(N, sizeof *keys), value[400];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < N; i++) {
        snprintf(keys[i], sizeof keys[i], "%05d", i);
        ops[i] = (tr_journal_op_t){
            .type = TR_JOURNAL_PUT, .key = keys[i], .key_len = 5, .value = value, .value_len = sizeof value};
    }
    write_ops(j, ops, N, true);
    char count[32];
    postgres_sql(&s->postgres, "SELECT count(*) FROM troupe_journal", count, sizeof count);
    assert_string_equal(count, "20001"); /* and the version */
    WRITE(j, true, del_range("0", "9"));
    assert_holds(j, "");
    tr_journal_close(&j);
    free(keys);
    free(ops);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(no_password_is_taken_from_an_option),
        cmocka_unit_test(a_file_may_hold_it),
        cmocka_unit_test(who_has_the_table_is_said),
        cmocka_unit_test(a_lost_connection_comes_back),
        cmocka_unit_test(a_scan_goes_on_where_it_was),
        cmocka_unit_test(a_crashed_server_loses_nothing_that_was_synced),
        cmocka_unit_test(patience_has_an_end),
        cmocka_unit_test(a_table_that_went_is_an_error),
        cmocka_unit_test(a_statement_that_fails_fails_the_batch),
        cmocka_unit_test(a_large_batch_does_not_jam),
    };
    server_t server;
    if (!postgres_find(&server.postgres)) {
        printf("skipped: PostgreSQL is not installed (tools/setup --check installs it)\n");
        return 77;
    }
    postgres_new(&server.postgres);
    server.options = (tr_journal_postgres_options_t){
        .conninfo = server.postgres.conninfo, .module = getenv("JOURNAL_POSTGRES")};
    int failed = journal_conformance(
        "the PostgreSQL journal conforms", &(subject_t){.open = open_on, .place = &server});
    struct CMUnitTest with_state[sizeof tests / sizeof *tests];
    memcpy(with_state, tests, sizeof tests);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        with_state[i].initial_state = &server;
    failed += cmocka_run_group_tests_name("the PostgreSQL journal", with_state, NULL, NULL);
    postgres_finish(&server.postgres);
    return failed;
}
