#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const tr_event_t LISTENING = {"T001", TR_LOG_INFO, "listening", "It takes links.", "None."};
static const tr_event_t REFUSED = {"T002", TR_LOG_WARN, "link refused", "A | bar.", "Look\nup."};

typedef struct fixture {
    tr_log_t log;
    int pipe[2];
    const char *none; /* NULL, which the compiler does not see */
    char line[16384];
} fixture_t;

static int set_up(void **state) {
    fixture_t *self = calloc(1, sizeof *self);
    *state = self;
    return pipe2(self->pipe, O_NONBLOCK | O_CLOEXEC);
}

static int tear_down(void **state) {
    fixture_t *self = *state;
    close(self->pipe[0]);
    close(self->pipe[1]);
    free(self);
    return 0;
}

static void begin(fixture_t *self, tr_log_format_t format) {
    tr_log_init(&self->log, self->pipe[1], "broker", format, TR_LOG_INFO);
}

/* What was written since, without the time at its start, which is checked for its form. */
static const char *written(fixture_t *self) {
    static const char form[] = "0000-00-00T00:00:00.000Z";
    ssize_t n = read(self->pipe[0], self->line, sizeof self->line - 1);
    self->line[n > 0 ? n : 0] = '\0';
    if (n <= 0)
        return "";
    char *at = self->line;
    if (*at == '{') {
        assert_memory_equal(at, "{\"time\":\"", 9);
        at += 9;
    }
    for (size_t i = 0; form[i]; i++, at++)
        assert_true(form[i] == '0' ? *at >= '0' && *at <= '9' : *at == form[i]);
    return at;
}

static void readable_lines(void **state) {
    fixture_t *self = *state;
    begin(self, TR_LOG_READABLE);
    tr_log(&self->log, &LISTENING, "endpoint=%s links=%zu", "tcp://127.0.0.1:5570", (size_t)12);
    assert_string_equal(
        written(self), " info  broker T001 listening endpoint=tcp://127.0.0.1:5570 links=12\n");
    tr_log_event(&self->log, &REFUSED);
    assert_string_equal(written(self), " warn  broker T002 link refused\n");
    tr_log(&self->log, &REFUSED, "a=%s b=%s c=%s d=%s e=%s", "two words", "", self->none, "k=v", "-");
    assert_string_equal(
        written(self), " warn  broker T002 link refused a=\"two words\" b=\"\" c=- d=\"k=v\" e=\"-\"\n");
}

/* Set where the calling thread is at work with something. */
static bool about(void *arg, tr_log_about_t *ret) {
    const char *conversation = *(const char **)arg;
    ret->trace = conversation ? "4bf92f" : NULL;
    ret->conversation = conversation;
    return conversation != NULL;
}

static void lines_say_what_they_are_about(void **state) {
    fixture_t *self = *state;
    const char *conversation = "talk 7";
    begin(self, TR_LOG_JSON);
    tr_log_set_about(&self->log, about, &conversation);
    tr_log(&self->log, &LISTENING, "links=%d", 1);
    assert_non_null(
        strstr(written(self), ",\"links\":1,\"trace\":\"4bf92f\",\"conversation\":\"talk 7\"}\n"));
    tr_log_event(&self->log, &LISTENING);
    assert_non_null(strstr(written(self), ",\"trace\":\"4bf92f\",\"conversation\":\"talk 7\"}\n"));
    tr_log(&self->log, &LISTENING, "trace=%s", "another");
    assert_non_null(strstr(written(self), "\"message\":\"listening\",\"trace\":\"another\"}\n"));
    conversation = NULL;
    tr_log(&self->log, &LISTENING, "links=%d", 1);
    assert_non_null(strstr(written(self), ",\"links\":1}\n"));
}

static void json_lines_are_typed(void **state) {
    fixture_t *self = *state;
    begin(self, TR_LOG_JSON);
    tr_log(&self->log, &LISTENING, "s=%s i=%d u=%" PRIu64 " x=%x f=%.2f nan=%g none=%s part=%.*s", "a\"b\\c",
        -7, UINT64_MAX, 0xbeefU, 1.0 / 3, (double)NAN, self->none, 3, "abcdef");
    assert_string_equal(written(self),
        "\",\"level\":\"info\",\"component\":\"broker\",\"event\":\"T001\",\"message\":\"listening\",\"s\":"
        "\"a\\\"b"
        "\\\\c\",\"i\":-7,\"u\":18446744073709551615,\"x\":\"beef\",\"f\":0.33,\"nan\":null,\"none\":null,"
        "\"part\":\"abc\"}\n");
    tr_log(&self->log, &LISTENING, "a=%hhd b=%hu c=%ld d=%lld e=%zd f=%jd g=%td", (signed char)-1,
        (unsigned short)65535, LONG_MIN, 5LL, (ssize_t)-2, (intmax_t)3, (ptrdiff_t)-4);
    assert_non_null(strstr(written(self),
        "\"a\":-1,\"b\":65535,\"c\":-9223372036854775808,\"d\":5,\"e\":-2,\"f\":3,\"g\":-4}\n"));
}

