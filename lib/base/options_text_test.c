#include "lib/base/log.h"
#include "lib/base/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct conf {
    const char *listen;
    const char *wide;
    size_t queue;
    bool stream;
    bool quiet;
    int log_level, log_format;
    tr_strings_t peers;
} conf_t;

static const tr_option_t table[] = {
    {"listen", 'l', "ENDPOINT", TR_STRING(conf_t, listen), "tcp://127.0.0.1:5570",
        "Where links connect. Several processes cannot share one endpoint, and a port below 1024 needs "
        "privileges."},
    {"an-option-with-a-long-name", 0, "SOMETHING", TR_STRING(conf_t, wide), NULL, "Too wide for its column."},
    {"queue", 0, "SIZE", TR_SIZE(conf_t, queue), "16M", "Bytes queued.", .flags = TR_OPTION_REQUIRED},
    {"stream", 's', NULL, TR_BOOL(conf_t, stream), "true", "Offer the stream."},
    {"quiet", 'h', NULL, TR_BOOL(conf_t, quiet), NULL, "Say less.", .flags = TR_OPTION_HIDDEN},
    {"peer", 0, "ENDPOINT", TR_LIST(conf_t, peers), "a,b", "Another broker."},
    TR_LOG_OPTIONS(conf_t),
};

static const tr_program_t program = {
    .name = "troupe up",
    .summary = "Launch a fleet",
    .description = "The first paragraph\nof two.\n\n.The second has a back\\slash.",
    .examples = "# a fleet\ntroupe up fleet.yaml\n\n# the rest\ntroupe up --detach",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TR",
    .has_file = true,
    .arguments = "FLEET",
};

typedef struct text {
    char *bytes;
    size_t len;
    FILE *stream;
} text_t;

static FILE *begin(text_t *self) {
    *self = (text_t){0};
    self->stream = open_memstream(&self->bytes, &self->len);
    assert_non_null(self->stream);
    return self->stream;
}

static void end(text_t *self) {
    fclose(self->stream);
}

static void help_text(void **state) {
    static const char expected[] =
        "Usage: troupe up [OPTION...] FLEET\n"
        "\n"
        "Launch a fleet.\n"
        "\n"
        "The first paragraph of two.\n"
        "\n"
        ".The second has a back\\slash.\n"
        "\n"
        "Options:\n"
        "  -l, --listen ENDPOINT    Where links connect. Several processes cannot share\n"
        "                           one endpoint, and a port below 1024 needs privileges.\n"
        "                           [default: tcp://127.0.0.1:5570]\n"
        "      --an-option-with-a-long-name SOMETHING\n"
        "                           Too wide for its column.\n"
        "      --queue SIZE         Bytes queued. [default: 16M] [required]\n"
        "  -s, --[no-]stream        Offer the stream. [default: true]\n"
        "      --peer ENDPOINT      Another broker. [default: a,b]\n"
        "      --log-level LEVEL    Log events of this level and above. One of: debug,\n"
        "                           info, warn, error. [default: info]\n"
        "      --log-format FORMAT  How a line of the log is written: for people, or JSON\n"
        "                           lines for a log pipeline. One of: readable, json.\n"
        "                           [default: readable]\n"
        "      --config FILE        Read options from this YAML file, as lines of `name:\n"
        "                           value`.\n"
        "      --help               Show this help and end.\n"
        "  -V, --version            Show the version and end.\n"
        "\n"
        "An option can also be given as the environment variable TR_NAME (in capitals,\n"
        "with _ for -) or in the file of --config (or TR_CONFIG). A flag wins over the\n"
        "environment, and that over the file.\n"
        "\n"
        "Examples:\n"
        "  # a fleet\n"
        "  troupe up fleet.yaml\n"
        "\n"
        "  # the rest\n"
        "  troupe up --detach\n";
    (void)state;
    text_t text;
    assert_int_equal(tr_options_help(&program, 0, begin(&text)), 0);
    end(&text);
    assert_string_equal(text.bytes, expected);
    free(text.bytes);
}

