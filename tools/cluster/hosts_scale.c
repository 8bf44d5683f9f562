/* How many: each host's own `troupe` does it, all at once, and here it is shared out and added up. */
#include "tools/cluster/hosts_scale.h"

#include "lib/base/share.h"
#include "tools/cluster/hosts.h"
#include "tools/cluster/hosts_ask.h"
#include "tools/cluster/spread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int out_of_memory(const tr_call_t *call) {
    return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
}

/* ---- who runs ---- */

static void ask_ps(tr_hosts_ask_t *ask, const tr_apart_t *self, json_t *host) {
    tr_hosts_ask_begin(ask, self, host, "ps");
    tr_hosts_ask_option(ask, "-o", "json");
}

int tr_hosts_rows(const tr_call_t *call, const tr_apart_t *self, json_t *rows) {
    size_t i, n = json_array_size(self->hosts);
    tr_hosts_ask_t *asks = calloc(n, sizeof *asks);
    json_t *host;
    if (!asks) {
        out_of_memory(call);
        return -ENOMEM;
    }
    json_array_foreach(self->hosts, i, host) ask_ps(&asks[i], self, host);
    tr_hosts_ask_all(self, asks, n);
    for (i = 0; i < n; i++)
        tr_hosts_ask_rows(&asks[i], rows);
    int rc = tr_hosts_ask_tell(call, asks, n);
    tr_hosts_asks_destroy(&asks, n);
    return rc;
}

static int64_t count_rows(const json_t *rows, const char *group) {
    size_t i;
    json_t *row;
    int64_t count = 0;
    json_array_foreach(rows, i, row) {
        const char *of = json_string_value(json_object_get(row, "group"));
        count += of && strcmp(of, group) == 0;
    }
    return count;
}

/* Of one that was asked. */
static int take_count(tr_hosts_ask_t *ask, const char *group, int64_t *ret_count) {
    json_t *rows = json_array();
    int rc = tr_hosts_ask_rows(ask, rows);
    if (rc == 0)
        *ret_count = count_rows(rows, group);
    json_decref(rows);
    return rc;
}

int tr_hosts_count(const tr_apart_t *self, json_t *host, const char *group, int64_t *ret_count) {
    tr_hosts_ask_t ask = {0};
    ask_ps(&ask, self, host);
    tr_hosts_ask_all(self, &ask, 1);
    int rc = take_count(&ask, group, ret_count);
    tr_hosts_ask_finish(&ask);
    return rc;
}

/* ---- scale ---- */

static int put_changed(const tr_call_t *call, const json_t *rows) {
    static const tr_column_t columns[] = {{"name", TR_COLUMN_TEXT}, {"state", TR_COLUMN_STATE},
        {"pid", TR_COLUMN_NUMBER}, {"host", TR_COLUMN_TEXT}};
    return tr_hosts_put(call, columns, sizeof columns / sizeof *columns, rows);
}

/* Which of those that have the group this host is. */
static size_t place_of(const tr_apart_t *self, const json_t *host, const char *group) {
    size_t i, k = 0;
    json_t *other;
    json_array_foreach(self->hosts, i, other) {
        if (other == host)
            break;
        k += tr_hosts_has(other, group);
    }
    return k;
}

/* Its share of each group that it has. False: it has none of them. */
static bool ask_share(tr_hosts_ask_t *ask, const tr_apart_t *self, json_t *host, const json_t *groups) {
    const char *group;
    json_t *count;
    bool any = false;
    json_object_foreach((json_t *)(uintptr_t)groups, group, count) {
        if (!tr_hosts_has(host, group))
            continue;
        tr_hosts_ask_format(ask, "%s=%lld", group,
            (long long)tr_spread_share(
                json_integer_value(count), place_of(self, host, group), tr_hosts_with(self, group)));
        any = true;
    }
    return any;
}

static void ask_scale(
    tr_hosts_ask_t *ask, const tr_apart_t *self, json_t *host, bool wait, int64_t timeout_ms) {
    tr_hosts_ask_begin(ask, self, host, "scale");
    tr_hosts_ask_option(ask, "-o", "json");
    tr_hosts_ask_timeout(ask, timeout_ms);
    if (!wait)
        tr_hosts_ask_word(ask, "--no-wait");
}

static int check_groups(const tr_call_t *call, const tr_apart_t *self, const json_t *groups) {
    const char *group;
    json_t *count;
    tr_error_t error = {0};
    json_object_foreach((json_t *)(uintptr_t)groups, group,
        count) if (tr_hosts_with(self, group) == 0) return tr_cli_fail(call,
        tr_apart_exit(tr_hosts_no_group(self, group, &error)), "%s", error.text);
    return TR_EXIT_OK;
}

static size_t count_failed(const tr_hosts_ask_t *asks, size_t n) {
    size_t failed = 0;
    for (size_t i = 0; i < n; i++)
        failed += asks[i].rc < 0;
    return failed;
}

/* What each has done, and who has not. */
static int tell_scaled(const tr_call_t *call, tr_hosts_ask_t *asks, size_t n, bool wait) {
    json_t *rows = json_array();
    for (size_t i = 0; wait && i < n; i++)
        tr_hosts_ask_rows(&asks[i], rows);
    int rc = tr_hosts_ask_tell(call, asks, n);
    int code = rc == 0 ? TR_EXIT_OK
                       : tr_cli_fail(call, tr_apart_exit(rc),
                             "%zu of %zu hosts have not done it: the same command again is for them",
                             count_failed(asks, n), n);
    int put = wait ? put_changed(call, rows) : TR_EXIT_OK;
    json_decref(rows);
    return code == TR_EXIT_OK ? put : code;
}

