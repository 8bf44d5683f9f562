#include "tools/verbs/verbs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What a call said. */
typedef struct said {
    int code;
    char *out, *err;
} said_t;

static said_t call_with(const tr_verb_t *const *verbs, const char *const *argv) {
    said_t said = {0};
    size_t out_size = 0, err_size = 0;
    FILE *out = open_memstream(&said.out, &out_size), *err = open_memstream(&said.err, &err_size);
    assert_non_null(out);
    assert_non_null(err);
    int argc = 0;
    while (argv[argc])
        argc++;
    said.code = tr_cli_run(verbs, argc, (char *const *)argv, out, err);
    fclose(out);
    fclose(err);
    return said;
}

#define CALL(...) call_with(tr_verbs, (const char *const[]){"troupe", __VA_ARGS__, NULL})

static void forget(said_t *said) {
    free(said->out);
    free(said->err);
}

static void expect(said_t said, int code, const char *out, const char *err) {
    if (said.code != code || !strstr(said.out, out) || !strstr(said.err, err))
        fail_msg("code %d\nout: %s\nerr: %s", said.code, said.out, said.err);
    if (*out == '\0')
        assert_string_equal(said.out, "");
    if (*err == '\0')
        assert_string_equal(said.err, "");
    forget(&said);
}

/* Verbs of a table for tests: one that takes all kinds of options, and two of two words. */
typedef struct options {
    tr_cli_common_t common;
    int64_t number;
    const char *file;
    tr_strings_t labels;
    bool quick, secret;
} options_t;

static const tr_option_t show_table[] = {
    {"number", 'n', "N", TR_INT(options_t, number), "1", "How many. More of it.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"input", 0, "FILE", TR_STRING(options_t, file), NULL, "What's read [from: here].",
        .flags = TR_OPTION_FLAG_ONLY},
    {"label", 'l', "KEY", TR_LIST(options_t, labels), NULL, "A label.", .flags = TR_OPTION_FLAG_ONLY},
    {"quick", 'q', NULL, TR_BOOL(options_t, quick), NULL, "Be quick.", .flags = TR_OPTION_FLAG_ONLY},
    {"unseen", 0, NULL, TR_BOOL(options_t, secret), NULL, "Not shown.",
        .flags = TR_OPTION_FLAG_ONLY | TR_OPTION_HIDDEN},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "5s"),
};

static int show_run(const tr_call_t *call) {
    const options_t *o = call->options;
    fprintf(call->out, "%s %d %d %s\n", call->arguments.items[0], (int)o->number, (int)o->common.timeout_ms,
        o->common.fleet ? o->common.fleet : "-");
    return o->quick ? tr_cli_fail(call, TR_EXIT_TIMEOUT, "no answer in %s", "5s") : TR_EXIT_OK;
}

static int other_run(const tr_call_t *call) {
    fprintf(call->out, "%s\n", call->verb->name);
    return TR_EXIT_OK;
}

static void colours(FILE *out) {
    fputs("red green", out);
}

static const tr_program_t show_program = {.name = "troupe show",
    .summary = "Show the agent's state",
    .options = show_table,
    .option_count = sizeof show_table / sizeof *show_table,
    .env_prefix = "TROUPE",
    .arguments = "FILE",
    .least_arguments = 1,
    .most_arguments = 1,
    .description = "The first.\n\n.The second\\n."};
static const tr_program_t search_program = {.name = "troupe df search", .summary = "Search services"};
static const tr_program_t list_program = {
    .name = "troupe df list", .summary = "List services", .arguments = "COLOUR", .most_arguments = 1};
static const tr_verb_t show = {"show", TR_VERB_WATCH, &show_program, sizeof(options_t), show_run};
static const tr_verb_t search_verb = {"df search", TR_VERB_TALK, &search_program, 0, other_run};
static const tr_verb_t list_verb = {"df list", TR_VERB_TALK, &list_program, 0, other_run, colours};
static const tr_verb_t *const fakes[] = {&show, &search_verb, &list_verb, NULL};

#define FAKE(...) call_with(fakes, (const char *const[]){"troupe", __VA_ARGS__, NULL})

static void test_a_verb_gets_its_options(void **state) {
    (void)state;
    expect(FAKE("show", "x", "-n", "7"), 0, "x 7 5000 -\n", "");
    setenv("TROUPE_FLEET", "digest", 1);
    setenv("TROUPE_NUMBER", "9", 1); /* a verb's own: not from the environment */
    expect(FAKE("show", "x", "--timeout", "1m"), 0, "x 1 60000 digest\n", "");
    unsetenv("TROUPE_FLEET");
    unsetenv("TROUPE_NUMBER");
    expect(FAKE("show", "x", "-q"), 4, "x 1", "troupe show: no answer in 5s\n");
    expect(FAKE("df", "search"), 0, "df search\n", "");
    expect(FAKE("df", "list"), 0, "df list\n", "");
}

