#include "lib/base/log.h"
#include "lib/base/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct conf {
    const char *listen;
    const char *token;
    int64_t links;
    int64_t lease_ms;
    size_t queue;
    bool insecure;
    bool stream;
    int log_level, log_format;
    tr_strings_t peers;
} conf_t;

static const tr_option_t table[] = {
    {"listen", 'l', "ENDPOINT", TR_STRING(conf_t, listen), "tcp://127.0.0.1:5570", "Where links connect."},
    {"token", 0, "TEXT", TR_STRING(conf_t, token), NULL, "A token.",
        .flags = TR_OPTION_SECRET | TR_OPTION_FLAG_ONLY},
    {"links", 'n', "N", TR_INT(conf_t, links), "9000", "Most links.", .min = 1, .max = 100000},
    {"lease", 0, "TIME", TR_DURATION(conf_t, lease_ms), "3s", "A silent process is dead then.", .min = 100},
    {"queue", 'q', "SIZE", TR_SIZE(conf_t, queue), "16M", "Bytes queued for one link.", .min = 4096,
        .max = 1 << 30},
    {"insecure", 'i', NULL, TR_BOOL(conf_t, insecure), NULL, "Allow TCP beyond loopback."},
    {"stream", 's', NULL, TR_BOOL(conf_t, stream), "true", "Offer the topic stream."},
    {"peer", 'p', "ENDPOINT", TR_LIST(conf_t, peers), NULL, "Another broker. May be repeated.", .max = 3},
    TR_LOG_OPTIONS(conf_t),
};

static const tr_program_t program = {
    .name = "testd",
    .summary = "Test the options",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TR_TESTD",
    .arguments = "FROM TO...",
    .most_arguments = 3,
    .has_file = true,
};

#define ARGS(...) ((const char *[]){"testd", __VA_ARGS__, NULL})

typedef struct fixture {
    conf_t conf;
    tr_options_t *options;
    tr_error_t error;
    char path[64];
} fixture_t;

static int set_up(void **state) {
    fixture_t *self = calloc(1, sizeof *self);
    strcpy(self->path, "/tmp/options_test_XXXXXX");
    int fd = mkstemp(self->path);
    close(fd);
    *state = self;
    return fd < 0;
}

static int tear_down(void **state) {
    fixture_t *self = *state;
    tr_options_destroy(&self->options);
    tr_options_destroy(&self->options);
    unlink(self->path);
    free(self);
    unsetenv("TR_TESTD_LINKS");
    unsetenv("TR_TESTD_PEER");
    unsetenv("TR_TESTD_CONFIG");
    unsetenv("TR_TESTD_TOKEN");
    unsetenv("TR_TESTD_LOG_LEVEL");
    return 0;
}

static int read_with(fixture_t *self, const tr_program_t *what, const char **argv) {
    int argc = 0;
    while (argv[argc])
        argc++;
    tr_options_destroy(&self->options);
    return tr_options_read(what, argc, (char *const *)argv, &self->conf, &self->options, &self->error);
}

static int read_args(fixture_t *self, const char **argv) {
    return read_with(self, &program, argv);
}