int tr_hosts_scale(
    const tr_call_t *call, tr_apart_t *self, const json_t *groups, bool wait, int64_t timeout_ms) {
    size_t i, n = 0, most = json_array_size(self->hosts);
    json_t *host;
    int code = check_groups(call, self, groups);
    if (code != TR_EXIT_OK)
        return code;
    tr_hosts_ask_t *asks = calloc(most, sizeof *asks);
    if (!asks)
        return out_of_memory(call);
    json_array_foreach(self->hosts, i, host) {
        ask_scale(&asks[n], self, host, wait, timeout_ms);
        if (ask_share(&asks[n], self, host, groups))
            n++;
        else
            tr_hosts_ask_finish(&asks[n]);
    }
    tr_hosts_ask_all(self, asks, n);
    code = tell_scaled(call, asks, n, wait);
    tr_hosts_asks_destroy(&asks, n);
    return code;
}

/* ---- further members ---- */

int tr_hosts_put_begun(const tr_call_t *call, const json_t *rows) {
    static const tr_column_t columns[] = {{"name", TR_COLUMN_TEXT}, {"pid", TR_COLUMN_NUMBER},
        {"host", TR_COLUMN_TEXT}, {"log", TR_COLUMN_TEXT, .wide = true}};
    return tr_hosts_put(call, columns, sizeof columns / sizeof *columns, rows);
}

/* Where a group may get more: its hosts that can be reached, and how many each has and is to have. */
typedef struct places {
    json_t *hosts[TR_SPREAD_HOSTS_MAX];
    int64_t has[TR_SPREAD_HOSTS_MAX], to[TR_SPREAD_HOSTS_MAX];
    size_t count;
} places_t;

/* Those that cannot be reached are told of, and get none. 0, or the worst error where nobody is left. */
static int find_places(const tr_call_t *call, const tr_apart_t *self, const char *group, places_t *places,
    tr_hosts_ask_t *asks) {
    size_t i, n = 0;
    json_t *host;
    json_array_foreach(self->hosts, i, host) if (tr_hosts_has(host, group) && n < TR_SPREAD_HOSTS_MAX)
        ask_ps(&asks[n++], self, host);
    tr_hosts_ask_all(self, asks, n);
    for (i = 0; i < n; i++)
        if (take_count(&asks[i], group, &places->has[places->count]) == 0)
            places->hosts[places->count++] = asks[i].host;
    int rc = tr_hosts_ask_tell(call, asks, n);
    for (i = 0; i < n; i++)
        tr_hosts_ask_finish(&asks[i]);
    return places->count ? 0 : rc;
}

/* A further member is where the fewest are. How many hosts get some. */
static size_t ask_places(tr_hosts_ask_t *asks, const tr_apart_t *self, places_t *places, const char *group,
    int64_t count, int64_t timeout_ms) {
    size_t n = 0;
    int64_t all = 0;
    for (size_t i = 0; i < places->count; i++)
        all += places->to[i] = places->has[i];
    tr_share_out(places->to, places->count, all + count);
    for (size_t i = 0; i < places->count; i++) {
        tr_hosts_ask_t *ask = &asks[n];
        if (places->to[i] <= places->has[i])
            continue;
        ask->tag = places->to[i] - places->has[i];
        tr_hosts_ask_begin(ask, self, places->hosts[i], "attach");
        tr_hosts_ask_option(ask, "-o", "json");
        tr_hosts_ask_timeout(ask, timeout_ms);
        tr_hosts_ask_word(ask, "--count");
        tr_hosts_ask_format(ask, "%lld", (long long)ask->tag);
        tr_hosts_ask_word(ask, group);
        n++;
    }
    return n;
}

/* A repetition would begin those again that have begun: it says for how many it would have to be. */
static int tell_begun(
    const tr_call_t *call, const char *group, tr_hosts_ask_t *asks, size_t n, json_t *rows) {
    int64_t left = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        all += asks[i].tag;
        left += tr_hosts_ask_rows(&asks[i], rows) < 0 ? asks[i].tag : 0;
    }
    int rc = tr_hosts_ask_tell(call, asks, n);
    return rc == 0 ? TR_EXIT_OK
                   : tr_cli_fail(call, tr_apart_exit(rc),
                         "%lld of %lld further members of %s have not been seen to begin: see `troupe ps`, "
                         "and for "
                         "those that are missing then `troupe attach %s --count %lld`",
                         (long long)left, (long long)all, group, group, (long long)left);
}

int tr_hosts_attach_more(const tr_call_t *call, const tr_apart_t *self, const char *group, int64_t count,
    int64_t timeout_ms, json_t *rows) {
    places_t places = {.count = 0};
    size_t n = 0;
    int code = TR_EXIT_OK;
    tr_hosts_ask_t *asks = calloc(TR_SPREAD_HOSTS_MAX, sizeof *asks);
    if (!asks)
        return out_of_memory(call);
    int rc = find_places(call, self, group, &places, asks);
    if (rc < 0) {
        code = tr_cli_fail(call, tr_apart_exit(rc), "no host of %s can be asked: nothing has begun", group);
    } else {
        n = ask_places(asks, self, &places, group, count, timeout_ms);
        tr_hosts_ask_all(self, asks, n);
        code = tell_begun(call, group, asks, n, rows);
    }
    tr_hosts_asks_destroy(&asks, n);
    return code;
}