static void test_wrong_usage_is_told_with_a_hint(void **state) {
    (void)state;
    expect(FAKE("show"), 1, "", "Try 'troupe show --help'.\n");
    expect(FAKE("show", "x", "--nubmer", "1"), 1, "", "did you mean --number?");
    expect(FAKE("shwo"), 1, "",
        "troupe: there is no verb \"shwo\"; did you mean \"show\"?\nTry 'troupe --help'.\n");
    expect(FAKE("xyzzy"), 1, "", "troupe: there is no verb \"xyzzy\"\n");
    expect(FAKE("df"), 1, "", "troupe df: a word is missing; expected one of: search list\n");
    expect(FAKE("df", "--help"), 0, "  troupe df search", "");
    expect(FAKE("df", "serach"), 1, "", "there is no verb \"df serach\"; did you mean \"df search\"?");
    expect(FAKE("-o", "json"), 1, "", "unknown option -o; a verb comes first");
    expect(call_with(fakes, (const char *const[]){"troupe", NULL}), 1, "", "Usage: troupe VERB");
}

static void test_help_lists_the_verbs_in_groups(void **state) {
    (void)state;
    expect(FAKE("--help"), 0, "\nTalk to agents:\n  df search  Search services\n  df list    List services\n",
        "");
    expect(FAKE("-h"), 0, "\nWatch:\n  show       Show the agent's state\n", "");
    expect(FAKE("show", "--help"), 0, "Usage: troupe show [OPTION...] FILE\n", "");
    expect(CALL("help", "version"), 0, "Usage: troupe version", "");
    expect(CALL("help"), 0, "Usage: troupe VERB", "");
    expect(CALL("help", "nothing"), 1, "", "there is no verb \"nothing\"");
}

static void test_the_version(void **state) {
    (void)state;
    expect(CALL("version"), 0, "troupe " TROUPE_VERSION "\n", "");
    expect(CALL("--version"), 0, "troupe " TROUPE_VERSION "\n", "");
    expect(CALL("version", "--version"), 0, "troupe " TROUPE_VERSION "\n", "");
    expect(CALL("version", "-o", "json"), 0, "{\"version\":\"" TROUPE_VERSION "\"}\n", "");
    expect(CALL("version", "-o", "jsno"), 1, "", "json");
}

static void test_every_verb_keeps_the_rules(void **state) {
    (void)state;
    static const char *const shared[] = {
        "output", "fleet", "state", "connect", "timeout", "cert", "certs", NULL};
    for (size_t i = 0; tr_verbs[i]; i++) {
        const tr_verb_t *verb = tr_verbs[i];
        char name[80];
        snprintf(name, sizeof name, "troupe %s", verb->name);
        assert_string_equal(verb->program->name, name);
        assert_ptr_equal(tr_verb_find(tr_verbs, verb->name), verb);
        size_t len = strlen(verb->program->summary);
        if (len == 0 || len > 66 || verb->program->summary[len - 1] == '.')
            fail_msg("%s: a summary has 1 to 66 bytes and no full stop: %s", name, verb->program->summary);
        for (size_t k = 0; k < verb->program->option_count; k++) {
            const tr_option_t *option = &verb->program->options[k];
            bool is_shared = false;
            for (size_t s = 0; shared[s]; s++)
                is_shared = is_shared || strcmp(shared[s], option->name) == 0;
            if (!is_shared && !(option->flags & TR_OPTION_FLAG_ONLY))
                fail_msg("%s: --%s is a verb's own and must be TR_OPTION_FLAG_ONLY", name, option->name);
        }
    }
}

/* The script of a shell in a temporary file; its path. */
static void write_script(const char *shell, char *path) {
    strcpy(path, "/tmp/troupe-completion-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "w");
    assert_non_null(out);
    assert_int_equal(tr_cli_completion(fakes, shell, out), 0);
    fclose(out);
}

static void expect_completion(const char *script, const char *words, int at, const char *expected) {
    char command[512], line[1024] = "";
    snprintf(command, sizeof command,
        "bash --norc -c 'compopt() { :; }; . %s; COMP_WORDS=(%s); COMP_CWORD=%d; _troupe; echo "
        "\"${COMPREPLY[*]}\"'",
        script, words, at);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof line, pipe));
    assert_int_equal(pclose(pipe), 0);
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(line, expected);
}

static void test_bash_completes(void **state) {
    (void)state;
    char path[64];
    write_script("bash", path);
    expect_completion(path, "troupe \"\"", 1, "show df --help --version");
    expect_completion(path, "troupe s", 1, "show");
    expect_completion(path, "troupe df \"\"", 2, "search list");
    expect_completion(path, "troupe show -o \"\"", 3, "table wide json yaml name");
    expect_completion(path, "troupe show --output j", 3, "json");
    expect_completion(path, "troupe show --n", 2, "--number");
    expect_completion(path, "troupe df list r", 3, "red");
    expect_completion(path, "troupe show --s", 2, "--state"); /* and not the hidden one */
    expect_completion(path, "troupe df search --", 3, "--help");
    expect_completion(path, "troupe show /dev/nul", 2, "/dev/null");
    unlink(path);
}

