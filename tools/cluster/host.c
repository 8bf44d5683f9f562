#include "tools/cluster/host.h"

#include "lib/base/file.h"
#include "lib/cert/cert_file.h"
#include "lib/cert/rotate.h"
#include "tools/cluster/known.h"
#include "tools/cluster/run.h"
#include "tools/cluster/unit.h"
#include "tools/fleet/fleet.h"
#include "tools/fleet/fleet_certs.h"
#include "tools/fleet/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MOST 4

/* One request. */
typedef struct work {
    const tr_host_side_t *side;
    const char *fleet;
    char root[PATH_MAX], directory[PATH_MAX]; /* ROOT, ROOT/FLEET */
    char unit[TR_PLATFORM_MAX + 32];          /* troupe-FLEET.service */
    char unit_path[PATH_MAX];
    char timeout[32];
    bool system; /* the machine's manager: this is root */
} work_t;

static int too_long(tr_error_t *error) {
    return tr_error_set(error, -ENAMETOOLONG, "a path of this host is too long");
}

/* ---- files ---- */

static bool path_valid(const char *path) {
    int names = 0;
    for (const char *at = path; *at; names++) {
        size_t len = strcspn(at, "/");
        if (len == 0 || len > 200 || at[0] == '.' || names == DEPTH_MOST)
            return false;
        at += len;
        if (*at == '/' && !*++at)
            return false;
    }
    return names > 0;
}

static int write_text(const char *path, const char *text, tr_error_t *error) {
    int rc = tr_file_write(path, text, strlen(text), 0600);
    return rc < 0 ? tr_error_set(error, rc, "%s: %s", path, strerror(-rc)) : 0;
}

/* Since when the certificate of that file is revoked here; 0: it is not, or there is none. */
static int find_revoked(const work_t *w, const char *file, int64_t *ret_ms, tr_error_t *error) {
    char path[PATH_MAX];
    tr_cert_t *cert = NULL;
    if (snprintf(path, sizeof path, "%s/" TR_FLEET_CERTS "/%s", w->directory, file) >= (int)sizeof path)
        return too_long(error);
    int rc = access(path, F_OK) == 0 ? tr_cert_load(path, &cert, error) : 0;
    if (rc == 0)
        *ret_ms = cert ? cert->revoked_ms : 0;
    tr_cert_destroy(&cert);
    return rc;
}

static int remove_secret(const work_t *w, const char *file, tr_error_t *error) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/" TR_FLEET_CERTS "/" TR_CERT_SECRET_DIR "/%s", w->directory, file) >=
        (int)sizeof path)
        return too_long(error);
    return unlink(path) == 0 || errno == ENOENT
               ? 0
               : tr_error_set(error, -errno, "%s: %s", path, strerror(errno));
}

/* Who sends it may not know that it was revoked here: that stays, and there is no secret part of it. One that was made since then is another. */
static int write_certificate(
    const work_t *w, const char *name, const char *path, const char *text, tr_error_t *error) {
    static const char secrets[] = TR_FLEET_CERTS "/" TR_CERT_SECRET_DIR "/";
    const char *file = strrchr(name, '/') + 1;
    int64_t revoked_ms = 0;
    tr_cert_t *cert = NULL;
    int rc = find_revoked(w, file, &revoked_ms, error);
    if (rc < 0)
        return rc;
    if (strncmp(name, secrets, sizeof secrets - 1) == 0)
        return revoked_ms ? remove_secret(w, file, error) : write_text(path, text, error);
    rc = tr_cert_parse(text, strlen(text), name, NULL, &cert, error);
    if (rc == 0 && (!revoked_ms || cert->made_ms > revoked_ms))
        rc = write_text(path, text, error);
    if (rc == 0 && cert->revoked_ms)
        rc = remove_secret(w, file, error);
    tr_cert_destroy(&cert);
    return rc;
}

