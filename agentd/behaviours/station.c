/*
 * station: takes agents that are moved here (`troupe move AGENT --to STATION`), and hosts them in its process.
 *
 *   args: {"load": ["FILE.so", ...]}, optional: behaviours of users that agents may have, beside the built-in ones
 *
 * Only those that save and restore their state can be moved, and so be taken. It offers the service `station`, by which the AMS finds it. The
 * AMS alone gives it orders.
 */
#include "agentd/behaviours/args.h"
#include "agentd/behaviours/stateless.h"
#include "agentd/behaviours/table.h"
#include "agentd/load.h"

#include "troupe/host.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LOADED_MAX 16u

/* One that is to be taken: not within a callback. */
typedef struct order {
    struct order *next;
    tr_agent_t *agent;
    tr_message_t *message;
} order_t;

typedef struct station {
    tr_loaded_t *loaded[LOADED_MAX];
    size_t loaded_n;
    order_t *orders;
} station_t;

static const tr_arg_t known_args[] = {
    {"load", TR_ARG_ANY},
};

/* The list of files, NULL where none is given. */
static int read_args(tr_value_t args, tr_value_t *ret_load, tr_problem_t *problem) {
    int rc = tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, NULL, problem);
    tr_value_t load = tr_value_get(args, "load");
    bool fits = !load || (tr_value_is_array(load) && tr_value_size(load) <= LOADED_MAX);
    *ret_load = load;
    return rc < 0 || fits
               ? rc
               : tr_args_wrong(problem, "load", load, "expected a list of at most 16 shared objects");
}

static int load_all(tr_value_t files, tr_problem_t *problem, tr_loaded_t **ret_loaded, size_t *ret_n) {
    char path[PATH_MAX];
    tr_error_t error = {0};
    for (size_t i = 0; i < tr_value_size(files); i++) {
        tr_value_t file = tr_value_at(files, i);
        if (tr_value_copy(file, path, sizeof path) < 0)
            return tr_args_wrong(problem, "load", file, "expected the path of a shared object");
        int rc = tr_load_behaviour(path, &ret_loaded[i], &error);
        if (rc < 0)
            return problem ? tr_problem_set(problem, rc, "args.load", "%s", error.text) : rc;
        *ret_n = i + 1;
    }
    return 0;
}

/* Agents that were taken run its code, also while the station begins anew. */
static void let_go(tr_loaded_t **loaded, size_t n) {
    for (size_t i = 0; i < n; i++)
        tr_loaded_keep(&loaded[i]);
}

int tr_station_check(tr_value_t args, tr_problem_t *problem) {
    tr_value_t load = NULL;
    tr_loaded_t *loaded[LOADED_MAX] = {0};
    size_t n = 0;
    int rc = read_args(args, &load, problem);
    if (rc == 0)
        rc = load_all(load, problem, loaded, &n);
    let_go(loaded, n);
    return rc;
}

static void take_again(tr_host_t *host, void *agent);

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    station_t *station = state;
    tr_value_t load = NULL;
    int rc = read_args(args, &load, NULL);
    if (rc == 0)
        rc = load_all(load, NULL, station->loaded, &station->loaded_n);
    if (rc == 0)
        rc = tr_provide(self, "station", 0);
    return rc < 0 ? rc : tr_host_post(tr_agent_host(self), take_again, self);
}

static const tr_behaviour_t *find(void *arg, const char *name) {
    const station_t *station = arg;
    for (size_t i = 0; i < station->loaded_n; i++) {
        const tr_behaviour_t *b = tr_loaded_behaviour(station->loaded[i]);
        if (!strcmp(b->name, name))
            return b;
    }
    return tr_behaviour_find(name);
}

/* Whom it had when its process ended. */
static void take_again(tr_host_t *host, void *agent) {
    tr_host_take_again(host, find, tr_agent_state(agent)); /* what fails is told as an event */
}

static void drop(station_t *station, order_t *order) {
    order_t **p = &station->orders;
    while (*p != order)
        p = &(*p)->next;
    *p = order->next;
    tr_message_done(&order->message);
    free(order);
}

static bool is_there(const station_t *station, const order_t *order) {
    const order_t *o = station->orders;
    while (o && o != order)
        o = o->next;
    return o != NULL;
}

/* While it waits for the broker other agents of the process are called, and the station may begin anew, without its orders. */
static void carry_out(tr_host_t *host, station_t *station, order_t *order) {
    tr_error_t error = {0};
    int rc = tr_host_take(host, tr_message_value(order->message), find, station, &error);
    if (!is_there(station, order))
        return;
    if (rc < 0) {
        tr_reply_reason(order->agent, order->message, TR_FAILURE, "not-taken", error.text);
    } else {
        tr_content_writer_t w;
        tr_content_writer_init(&w);
        tr_write_map(&w, 1);
        tr_write_kv_bool(&w, "taken", true);
        tr_reply_content(order->agent, order->message, TR_INFORM, &w);
    }
    drop(station, order);
}

static void carry_out_all(tr_host_t *host, void *agent) {
    station_t *station = tr_agent_state(agent);
    while (station->orders)
        carry_out(host, station, station->orders);
}

static bool is_order(tr_agent_t *self, const tr_message_t *message) {
    char ams[TR_AID_MAX + 8] = "ams@";
    char aid[TR_AID_MAX + 1];
    strcat(ams, strchr(tr_agent_aid(self, aid), '@') + 1);
    return tr_message_performative(message) == TR_REQUEST && !strcmp(tr_message_sender(message), ams) &&
           tr_value_equals(tr_value_get(tr_message_value(message), "action"), "take");
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    station_t *station = state;
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    if (!is_order(self, message))
        return tr_message_performative(message) == TR_REQUEST
                   ? tr_reply_reason(
                         self, message, TR_REFUSE, "unauthorised", "only the AMS gives orders: troupe move")
                   : 0;
    order_t *order = calloc(1, sizeof *order);
    if (!order || !(order->message = tr_message_keep(message))) {
        free(order);
        return tr_reply_reason(self, message, TR_FAILURE, "internal-error", "out of memory");
    }
    order->agent = self;
    order->next = station->orders;
    station->orders = order;
    if (tr_host_post(tr_agent_host(self), carry_out_all, self) < 0)
        drop(station, order); /* out of memory: the AMS waits for its time */
    return 0;
}

static void fini(tr_agent_t *self, void *state) {
    station_t *station = state;
    (void)self;
    while (station->orders)
        drop(station, station->orders);
    let_go(station->loaded, station->loaded_n);
}

const tr_behaviour_t tr_behaviour_station = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "station",
    .summary = "takes agents that are moved to its process",
    .state_size = sizeof(station_t),
    .init = init,
    .receive = receive,
    .fini = fini,
    .save = tr_stateless_save,
    .restore = tr_stateless_restore,
};