static void help_keeps_the_width(void **state) {
    (void)state;
    text_t text;
    assert_int_equal(tr_options_help(&program, 60, begin(&text)), 0);
    end(&text);
    char *rest = text.bytes;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        assert_true(strlen(line) <= 60 || strstr(line, "tcp://"));
    free(text.bytes);
}

static void failed_stream_is_told(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_true(tr_options_help(&program, 0, full) < 0);
    fclose(full);
}

static void man_text(void **state) {
    (void)state;
    text_t text;
    assert_int_equal(tr_options_man(&program, 1, begin(&text)), 0);
    end(&text);
    static const char *const parts[] = {
        ".TH \"TROUPE\\-UP\" 1 \"\" \"Troupe ",
        ".SH NAME\ntroupe\\-up \\- Launch a fleet\n",
        ".SH SYNOPSIS\ntroupe up [OPTION...] FLEET\n",
        ".SH DESCRIPTION\nLaunch a fleet.\n.PP\nThe first paragraph\nof two.\n.PP\n\\&.The second has a "
        "back\\eslash.\n",
        ".TP\n\\fB\\-l\\fR, \\fB\\-\\-listen\\fR \\fIENDPOINT\\fR\nWhere links connect.",
        "[default: 16M]",
        "\\fB\\-\\-[no\\-]stream\\fR\n",
        ".SH ENVIRONMENT AND FILES\n",
        ".SH EXAMPLES\n.nf\n# a fleet\ntroupe up fleet.yaml\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_non_null(strstr(text.bytes, parts[i]));
    assert_null(strstr(text.bytes, "quiet"));
    free(text.bytes);
}

static void completion_words(void **state) {
    (void)state;
    text_t text;
    assert_int_equal(tr_options_complete(&program, NULL, begin(&text)), 0);
    end(&text);
    assert_int_equal(strncmp(text.bytes, "--listen\tWhere links connect\n", 29), 0);
    assert_non_null(strstr(text.bytes, "\n--no-stream\tOffer the stream\n"));
    assert_non_null(strstr(text.bytes, "\n--version\t"));
    assert_null(strstr(text.bytes, "quiet"));
    free(text.bytes);

    assert_int_equal(tr_options_complete(&program, "--log-level", begin(&text)), 0);
    end(&text);
    assert_string_equal(text.bytes, "debug\ninfo\nwarn\nerror\n");
    free(text.bytes);
    assert_int_equal(tr_options_complete(&program, "listen", begin(&text)), 0);
    end(&text);
    assert_string_equal(text.bytes, "");
    free(text.bytes);
}

/* A sample whose marks are taken away is a file that gives the defaults. */
static void sample_can_be_read(void **state) {
    (void)state;
    text_t text;
    char path[] = "/tmp/options_text_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(tr_options_sample(&program, begin(&text)), 0);
    end(&text);
    FILE *file = fdopen(fd, "w");
    char *rest = text.bytes;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        fprintf(file, "%s\n", line[0] == '#' && line[1] != ' ' ? line + 1 : line);
    fclose(file);
    free(text.bytes);
    conf_t conf;
    tr_options_t *options = NULL;
    tr_error_t error = {0};
    const char *argv[] = {"troupe", "--config", path, NULL};
    tr_program_t copy = program;
    copy.most_arguments = 1;
    if (tr_options_read(&copy, 3, (char *const *)argv, &conf, &options, &error) != 0)
        fail_msg("%s", error.text);
    assert_string_equal(conf.listen, "tcp://127.0.0.1:5570");
    assert_int_equal(conf.queue, 16 << 20);
    assert_true(conf.stream);
    assert_int_equal(conf.peers.count, 2);
    assert_int_equal(tr_options_source(options, "log-level"), TR_SOURCE_FILE);
    tr_options_destroy(&options);
    remove(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_text),
        cmocka_unit_test(help_keeps_the_width),
        cmocka_unit_test(failed_stream_is_told),
        cmocka_unit_test(man_text),
        cmocka_unit_test(completion_words),
        cmocka_unit_test(sample_can_be_read),
    };
    return cmocka_run_group_tests_name("options_text", tests, NULL, NULL);
}