static int write_one(const work_t *w, const char *name, const char *text, tr_error_t *error) {
    static const char certs[] = TR_FLEET_CERTS "/";
    char path[PATH_MAX], folder[PATH_MAX];
    if (!path_valid(name) || !text)
        return tr_error_set(error, -EINVAL, "files: \"%.100s\" is no path of a text", name);
    if (snprintf(path, sizeof path, "%s/%s", w->directory, name) >= (int)sizeof path)
        return too_long(error);
    strcpy(folder, path);
    *strrchr(folder, '/') = '\0';
    int rc = tr_directory_make(folder);
    if (rc < 0)
        return tr_error_set(error, rc, "%s: %s", folder, strerror(-rc));
    return strncmp(name, certs, sizeof certs - 1) == 0 ? write_certificate(w, name, path, text, error)
                                                       : write_text(path, text, error);
}

/* In their order: a certificate's public part before its secret one. */
static int write_files(const work_t *w, const json_t *files, tr_error_t *error) {
    const char *name;
    json_t *text;
    int rc = 0;
    json_object_foreach((json_t *)(uintptr_t)files, name, text) if (rc == 0) rc =
        write_one(w, name, json_string_value(text), error);
    return rc;
}

static int write_fleet(const work_t *w, const json_t *files, tr_error_t *error) {
    return json_object_get(files, "fleet.yaml")
               ? write_files(w, files, error)
               : tr_error_set(error, -EINVAL, "files: expected fleet.yaml among them");
}

/* ---- systemd ---- */

static void run_systemctl(const work_t *w, tr_run_t *run) {
    tr_run_add(run, "systemctl");
    if (!w->system)
        tr_run_add(run, "--user");
}

/* A session by ssh has a manager, but may not have been told where. */
static void find_manager(void) {
    char path[64];
    snprintf(path, sizeof path, "/run/user/%u", (unsigned)getuid());
    if (!getenv("XDG_RUNTIME_DIR") && access(path, X_OK) == 0)
        setenv("XDG_RUNTIME_DIR", path, 1);
}

/* Why it cannot be a unit; NULL: it can. */
static const char *no_unit(const work_t *w) {
    tr_run_t run = {0};
    if (access("/run/systemd/system", F_OK) < 0)
        return "no systemd runs on this host";
    find_manager();
    run_systemctl(w, &run);
    tr_run_add(&run, "show-environment");
    return tr_run(&run, NULL, NULL, NULL) == 0 ? NULL : "the user has no systemd of his own here";
}

static int find_unit_path(work_t *w, tr_error_t *error) {
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = w->system ? snprintf(w->unit_path, PATH_MAX, "/etc/systemd/system/%s", w->unit)
            : config && config[0] == '/'
                ? snprintf(w->unit_path, PATH_MAX, "%s/systemd/user/%s", config, w->unit)
                : snprintf(w->unit_path, PATH_MAX, "%s/.config/systemd/user/%s", home ? home : "", w->unit);
    return n < PATH_MAX ? 0 : too_long(error);
}

static int write_unit(const work_t *w, tr_error_t *error) {
    tr_unit_t unit = {.fleet = w->fleet, .program = w->side->program, .root = w->root, .system = w->system};
    char folder[PATH_MAX];
    tr_buffer_t text;
    tr_buffer_init(&text, 0);
    tr_unit_print(&unit, &text);
    strcpy(folder, w->unit_path);
    *strrchr(folder, '/') = '\0';
    int rc = text.failed ? -ENOMEM : tr_directory_make(folder);
    if (rc == 0)
        rc = tr_file_write(w->unit_path, tr_buffer_string(&text), strlen(tr_buffer_string(&text)), 0644);
    tr_buffer_finish(&text);
    return rc < 0 ? tr_error_set(error, rc, "%s: %s", w->unit_path, strerror(-rc)) : 0;
}