static void test_scripts_of_the_other_shells(void **state) {
    (void)state;
    static const struct {
        const char *shell, *needle;
    } rows[] = {
        {"zsh", "'--input[What'\\''s read \\[from\\: here\\]]:FILE:_files'"},
        {"zsh", "'(-o --output)'{-o,--output}'[How results are written]:FORMAT:(table wide json yaml name)'"},
        {"zsh", "'*'{-l,--label}'[A label]:KEY:'"},
        {"zsh", "compadd -- search list\n"},
        {"zsh", "'*:COLOUR:(red green)'"},
        {"fish", "df; and __fish_seen_subcommand_from list' -a 'red green'\n"},
        {"fish", "complete -c troupe -n __fish_use_subcommand -a show -d 'Show the agent'\\''s state'\n"},
        {"fish", "complete -c troupe -n '__fish_seen_subcommand_from show' -l input -r -F -d 'What'\\''s "
                 "read [from: here]'\n"},
        {"fish",
            "complete -c troupe -n '__fish_seen_subcommand_from show' -l number -s n -x -d 'How many'\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        assert_int_equal(tr_cli_completion(fakes, rows[i].shell, out), 0);
        fclose(out);
        if (!strstr(text, rows[i].needle))
            fail_msg("no %s in:\n%s", rows[i].needle, text);
        assert_null(strstr(text, "unseen"));
        free(text);
    }
    assert_int_equal(tr_cli_completion(fakes, "tcsh", NULL), -EINVAL);
    expect(CALL("completion", "tcsh"), 1, "", "expected bash, zsh or fish, found \"tcsh\"");
    expect(CALL("completion", "bash"), 0, "complete -F _troupe troupe", "");
}

static void test_the_man_page(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(tr_cli_man(fakes, out), 0);
    fclose(out);
    assert_non_null(strstr(text, ".SS \"troupe show FILE\"\n"));
    assert_non_null(
        strstr(text, "\\fB\\-n\\fR, \\fB\\-\\-number\\fR \\fIN\\fR\nHow many. More of it.\nDefault: 1.\n"));
    assert_non_null(strstr(text, ".PP\n\\&.The second\\en.\n")); /* not a request, not an escape */
    assert_null(strstr(text, "unseen"));
    free(text);
    expect(CALL("help", "--man"), 0, ".TH TROUPE 1", "");
    expect(CALL("help", "--man", "up"), 0, ".TH", "");
    expect(CALL("help", "pss"), 1, "", "troupe: there is no verb \"pss\"; did you mean \"ps\"?\n");
    expect(CALL("help", "df", "serach"), 1, "", "did you mean \"df search\"?\n");
}

static void test_a_dry_run_shows_the_processes(void **state) {
    (void)state;
    char path[] = "/tmp/troupe-dry-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fputs("fleet: digest\nagents:\n  - {name: reader, behaviour: reader, count: 2, env: {A: b}}\n", f);
    fclose(f);
    said_t said = CALL("up", "--dry-run", path, "-o", "json");
    assert_int_equal(said.code, 0);
    json_t *rows = json_loads(said.out, 0, NULL);
    assert_int_equal(json_array_size(rows), 3);
    const json_t *agent = json_array_get(rows, 2);
    assert_string_equal(json_string_value(json_object_get(agent, "name")), "reader-2");
    assert_int_equal(json_integer_value(json_object_get(agent, "agents")), 1);
    assert_string_equal(json_string_value(json_object_get(json_object_get(agent, "environment"), "A")), "b");
    assert_string_equal(json_string_value(json_array_get(json_object_get(agent, "command"), 4)), "reader-2");
    json_decref(rows);
    forget(&said);
    said = CALL("up", "--dry-run", path, "-o", "name");
    assert_string_equal(said.out, "broker\nreader-1\nreader-2\n");
    forget(&said);
    f = fopen(path, "w");
    fputs("fleet: digest\nagents:\n  - {name: reader, behaviour: reader, count: two}\n", f);
    fclose(f);
    expect(CALL("up", "--dry-run", path), 3, "", ":3:46: agents[0].count: expected a whole number");
    unlink(path);
    expect(CALL("up", "--dry-run", path), 3, "", "No such file or directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_verb_gets_its_options),
        cmocka_unit_test(test_wrong_usage_is_told_with_a_hint),
        cmocka_unit_test(test_help_lists_the_verbs_in_groups),
        cmocka_unit_test(test_the_version),
        cmocka_unit_test(test_every_verb_keeps_the_rules),
        cmocka_unit_test(test_bash_completes),
        cmocka_unit_test(test_scripts_of_the_other_shells),
        cmocka_unit_test(test_the_man_page),
        cmocka_unit_test(test_a_dry_run_shows_the_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
