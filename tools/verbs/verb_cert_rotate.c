/* `troupe cert rotate`: new keys for a certificate, with the old ones good for a while. */
#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"
#include "tools/verbs/certs.h"
#include "tools/verbs/verbs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    const char *broker;
    int64_t grace_ms;
    bool finish;
} options_t;

static const tr_option_t table[] = {
    {"grace", 'g', "TIME", TR_DURATION(options_t, grace_ms), "24h",
        "The old key is good for so long; 0: not at all.", .min = 0, .flags = TR_OPTION_FLAG_ONLY},
    {"finish", 0, NULL, TR_BOOL(options_t, finish), NULL, "No new key: ends the time of the old one now.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"broker", 'b', "NAME", TR_STRING(options_t, broker), TR_CERT_BROKER,
        "The certificate of the broker that it is for.", .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CERTS_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe cert rotate",
    .summary = "Give a certificate new keys; the old ones stay good for a while",
    .description = "The secret part here gets the new key: take it to its holder within --grace. A process "
                   "reads it again when it "
                   "connects anew; one that goes on with the old key is cut off when its time is over.\n\n"
                   "A broker has one key at a time: after rotating its certificate every secret part here "
                   "names the new one. Take "
                   "them to their holders, and start the broker again.",
    .examples = "troupe cert rotate digester --grace 1h\n"
                "troupe cert rotate digester --finish",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "NAME",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* Secret parts that know the broker by its old key learn the new one. */
static int rename_broker(
    const tr_call_t *call, const char *directory, const char *old_key, const char *new_key) {
    char path[PATH_MAX];
    tr_error_t error = {0};
    int code = TR_EXIT_OK;
    if (snprintf(path, sizeof path, "%s/" TR_CERT_SECRET_DIR, directory) >= (int)sizeof path)
        return tr_cli_usage(call, "--certs: the path is too long");
    DIR *dir = opendir(path);
    for (const struct dirent *e = dir ? readdir(dir) : NULL; e && code == TR_EXIT_OK; e = readdir(dir)) {
        tr_secret_t secret = {0};
        size_t len = strlen(e->d_name), suffix = strlen(TR_CERT_SUFFIX);
        if (e->d_name[0] == '.' || len <= suffix || strcmp(e->d_name + len - suffix, TR_CERT_SUFFIX) != 0 ||
            snprintf(path, sizeof path, "%s/" TR_CERT_SECRET_DIR "/%s", directory, e->d_name) >=
                (int)sizeof path)
            continue;
        if (tr_secret_load(&secret, path, &error) < 0) {
            code = tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
        } else if (strcmp(secret.broker, old_key) == 0) {
            memcpy(secret.broker, new_key, sizeof secret.broker);
            if (tr_secret_save(&secret, directory, &error) < 0)
                code = tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
        }
        tr_secret_wipe(&secret);
    }
    if (dir)
        closedir(dir);
    return code;
}

/* Whether the certificate is a broker's: its secret part, where it is here, names no other one. */
static bool is_broker(const char *directory, const char *name) {
    char path[PATH_MAX];
    tr_secret_t secret = {0};
    bool own = tr_secret_path(directory, name, path, NULL) == 0 && tr_secret_load(&secret, path, NULL) == 0 &&
               !*secret.broker;
    tr_secret_wipe(&secret);
    return own;
}

static int new_broker_key(
    const tr_call_t *call, const char *directory, tr_cert_t *cert, const tr_secret_t *secret) {
    char old_key[TR_KEY_TEXT + 1];
    tr_error_t error = {0};
    tr_key_print(cert->keys[0].bytes, old_key);
    tr_key_parse(secret->key, cert->keys[0].bytes);
    cert->keys_n = 1;
    if (tr_secret_save(secret, directory, &error) < 0 || tr_cert_save(cert, directory, &error) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    return rename_broker(call, directory, old_key, secret->key);
}

/* The public part first: until the holder has the new secret, the old one must do. */
static int new_key(
    const tr_call_t *call, const options_t *o, const char *directory, tr_cert_t *cert, tr_secret_t *secret) {
    tr_cert_t *broker = NULL;
    tr_error_t error = {0};
    int64_t now_ms = tr_clock_wall_ms() / 1000 * 1000;
    if (cert->keys_n > 1 && tr_cert_state(cert, 1, now_ms) == TR_CERT_VALID)
        return tr_cli_fail(call, TR_EXIT_REFUSED,
            "%s rotates already, and may have two keys at a time: end that with `troupe cert rotate %s "
            "--finish`",
            cert->name, cert->name);
    if (tr_cert_load_named(directory, o->broker, &broker, &error) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "the broker's key is needed: %s", error.text);
    tr_key_print(broker->keys[0].bytes, secret->broker);
    tr_cert_destroy(&broker);
    cert->keys[1] = cert->keys[0];
    cert->keys[1].until_ms = now_ms + (o->grace_ms + 999) / 1000 * 1000;
    cert->keys_n = o->grace_ms ? 2 : 1;
    tr_key_parse(secret->key, cert->keys[0].bytes);
    if (tr_cert_save(cert, directory, &error) < 0 || tr_secret_save(secret, directory, &error) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    return TR_EXIT_OK;
}

static int finish(const tr_call_t *call, const char *directory, tr_cert_t *cert) {
    tr_error_t error = {0};
    cert->keys_n = 1;
    return tr_cert_save(cert, directory, &error) < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text)
                                                     : TR_EXIT_OK;
}

static int rotate(const tr_call_t *call, const char *directory, tr_cert_t *cert) {
    const options_t *o = call->options;
    tr_secret_t secret = {0};
    tr_error_t error = {0};
    int code;
    if (cert->revoked_ms)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s is revoked: make another one", cert->name);
    if (o->finish)
        return finish(call, directory, cert);
    if (tr_secret_make(cert->name, &secret, &error) < 0)
        code = tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    else if (is_broker(directory, cert->name))
        code = new_broker_key(call, directory, cert, &secret);
    else
        code = new_key(call, o, directory, cert, &secret);
    tr_secret_wipe(&secret);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    char directory[PATH_MAX];
    tr_cert_t *cert = NULL;
    int code = tr_certs_directory(call, o->common.certs, directory);
    if (code == TR_EXIT_OK)
        code = tr_certs_load(call, directory, call->arguments.items[0], &cert);
    if (code == TR_EXIT_OK)
        code = rotate(call, directory, cert);
    if (code == TR_EXIT_OK)
        code = tr_certs_show(call, (tr_output_format_t)o->common.output, directory, cert);
    tr_cert_destroy(&cert);
    return code;
}

const tr_verb_t tr_verb_cert_rotate = {"cert rotate", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