static int systemctl(const work_t *w, const char *verb, const char *unit, tr_error_t *error) {
    tr_run_t run = {0};
    run_systemctl(w, &run);
    tr_run_add(&run, verb);
    if (unit)
        tr_run_add(&run, unit);
    return tr_run(&run, NULL, NULL, error);
}

static int begin_unit(const work_t *w, tr_error_t *error) {
    int rc = write_unit(w, error);
    if (rc == 0)
        rc = systemctl(w, "daemon-reload", NULL, error);
    if (rc == 0)
        rc = systemctl(w, "enable", w->unit, error);
    if (rc == 0)
        rc = systemctl(w, "start", w->unit, error); /* until it is ready */
    return rc;
}

/* ---- plain processes ---- */

static int begin_plain(const work_t *w, tr_error_t *error) {
    char file[PATH_MAX];
    tr_run_t run = {0};
    if (snprintf(file, sizeof file, "%s/fleet.yaml", w->directory) >= (int)sizeof file)
        return too_long(error);
    tr_run_add_all(&run, (const char *const[]){w->side->program, "up", file, "--detach", "--state", w->root,
                             "--timeout", w->timeout, NULL});
    return tr_run(&run, NULL, NULL, error);
}

static int begin(work_t *w, const json_t *request, json_t **ret_answer, tr_error_t *error) {
    tr_state_info_t info = {0};
    const char *why =
        json_is_true(json_object_get(request, "plain")) ? "plain processes were asked for" : no_unit(w);
    int rc =
        tr_state_find(w->root, w->fleet, &info, NULL) == 0
            ? tr_error_set(error, -EBUSY, "the fleet %s runs here already: `troupe down` ends it", w->fleet)
            : write_fleet(w, json_object_get(request, "files"), error);
    if (rc == 0)
        rc = why ? begin_plain(w, error) : begin_unit(w, error);
    if (rc == 0)
        rc = tr_state_find(w->root, w->fleet, &info, error);
    if (rc < 0)
        return rc;
    *ret_answer = json_pack("{s:s, s:s, s:s, s:s, s:s}", "fleet", w->fleet, "by",
        why ? "processes" : "systemd", "why", why ? why : "", "endpoint", info.listen, "stream", info.stream);
    return 0;
}

/* ---- the end ---- */

/* Those of plain processes, and what a unit has left. */
static int end_plain(const work_t *w, bool kill, bool purge, tr_error_t *error) {
    tr_state_info_t info;
    tr_run_t run = {0};
    bool runs = tr_state_find(w->root, w->fleet, &info, NULL) == 0;
    if (!runs && !purge)
        return 0;
    tr_run_add_all(&run, (const char *const[]){w->side->program, "down", w->fleet, "--state", w->root,
                             "--timeout", w->timeout, NULL});
    if (kill)
        tr_run_add(&run, "--kill");
    if (purge)
        tr_run_add(&run, "--purge");
    return tr_run(&run, NULL, NULL, error);
}

static int end(work_t *w, const json_t *request, json_t **ret_answer, tr_error_t *error) {
    int rc = 0;
    if (access(w->unit_path, F_OK) == 0) {
        find_manager();
        rc = systemctl(w, "stop", w->unit, error);
        if (rc == 0)
            rc = systemctl(w, "disable", w->unit, error);
        if (rc == 0 && unlink(w->unit_path) == 0)
            rc = systemctl(w, "daemon-reload", NULL, error);
    }
    if (rc == 0)
        rc = end_plain(w, json_is_true(json_object_get(request, "kill")),
            json_is_true(json_object_get(request, "purge")), error);
    if (rc == 0)
        *ret_answer = json_pack("{s:s}", "fleet", w->fleet);
    return rc;
}

/* ---- changed keys ---- */