static void write_file(fixture_t *self, const char *text) {
    FILE *file = fopen(self->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The error for a file of this text, without the path before it. */
static const char *file_error(fixture_t *self, const char *text) {
    write_file(self, text);
    assert_true(read_args(self, ARGS("--config", self->path)) < 0);
    size_t len = strlen(self->path);
    assert_memory_equal(self->error.text, self->path, len);
    return self->error.text + len;
}

static void defaults(void **state) {
    fixture_t *self = *state;
    assert_int_equal(read_args(self, (const char *[]){"testd", NULL}), TR_OPTIONS_RUN);
    assert_string_equal(self->conf.listen, "tcp://127.0.0.1:5570");
    assert_null(self->conf.token);
    assert_int_equal(self->conf.links, 9000);
    assert_int_equal(self->conf.lease_ms, 3000);
    assert_int_equal(self->conf.queue, 16 << 20);
    assert_false(self->conf.insecure);
    assert_true(self->conf.stream);
    assert_int_equal(self->conf.peers.count, 0);
    assert_null(self->conf.peers.items[0]);
    assert_int_equal(self->conf.log_level, TR_LOG_INFO);
    assert_int_equal(self->conf.log_format, TR_LOG_READABLE);
    assert_int_equal(tr_options_arguments(self->options).count, 0);
    assert_null(tr_options_file(self->options));
}

static void flags_in_all_forms(void **state) {
    fixture_t *self = *state;
    const char *argv[] = {"testd", "--listen=ipc://x", "-n5", "-q", "64K", "-is", "--lease", "250ms",
        "--no-stream", "a", "--peer", "x,y", "-p=z", "--log-level", "debug", "--", "--b", NULL};
    assert_int_equal(read_args(self, argv), TR_OPTIONS_RUN);
    assert_string_equal(self->conf.listen, "ipc://x");
    assert_int_equal(self->conf.links, 5);
    assert_int_equal(self->conf.queue, 65536);
    assert_int_equal(self->conf.lease_ms, 250);
    assert_true(self->conf.insecure);
    assert_false(self->conf.stream);
    assert_int_equal(self->conf.peers.count, 2);
    assert_string_equal(self->conf.peers.items[0], "x,y");
    assert_string_equal(self->conf.peers.items[1], "z");
    assert_int_equal(self->conf.log_level, TR_LOG_DEBUG);
    tr_strings_t arguments = tr_options_arguments(self->options);
    assert_int_equal(arguments.count, 2);
    assert_string_equal(arguments.items[0], "a");
    assert_string_equal(arguments.items[1], "--b");
    assert_int_equal(tr_options_source(self->options, "links"), TR_SOURCE_FLAG);
    assert_int_equal(tr_options_source(self->options, "log-format"), TR_SOURCE_DEFAULT);
}

static void precedence(void **state) {
    fixture_t *self = *state;
    write_file(self, "links: 1\nlease: 1s\nqueue: 8K\npeer: [a, b]\n");
    assert_int_equal(read_args(self, ARGS("--config", self->path)), 0);
    assert_int_equal(self->conf.links, 1);
    assert_int_equal(self->conf.peers.count, 2);
    assert_string_equal(tr_options_file(self->options), self->path);

    setenv("TR_TESTD_LINKS", "2", 1);
    setenv("TR_TESTD_PEER", "c,d,e", 1);
    setenv("TR_TESTD_CONFIG", self->path, 1);
    setenv("TR_TESTD_LOG_LEVEL", "", 1);
    assert_int_equal(read_args(self, (const char *[]){"testd", NULL}), 0);
    assert_int_equal(self->conf.links, 2);
    assert_int_equal(self->conf.lease_ms, 1000);
    assert_int_equal(self->conf.peers.count, 3);
    assert_string_equal(self->conf.peers.items[2], "e");
    assert_int_equal(self->conf.log_level, TR_LOG_INFO);
    assert_int_equal(tr_options_source(self->options, "links"), TR_SOURCE_ENVIRONMENT);
    assert_int_equal(tr_options_source(self->options, "queue"), TR_SOURCE_FILE);

    assert_int_equal(read_args(self, ARGS("--links", "3", "--peer", "f", "--links", "4")), 0);
    assert_int_equal(self->conf.links, 4);
    assert_int_equal(self->conf.peers.count, 1);
    assert_string_equal(self->conf.peers.items[0], "f");
}

static void bad_flags(void **state) {
    static const struct {
        const char *argv[5];
        const char *text;
    } bad[] = {
        {{"testd", "--lisen", "x"}, "unknown option --lisen; did you mean --listen?"},
        {{"testd", "--lisen=x"}, "unknown option --lisen; did you mean --listen?"},
        {{"testd", "--no-insecrue"}, "unknown option --no-insecrue; did you mean --no-insecure?"},
        {{"testd", "--no-links"}, "unknown option --no-links; see testd --help"},
        {{"testd", "--hepl"}, "unknown option --hepl; did you mean --help?"},
        {{"testd", "--zzz"}, "unknown option --zzz; see testd --help"},
        {{"testd", "-z"}, "unknown option -z; see testd --help"},
        {{"testd", "-iz"}, "unknown option -z; see testd --help"},
        {{"testd", "--listen"}, "--listen needs a value: --listen ENDPOINT"},
        {{"testd", "-n"}, "-n needs a value: -n N"},
        {{"testd", "--links", "many"}, "--links: \"many\" is not a whole number"},
        {{"testd", "--links=0"}, "--links: 0 is out of range: expected 1 to 100000"},
        {{"testd", "-n100001"}, "-n: 100001 is out of range: expected 1 to 100000"},
        {{"testd", "--lease", "99ms"}, "--lease: 99ms is too short: expected at least 100ms"},
        {{"testd", "--queue", "1K"},
            "--queue: 1024 bytes is out of range: expected 4096 to 1073741824 bytes"},
        {{"testd", "--insecure=maybe"}, "--insecure: \"maybe\" is not a switch: expected true or false"},
        {{"testd", "--log-format", "jsn"},
            "--log-format: \"jsn\" is not one of readable, json; did you mean json?"},
        {{"testd", "-pa", "-pb", "-pc", "-pd"}, "-p: too many: expected at most 3"},
        {{"testd", "a", "b", "c", "d"}, "unexpected argument \"d\": expected at most 3 (FROM TO...)"},
        {{"testd", "--config", "/nonexistent"}, "cannot read /nonexistent: No such file or directory"},
        {{"testd", "--config", "/dev/null"}, "cannot read /dev/null: it is not a file"},
    };
    fixture_t *self = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *argv[6] = {0};
        memcpy(argv, bad[i].argv, sizeof bad[i].argv);
        memset(&self->conf, 0x5a, sizeof self->conf);
        conf_t before = self->conf;
        assert_true(read_args(self, argv) < 0);
        assert_string_equal(self->error.text, bad[i].text);
        assert_null(self->options);
        assert_memory_equal(&before, &self->conf, sizeof before);
    }
}

static void bad_environment(void **state) {
    fixture_t *self = *state;
    setenv("TR_TESTD_LINKS", "x", 1);
    assert_int_equal(read_args(self, (const char *[]){"testd", NULL}), -EINVAL);
    assert_string_equal(self->error.text, "TR_TESTD_LINKS: \"x\" is not a whole number");
    /* A wrong value is told even where a flag wins over it. */
    assert_int_equal(read_args(self, ARGS("--links", "1")), -EINVAL);
    setenv("TR_TESTD_LINKS", "1", 1);
    setenv("TR_TESTD_TOKEN", "secret", 1);
    assert_int_equal(read_args(self, (const char *[]){"testd", NULL}), 0);
    assert_null(self->conf.token);
}

static void bad_files(void **state) {
    static const struct {
        const char *file, *text;
    } bad[] = {
        {"# x\n\nlinks: many\n", ":3: links: \"many\" is not a whole number"},
        {"lisen: x\n", ":1: lisen: unknown key; did you mean listen?"},
        {"log_level: info\n", ":1: log_level: unknown key; did you mean log-level?"},
        {"zzz: x\n", ":1: zzz: unknown key"},
        {"token: x\n", ":1: token: cannot stand in a file: give --token"},
        {"links: 1\nlinks: 2\n", ":2: links: the key is given twice"},
        {"links: [1, 2]\n", ":1: links: expected N, found a list"},
        {"links:\n  a: 1\n", ":1: links: expected N, found a mapping"},
        {"links:\n", ":1: links: expected N, found nothing"},
        {"insecure: ~\n", ":1: insecure: expected true or false, found nothing"},
        {"peer: [a,\n  [b]]\n", ":2: peer: expected ENDPOINT or a list of it, found a list"},
        {"peer: [a, b, c, d]\n", ":1: peer: too many: expected at most 3"},
        {"listen: \"a\\0b\"\n", ":1: listen: the value has a NUL character"},
        {"listen: *x\n", ":1: listen: expected ENDPOINT, found an alias (*name)"},
        {"- listen\n", ":1: expected lines of `key: value`, found a list"},
        {"listen\n", ":1: expected lines of `key: value`, found a value"},
        {"[a]: b\n", ":1: expected a key, found a list"},
        {"links: 1\n---\nlinks: 2\n", ":2: a second document: expected one"},
        {"log-level: verbose\n", ":1: log-level: \"verbose\" is not one of debug, info, warn, error"},
    };
    fixture_t *self = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_string_equal(file_error(self, bad[i].file), bad[i].text);
    }
    assert_non_null(strstr(file_error(self, "links: 1\npeer: [a\n"), "not YAML: "));
    assert_non_null(strstr(file_error(self, "links: \x01\n"), "not YAML: "));
}