static void any_bytes_are_safe(void **state) {
    fixture_t *self = *state;
    begin(self, TR_LOG_JSON);
    tr_log(&self->log, &LISTENING, "v=%s", "a\n\t\r\x1b[31m\x7f");
    assert_non_null(strstr(written(self), "\"v\":\"a\\n\\t\\r\\u001b[31m\\u007f\"}\n"));
    tr_log(&self->log, &LISTENING, "v=%s", "ok é € 😀");
    assert_non_null(strstr(written(self), "\"v\":\"ok é € 😀\"}\n"));
    /* A lone continuation, an overlong slash, a surrogate, a cut sequence. */
    tr_log(&self->log, &LISTENING, "v=%s", "\x80 \xc0\xaf \xed\xa0\x80 \xe2\x82");
    assert_non_null(
        strstr(written(self), "\"v\":\"\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd"
                              "\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\"}\n"));
    /* C1 controls and the override of the direction of text. */
    begin(self, TR_LOG_READABLE);
    tr_log(&self->log, &LISTENING, "v=%s",
        "\xc2\x9b"
        "31m \xe2\x80\xae");
    assert_non_null(strstr(written(self), " v=\"\\u009b31m \\u202e\"\n"));
}

static void lines_are_bounded(void **state) {
    fixture_t *self = *state;
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    begin(self, TR_LOG_JSON);
    tr_log(&self->log, &LISTENING, "v=%s n=%d", text, 1);
    const char *line = written(self);
    assert_non_null(strstr(line, "aaa…\",\"n\":1}\n"));
    tr_log(&self->log, &LISTENING, "a=%s b=%s c=%s d=%s e=%d", text, text, text, text, 5);
    line = written(self);
    assert_true(strlen(self->line) <= 4096);
    assert_null(strstr(line, "\"d\":"));
    assert_non_null(strstr(line, "…\",\"e\":5,\"truncated\":true}\n"));
    /* Each byte becomes six: the field does not fit and is left out as a whole. */
    memset(text, '\x01', sizeof text - 1);
    tr_log(&self->log, &LISTENING, "a=%s b=%d", text, 2);
    assert_non_null(strstr(written(self), "\"listening\",\"b\":2,\"truncated\":true}\n"));
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void bad_formats_are_told(void **state) {
    static const char *const bad[] = {"plain", "A=%d", "a=1", "a=%d,", "a=%5d", "a=%p", "a=%", "time=%d",
        "=%d", "a=%lf", "a=%.2d", "a=%c", "a=%n"};
    fixture_t *self = *state;
    begin(self, TR_LOG_JSON);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tr_log(&self->log, &LISTENING, bad[i], 1);
        assert_non_null(strstr(written(self), "\"listening\",\"format\":\"bad\"}\n"));
    }
    const char *late = " good=%d  bad=%p";
    tr_log(&self->log, &LISTENING, late, 1, NULL);
    assert_non_null(strstr(written(self), "\"good\":1,\"format\":\"bad\"}\n"));
}
#pragma GCC diagnostic pop

static void levels(void **state) {
    static const tr_event_t detail = {"T003", TR_LOG_DEBUG, "detail", "-", "-"};
    fixture_t *self = *state;
    begin(self, TR_LOG_READABLE);
    tr_log(&self->log, &detail, "n=%d", 1);
    assert_string_equal(written(self), "");
    tr_log_set_level(&self->log, TR_LOG_DEBUG);
    tr_log(&self->log, &detail, "n=%d", 1);
    assert_string_equal(written(self), " debug broker T003 detail n=1\n");
    tr_log_set_level(&self->log, TR_LOG_ERROR);
    assert_false(tr_log_enabled(&self->log, &REFUSED));
    tr_log(NULL, &REFUSED, "n=%d", 1);
    tr_log_event(NULL, &REFUSED);
}

static void lost_lines_are_counted(void **state) {
    fixture_t *self = *state;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    begin(self, TR_LOG_READABLE);
    errno = E2BIG;
    for (int i = 0; i < 100; i++)
        tr_log(&self->log, &LISTENING, "text=%s", text);
    assert_true(tr_log_lost(&self->log) > 0 && tr_log_lost(&self->log) < 100);
    assert_int_equal(errno, E2BIG);
}

static void catalogue(void **state) {
    (void)state;
    const tr_event_t events[] = {LISTENING, REFUSED};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(tr_events_print(events, 2, out), 0);
    fclose(out);
    assert_string_equal(text, "| Event | Level | Message | Meaning | What to do |\n"
                              "|---|---|---|---|---|\n"
                              "| T001 | info | listening | It takes links. | None. |\n"
                              "| T002 | warn | link refused | A \\| bar. | Look up. |\n");
    free(text);
}

static void bad_catalogues(void **state) {
    (void)state;
    tr_error_t error;
    const tr_event_t good[] = {LISTENING, REFUSED}, twice[] = {LISTENING, REFUSED, LISTENING};
    const tr_event_t no_cure = {"T009", TR_LOG_INFO, "x", "y", ""},
                     bad_id = {"t1", TR_LOG_INFO, "x", "y", "z"};
    assert_int_equal(tr_events_check(good, 2, &error), 0);
    assert_int_equal(tr_events_check(twice, 3, &error), -EINVAL);
    assert_string_equal(error.text, "event T001: the id is given twice");
    assert_int_equal(tr_events_check(&no_cure, 1, &error), -EINVAL);
    assert_int_equal(tr_events_check(&bad_id, 1, &error), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(readable_lines),
        TEST(lines_say_what_they_are_about),
        TEST(json_lines_are_typed),
        TEST(any_bytes_are_safe),
        TEST(lines_are_bounded),
        TEST(bad_formats_are_told),
        TEST(levels),
        TEST(lost_lines_are_counted),
        TEST(catalogue),
        TEST(bad_catalogues),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
