/* `troupe user`: who may sign in at a gateway with name and password. Needs no broker and no gateway. */
#include "lib/users/users.h"
#include "tools/cli/password.h"
#include "tools/cli/rows.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    tr_cli_common_t common;
    const char *users;
    int role;
    bool stdin_password;
} options_t;

#define USERS_OPTION                                                                                         \
    {                                                                                                        \
        "users", 'u', "FILE", TR_STRING(options_t, users), NULL,                                             \
            "The file of users, which gateways read (--users).",                                             \
            .flags = TR_OPTION_REQUIRED | TR_OPTION_FLAG_ONLY                                                \
    }
#define PASSWORD_OPTION                                                                                      \
    {                                                                                                        \
        "password-stdin", 0, NULL, TR_BOOL(options_t, stdin_password), NULL,                                 \
            "Read the password from stdin, a line, in place of asking on the terminal.",                     \
            .flags = TR_OPTION_FLAG_ONLY                                                                     \
    }
#define COUNT(table) (sizeof(table) / sizeof *(table))

static const tr_option_t plain_table[] = {USERS_OPTION};
static const tr_option_t password_table[] = {USERS_OPTION, PASSWORD_OPTION};
static const tr_option_t list_table[] = {USERS_OPTION, TR_CLI_OUTPUT_OPTION(options_t)};
static const tr_option_t add_table[] = {
    USERS_OPTION,
    {"role", 'r', "ROLE", TR_WORD(options_t, role), "viewer",
        "What this user may do: a viewer looks, an operator changes, an admin does all.",
        .words = tr_user_roles, .flags = TR_OPTION_FLAG_ONLY},
    PASSWORD_OPTION,
};

static const tr_program_t add_program = {
    .name = "troupe user add",
    .summary = "Add a user who may sign in at a gateway",
    .description =
        "The file is made where it is not there (mode 0600). It has no password, but a hash of it "
        "(argon2id), and the key of the gateways' sessions, so it is a secret. The password is asked "
        "for on the terminal; it is never an argument, which others could see.",
    .examples = "troupe user add ann --role operator --users users\n"
                "troupe-gateway --users users",
    .options = add_table,
    .option_count = COUNT(add_table),
    .env_prefix = "TROUPE",
    .arguments = "NAME",
    .least_arguments = 1,
    .most_arguments = 1,
};
static const tr_program_t ls_program = {
    .name = "troupe user ls",
    .summary = "List the users who may sign in at a gateway",
    .options = list_table,
    .option_count = COUNT(list_table),
    .env_prefix = "TROUPE",
};
static const tr_program_t rm_program = {
    .name = "troupe user rm",
    .summary = "Remove a user, whose sessions end",
    .options = plain_table,
    .option_count = COUNT(plain_table),
    .env_prefix = "TROUPE",
    .arguments = "NAME",
    .least_arguments = 1,
    .most_arguments = 1,
};
static const tr_program_t passwd_program = {
    .name = "troupe user passwd",
    .summary = "Give a user another password, which ends their sessions",
    .options = password_table,
    .option_count = COUNT(password_table),
    .env_prefix = "TROUPE",
    .arguments = "NAME",
    .least_arguments = 1,
    .most_arguments = 1,
};
static const tr_program_t role_program = {
    .name = "troupe user role",
    .summary = "Give a user another role, which ends their sessions",
    .examples = "troupe user role ann admin --users users",
    .options = plain_table,
    .option_count = COUNT(plain_table),
    .env_prefix = "TROUPE",
    .arguments = "NAME ROLE",
    .least_arguments = 2,
    .most_arguments = 2,
};

/* 0 is TR_EXIT_OK, without a word. */
static int told(const tr_call_t *call, int rc, const tr_error_t *error) {
    return rc < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error->text) : TR_EXIT_OK;
}

static int password(const tr_call_t *call, char *out, size_t size, tr_error_t *error) {
    const options_t *o = call->options;
    return o->stdin_password ? tr_password_line(STDIN_FILENO, out, size, error)
                             : tr_password_ask(call->arguments.items[0], true, out, size, error);
}

static int run_add(const tr_call_t *call) {
    const options_t *o = call->options;
    char text[TR_USER_PASSWORD_MAX + 2] = "";
    tr_error_t error = {0};
    int rc = password(call, text, sizeof text, &error);
    if (rc == 0)
        rc = tr_users_add(o->users, call->arguments.items[0], (tr_user_role_t)o->role, text, &error);
    explicit_bzero(text, sizeof text);
    return told(call, rc, &error);
}

static int run_passwd(const tr_call_t *call) {
    const options_t *o = call->options;
    char text[TR_USER_PASSWORD_MAX + 2] = "";
    tr_error_t error = {0};
    int rc = password(call, text, sizeof text, &error);
    if (rc == 0)
        rc = tr_users_set_password(o->users, call->arguments.items[0], text, &error);
    explicit_bzero(text, sizeof text);
    return told(call, rc, &error);
}

static int run_rm(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_error_t error = {0};
    return told(call, tr_users_remove(o->users, call->arguments.items[0], &error), &error);
}

static int run_role(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_error_t error = {0};
    int role = 0;
    if (tr_parse_word(call->arguments.items[1], tr_user_roles, &role, &error) < 0)
        return tr_cli_usage(call, "ROLE: %s", error.text);
    return told(
        call, tr_users_set_role(o->users, call->arguments.items[0], (tr_user_role_t)role, &error), &error);
}

static int list(const tr_call_t *call, const tr_users_t *users) {
    static const tr_column_t columns[] = {
        {"name", TR_COLUMN_TEXT}, {"role", TR_COLUMN_TEXT}, {"changed", TR_COLUMN_TIME}};
    const options_t *o = call->options;
    tr_output_t *output = NULL;
    int code =
        tr_cli_begin_table(call, &o->common, &(tr_cli_table_t){columns, COUNT(columns)}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    for (size_t i = 0; i < tr_users_count(users); i++) {
        const tr_user_t *user = tr_users_at(users, i);
        tr_output_text(output, user->name);
        tr_output_text(output, tr_user_roles[user->role]);
        tr_output_number(output, user->changed_ms);
        tr_output_row(output);
    }
    return tr_cli_finish(call, &output);
}

static int run_ls(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_users_t *users = NULL;
    tr_error_t error = {0};
    int code = told(call, tr_users_open(o->users, &users, &error), &error);
    if (code == TR_EXIT_OK)
        code = list(call, users);
    tr_users_destroy(&users);
    return code;
}

const tr_verb_t tr_verb_user_add = {"user add", TR_VERB_SUPPORT, &add_program, sizeof(options_t), run_add};
const tr_verb_t tr_verb_user_ls = {"user ls", TR_VERB_SUPPORT, &ls_program, sizeof(options_t), run_ls};
const tr_verb_t tr_verb_user_rm = {"user rm", TR_VERB_SUPPORT, &rm_program, sizeof(options_t), run_rm};
const tr_verb_t tr_verb_user_passwd = {
    "user passwd", TR_VERB_SUPPORT, &passwd_program, sizeof(options_t), run_passwd};
const tr_verb_t tr_verb_user_role = {
    "user role", TR_VERB_SUPPORT, &role_program, sizeof(options_t), run_role};