static void empty_files(void **state) {
    static const char *const texts[] = {"", "# nothing\n", "---\n", "{}\n", "---\nlinks: 9000\n...\n"};
    fixture_t *self = *state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_file(self, texts[i]);
        assert_int_equal(read_args(self, ARGS("--config", self->path)), 0);
        assert_int_equal(self->conf.links, 9000);
    }
}

static void large_file_is_refused(void **state) {
    fixture_t *self = *state;
    assert_int_equal(truncate(self->path, 300000), 0);
    assert_int_equal(read_args(self, ARGS("--config", self->path)), -EFBIG);
}

static void asks(void **state) {
    fixture_t *self = *state;
    assert_int_equal(read_args(self, ARGS("--help")), TR_OPTIONS_HELP);
    assert_int_equal(read_args(self, ARGS("--links", "1", "-ih")), TR_OPTIONS_HELP);
    assert_int_equal(read_args(self, ARGS("-V")), TR_OPTIONS_VERSION);
    assert_int_equal(read_args(self, ARGS("--", "--help")), TR_OPTIONS_RUN);
    assert_int_equal(read_args(self, ARGS("--listen", "--help")), TR_OPTIONS_RUN);
    assert_string_equal(self->conf.listen, "--help");
}

static void required(void **state) {
    static const tr_option_t options[] = {
        {"listen", 'l', "ENDPOINT", TR_STRING(conf_t, listen), NULL, "Where.", .flags = TR_OPTION_REQUIRED}};
    static const tr_program_t strict = {.name = "strict",
        .options = options,
        .option_count = 1,
        .arguments = "FROM TO",
        .least_arguments = 2,
        .most_arguments = 2};
    fixture_t *self = *state;
    assert_int_equal(read_with(self, &strict, ARGS("a", "b")), -EINVAL);
    assert_string_equal(self->error.text, "--listen is missing: give --listen ENDPOINT");
    assert_int_equal(read_with(self, &strict, ARGS("-lx", "a")), -EINVAL);
    assert_string_equal(self->error.text, "TO is missing: strict FROM TO");
    assert_int_equal(read_with(self, &strict, ARGS("-lx", "a", "b")), 0);
}

static void verbs_keep_their_options(void **state) {
    static const tr_option_t options[] = {{"insecure", 'i', NULL, TR_BOOL(conf_t, insecure), NULL, "Allow."}};
    static const tr_program_t outer = {.name = "troupe",
        .options = options,
        .option_count = 1,
        .arguments = "VERB",
        .least_arguments = 1,
        .most_arguments = SIZE_MAX,
        .stop_at_argument = true};
    fixture_t *self = *state;
    assert_int_equal(read_with(self, &outer, ARGS("-i", "up", "--detach", "x")), 0);
    assert_true(self->conf.insecure);
    assert_int_equal(tr_options_consumed(self->options), 2);
    assert_int_equal(tr_options_arguments(self->options).count, 3);
    assert_int_equal(read_with(self, &outer, ARGS("-i")), -EINVAL);
    assert_string_equal(self->error.text, "VERB is missing: troupe VERB");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(defaults),
        TEST(flags_in_all_forms),
        TEST(precedence),
        TEST(bad_flags),
        TEST(bad_environment),
        TEST(bad_files),
        TEST(empty_files),
        TEST(large_file_is_refused),
        TEST(asks),
        TEST(required),
        TEST(verbs_keep_their_options),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
