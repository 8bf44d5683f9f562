/* `troupe cert new`: keys for somebody, and what it may do with them. */
#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"
#include "lib/cert/role.h"
#include "proto/topic.h"
#include "tools/verbs/certs.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    tr_cli_common_t common;
    const char *broker;
    int role;
    tr_strings_t names, publish, subscribe, offer, ask, verbs, platforms;
    int64_t valid_ms, messages_per_s, connections;
    size_t bytes_per_s, mailbox_bytes;
} options_t;

#define RIGHT(name, letter, metavar, field, help)                                                            \
    { name, letter, metavar, TR_LIST(options_t, field), NULL, help, .max = 256, .flags = TR_OPTION_FLAG_ONLY }

static const tr_option_t table[] = {
    {"role", 'r', "ROLE", TR_WORD(options_t, role), NULL,
        "A set of rights: of an agent called NAME; of the `troupe` command, to operate or just to watch; or "
        "of a "
        "broker.",
        .words = tr_role_words, .flags = TR_OPTION_FLAG_ONLY},
    RIGHT("name", 'n', "PATTERN", names,
        "Agents that it may register: a name, or its beginning and *. May be repeated."),
    RIGHT("publish", 'p', "PATTERN", publish, "Topics that it may publish on. May be repeated."),
    RIGHT("subscribe", 's', "PATTERN", subscribe,
        "Topics that it may get; those that begin with $ must be named. May be repeated."),
    RIGHT("offer", 0, "PATTERN", offer, "Services that its agents may offer. May be repeated."),
    RIGHT("ask", 0, "PATTERN", ask, "Services that it may send to. May be repeated."),
    RIGHT("verb", 'v', "PATTERN", verbs,
        "Actions of ams, df and the fleet's supervisor: df.register, ams.*. May be repeated."),
    RIGHT("platform", 0, "PATTERN", platforms,
        "Platforms that it may speak for, as their broker, towards other brokers; the other rights are then "
        "what the "
        "agents of there may do. May be repeated."),
    {"messages-per-s", 0, "N", TR_INT(options_t, messages_per_s), "0",
        "Messages that it may send in a second; 0 is no limit.", .min = 0, .max = INT64_C(1) << 40,
        .flags = TR_OPTION_FLAG_ONLY},
    {"bytes-per-s", 0, "SIZE", TR_SIZE(options_t, bytes_per_s), "0", "Bytes likewise.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"connections", 0, "N", TR_INT(options_t, connections), "0",
        "Processes that may use it at once; 0 is no limit.", .min = 0, .max = 1 << 20,
        .flags = TR_OPTION_FLAG_ONLY},
    {"mailbox-bytes", 0, "SIZE", TR_SIZE(options_t, mailbox_bytes), "0",
        "Bytes that may wait in the broker for all of its agents; 0 is no limit.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"valid", 0, "TIME", TR_DURATION(options_t, valid_ms), "0", "It ends after this time; 0 is never.",
        .min = 0, .flags = TR_OPTION_FLAG_ONLY},
    {"broker", 'b', "NAME", TR_STRING(options_t, broker), TR_CERT_BROKER,
        "The certificate of the broker that it is for: the new secret part knows the broker by its key.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CERTS_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe cert new",
    .summary = "Make a certificate: keys, and what may be done with them",
    .description = "A certificate may do nothing but what is named here. Its public part, NAME.yaml, is for "
                   "the directory that "
                   "brokers read (--certs); its secret part, secret/NAME.yaml (mode 0600), for its holder "
                   "alone: for --cert of "
                   "troupe-broker, troupe-agentd and troupe. What it grants is printed, never the secret.",
    .examples =
        "# once: who the broker is\n"
        "troupe cert new broker --role broker\n\n"
        "# for yourself\n"
        "troupe cert new ann --role operator\n\n"
        "# an agent that reads the news and offers digests\n"
        "troupe cert new digester --role agent --subscribe 'news.>' --publish 'digest.>' --offer digest",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "NAME",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* One kind of right: what was asked for, and by which rule it is a pattern. */
typedef struct wish {
    const char *flag;
    const tr_strings_t *asked;
    tr_strings_t *right;
    bool (*valid)(const char *pattern, size_t len);
    const char *expected;
} wish_t;

static int grant(const tr_call_t *call, tr_cert_t *cert, const wish_t *wish) {
    for (size_t i = 0; i < wish->asked->count; i++) {
        const char *pattern = wish->asked->items[i];
        if (!wish->valid(pattern, strlen(pattern)))
            return tr_cli_usage(call, "--%s \"%.140s\": expected %s", wish->flag, pattern, wish->expected);
        if (tr_cert_add(cert, wish->right, pattern) < 0)
            return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory, or too many rights");
    }
    return TR_EXIT_OK;
}

static int grant_all(const tr_call_t *call, const options_t *o, tr_cert_t *cert) {
    static const char word[] = "a name, or its beginning and *", topic[] = "a topic pattern";
    const wish_t wishes[] = {
        {"name", &o->names, &cert->rights.names, tr_word_pattern_valid, word},
        {"publish", &o->publish, &cert->rights.publish, tr_pattern_valid, topic},
        {"subscribe", &o->subscribe, &cert->rights.subscribe, tr_pattern_valid, topic},
        {"offer", &o->offer, &cert->rights.offer, tr_word_pattern_valid, word},
        {"ask", &o->ask, &cert->rights.ask, tr_word_pattern_valid, word},
        {"verb", &o->verbs, &cert->rights.verbs, tr_word_pattern_valid,
            "a verb such as df.search, or its beginning and *"},
        {"platform", &o->platforms, &cert->rights.platforms, tr_word_pattern_valid,
            "a platform, or its beginning and *"},
    };
    int code = TR_EXIT_OK;
    if (o->role >= 0 && tr_role_grant(cert, (tr_role_t)o->role) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes && code == TR_EXIT_OK; i++)
        code = grant(call, cert, &wishes[i]);
    return code;
}

/* The key of the broker that the new one is for; none for a broker's own. */
static int find_broker(
    const tr_call_t *call, const options_t *o, const char *directory, tr_secret_t *secret) {
    tr_cert_t *broker = NULL;
    tr_error_t error = {0};
    if (o->role == TR_ROLE_BROKER)
        return TR_EXIT_OK;
    int rc = tr_cert_load_named(directory, o->broker, &broker, &error);
    if (rc == -ENOENT)
        return tr_cli_fail(call, TR_EXIT_REFUSED,
            "%s has no certificate of a broker \"%.128s\": make it first, `troupe cert new %.128s --role "
            "broker`",
            directory, o->broker, o->broker);
    if (rc < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    tr_key_print(broker->keys[0].bytes, secret->broker);
    tr_cert_destroy(&broker);
    return TR_EXIT_OK;
}

/* The secret part first: a public part that nobody has the secret of would only be in the way. */
static int save(
    const tr_call_t *call, const char *directory, const tr_cert_t *cert, const tr_secret_t *secret) {
    char path[PATH_MAX];
    tr_error_t error = {0};
    if (tr_cert_path(directory, cert->name, path, &error) < 0)
        return tr_cli_usage(call, "%s", error.text);
    if (access(path, F_OK) == 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED,
            "%s is there already: `troupe cert rotate %s` gives it new keys; remove the file to begin anew",
            path, cert->name);
    if (tr_secret_save(secret, directory, &error) < 0 || tr_cert_save(cert, directory, &error) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    return TR_EXIT_OK;
}

static int make(
    const tr_call_t *call, const options_t *o, const char *directory, tr_cert_t *cert, tr_secret_t *secret) {
    cert->made_ms = tr_clock_wall_ms() / 1000 * 1000; /* as the file has it */
    cert->not_after_ms = o->valid_ms ? (cert->made_ms + o->valid_ms) / 1000 * 1000 : 0;
    cert->limits = (tr_limits_t){
        (uint64_t)o->messages_per_s, o->bytes_per_s, (uint64_t)o->connections, o->mailbox_bytes};
    cert->keys_n = 1;
    tr_key_parse(secret->key, cert->keys[0].bytes);
    int code = grant_all(call, o, cert);
    if (code == TR_EXIT_OK)
        code = find_broker(call, o, directory, secret);
    if (code == TR_EXIT_OK)
        code = save(call, directory, cert, secret);
    return code == TR_EXIT_OK ? tr_certs_show(call, (tr_output_format_t)o->common.output, directory, cert)
                              : code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *name = call->arguments.items[0];
    char directory[PATH_MAX];
    tr_secret_t secret = {0};
    tr_error_t error = {0};
    int code = tr_certs_directory(call, o->common.certs, directory);
    if (code != TR_EXIT_OK)
        return code;
    if (tr_secret_make(name, &secret, &error) < 0)
        return tr_cli_usage(call, "%s", error.text);
    tr_cert_t *cert = tr_cert_new(name);
    code =
        cert ? make(call, o, directory, cert, &secret) : tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    tr_secret_wipe(&secret);
    tr_cert_destroy(&cert);
    return code;
}

const tr_verb_t tr_verb_cert_new = {"cert new", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