/* Of agents that were attached here: nobody else has their keys. What rotates already, or was taken back, is left as it is. */
static int rotate_own(const work_t *w, const json_t *request, tr_error_t *error) {
    char certs[PATH_MAX];
    size_t i;
    json_t *one;
    int64_t grace_ms = json_integer_value(json_object_get(request, "grace"));
    bool finish = json_is_true(json_object_get(request, "finish"));
    int rc = tr_fleet_certs_directory(w->directory, certs, error);
    json_array_foreach(json_object_get(request, "rotate"), i, one) {
        const char *name = json_string_value(one);
        if (rc < 0 || !name || grace_ms < 0)
            return rc < 0 ? rc
                          : tr_error_set(error, -EINVAL, "rotate: expected names, and grace from 0 upwards");
        rc = finish ? tr_cert_rotate_finish(certs, name, error)
                    : tr_cert_rotate(certs, name, TR_FLEET_BROKER, grace_ms, error);
        if (rc == -EALREADY || rc == -EKEYREVOKED || rc == -ENOENT)
            rc = 0; /* gone: it was detached */
    }
    return rc;
}

/* Public parts come first: the broker here knows a key before its holder has it. */
static int take_keys(work_t *w, const json_t *request, json_t **ret_answer, tr_error_t *error) {
    static const char folder[] = TR_FLEET_CERTS "/";
    char certs[PATH_MAX], mark[TR_CERT_MARK_TEXT] = "";
    json_t *files = json_object_get(request, "files");
    if (access(w->directory, F_OK) < 0)
        return tr_error_set(error, -ENOENT, "no fleet %s was begun here", w->fleet);
    for (void *at = json_object_iter(files); at; at = json_object_iter_next(files, at))
        if (strncmp(json_object_iter_key(at), folder, sizeof folder - 1) != 0)
            return tr_error_set(error, -EINVAL, "files: \"%.100s\": expected nothing but what is in certs/",
                json_object_iter_key(at));
    int rc = write_files(w, files, error);
    if (rc == 0)
        rc = rotate_own(w, request, error);
    if (rc == 0)
        rc = tr_fleet_certs_directory(w->directory, certs, error);
    if (rc == 0)
        rc = tr_known_mark(w->side->call, certs, mark, error);
    if (rc == 0)
        *ret_answer = json_pack("{s:s, s:s}", "fleet", w->fleet, "mark", mark);
    return rc;
}

typedef int (*action_fn)(work_t *w, const json_t *request, json_t **ret_answer, tr_error_t *error);

static action_fn action_of(const char *word) {
    static const struct {
        const char *word;
        action_fn take;
    } all[] = {{"begin", begin}, {"end", end}, {"keys", take_keys}};
    for (size_t i = 0; word && i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].word, word) == 0)
            return all[i].take;
    return NULL;
}

int tr_host_side_take(
    const tr_host_side_t *self, const json_t *request, json_t **ret_answer, tr_error_t *error) {
    action_fn take = action_of(json_string_value(json_object_get(request, "action")));
    const char *fleet = json_string_value(json_object_get(request, "fleet"));
    work_t w = {.side = self, .fleet = fleet, .system = geteuid() == 0};
    if (!take || !fleet || !tr_fleet_name_valid(fleet, strlen(fleet)))
        return tr_error_set(
            error, -EINVAL, "expected {\"action\": \"begin\", \"end\" or \"keys\", \"fleet\": NAME ...}");
    snprintf(w.unit, sizeof w.unit, "troupe-%s.service", fleet);
    snprintf(w.timeout, sizeof w.timeout, "%lldms",
        (long long)json_integer_value(json_object_get(request, "timeout")));
    int rc = tr_state_root(self->state, w.root, error);
    if (rc == 0)
        rc = find_unit_path(&w, error);
    if (rc == 0 &&
        snprintf(w.directory, sizeof w.directory, "%s/%s", w.root, fleet) >= (int)sizeof w.directory)
        rc = too_long(error);
    if (rc < 0)
        return rc;
    return take(&w, request, ret_answer, error);
}
