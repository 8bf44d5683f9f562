#include "coordinator/options.h"

#include "coordinator/rates.h"
#include "coordinator/scale/scaler.h"
#include "coordinator/task.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define O      tr_coordinator_options_t

static const char *const matches[] = {"exact", "alike", NULL};
static const char *const stores[] = {"sqlite", "postgres", NULL};

static const tr_option_t table[] = {
    TR_RESIDENT_OPTIONS("coordinator", "troupe-tasks",
        "Where the file of tasks is kept; made where it is missing. One coordinator at a time."),
    {"store", 0, "KIND", TR_WORD(O, store), "sqlite",
        "Where the tasks are kept: in a file of --data, or in a PostgreSQL database that several "
        "coordinators may share.",
        .words = stores},
    {"conninfo", 0, "FILE", TR_STRING(O, conninfo), NULL,
        "How the database is reached: a file with a connection string in its first line, which only its "
        "owner may read. "
        "PGHOST, PGUSER and so on say the same."},
    {"schema", 0, "NAME", TR_STRING(O, schema), "troupe",
        "The database's schema that holds the tables; made where it is missing."},
    {"readers", 0, "N", TR_INT(O, readers), "2",
        "Connections with the database beside the one that writes: for what only looks at it (show, ls, "
        "votes ...), which then holds up no task. Each is made when it is needed; 0 = none.",
        .min = 0, .max = TR_READERS_MAX},
    {"lease", 0, "TIME", TR_DURATION(O, lease_ms), "3s",
        "What a coordinator has is another one's when it was not heard of for so long, which all that share "
        "a database should say alike.",
        .min = 1000, .max = 600000},
    {"task-timeout", 0, "TIME", TR_DURATION(O, timeout_ms), "10m",
        "How long an agent may take for a task that says nothing of it.", .min = 1, .max = DAY_MS * 30},
    {"tries", 0, "N", TR_INT(O, tries), "3", "How often a task that says nothing of it is tried.", .min = 1,
        .max = 100},
    {"keep", 0, "TIME", TR_DURATION(O, keep_ms), "0",
        "How long what has ended is kept: tasks with their history, decisions with all that was said. 0 = "
        "for ever. Keys, by which a "
        "task is submitted once, are known for as long.",
        .min = 0},
    {"assign", 0, "WAY", TR_WORD(O, assign), "direct",
        "How an agent is found for a task that says nothing of it: the coordinator chooses, or the best bid "
        "in a contract net gets it, or an agent that chooses says who.",
        .words = tr_task_way_words},
    {"chooser", 0, "AGENT", TR_STRING(O, chooser), "svc:chooser",
        "Who is asked where the way is mind: an agent that votes, such as one with the behaviour voter."},
    {"match", 0, "HOW", TR_WORD(O, match), "exact",
        "Who may do a task: who offers all of its services; or, where nobody does, also whose services fit "
        "best, being half of them or alike "
        "in meaning.",
        .words = matches},
    {"steal", 0, NULL, TR_BOOL(O, steal), NULL,
        "An agent that joins gets tasks that others have in hand and have not agreed to. For fleets whose "
        "agents agree when they begin: "
        "others may do twice what is taken from them."},
    {"rate", 0, "SERVICE=COUNT/TIME", TR_LIST(O, rates), NULL,
        "Tasks that want this service are begun no more often: COUNT at once, and then as many in each TIME, "
        "evenly. May be repeated. "
        "Coordinators that share a database keep it together.",
        .max = TR_RATES_MAX},
    {"front", 0, "AGENT", TR_LIST(O, fronts), NULL,
        "An agent that asks for persons: whom it names has decided an approval, and not the agent (gateway). "
        "May be repeated; NAME, NAME@PLATFORM, or the "
        "beginning of names and a `*`.",
        .max = 16},
    {"autoscale", 0, "RULE", TR_LIST(O, autoscale), NULL,
        "GROUP=MIN..MAX/BACKLOG/COOLDOWN@SERVICE[,SERVICE...][:PLATFORM[,PLATFORM...]]: a group of this "
        "machine's fleet, or of those platforms, that grows and shrinks by what waits for its services; "
        "BACKLOG messages for each agent are well. A fleet file's `autoscale` says it. May be repeated.",
        .max = 256},
    {"fleet-state", 0, "DIR", TR_STRING(O, fleet_state), NULL,
        "With --autoscale without platforms: the state directory of the fleet, which `troupe up` says: who "
        "can write there is "
        "obeyed by its supervisor."},
    {"migrate", 0, NULL, TR_BOOL(O, migrate), NULL,
        "Make the tables of the database, or bring them up to date, and end, without a broker. A start does "
        "the same: this is for who has that done before, or by a role of its own.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"check", 0, NULL, TR_BOOL(O, check), NULL, "Check the options, and end.", .flags = TR_OPTION_FLAG_ONLY},
    TR_RESIDENT_MORE_OPTIONS,
};

static const tr_program_t program = {
    .name = "troupe-coordinator",
    .summary = "See that tasks get done",
    .description =
        "Takes tasks (`troupe task submit`), keeps them on its disk, gives each to an agent that offers the "
        "services it needs, and gives it to another one where that fails, dies or is late, until it is done "
        "or "
        "its tries have ended.\n\n"
        "It ends with 0 when it was asked to, 1 for wrong usage, 2 when the broker cannot be reached, 3 when "
        "the "
        "broker refuses or what it was given is not valid, 5 when its disk fails.",
    .examples = "troupe-coordinator --data /var/lib/troupe/tasks\n"
                "troupe-coordinator --connect tcp://node1:5570 --cert coordinator.secret\n"
                "troupe-coordinator --store postgres --conninfo /etc/troupe/tasks.conninfo --migrate",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE_COORDINATOR",
    .has_file = true,
};

static int check_scalers(const tr_coordinator_options_t *o, tr_error_t *error) {
    tr_scaler_t scaler;
    for (size_t i = 0; i < o->autoscale.count; i++) {
        if (tr_scaler_parse(&scaler, o->autoscale.items[i], error) < 0)
            return -EINVAL;
        if (!scaler.platform_count && !o->fleet_state)
            return tr_error_set(error, -EINVAL,
                "--autoscale %s needs --fleet-state: the directory of the fleet that is scaled",
                scaler.group);
    }
    return 0;
}

int tr_coordinator_options_read(int argc, char *const *argv, tr_coordinator_options_t *ret_options) {
    tr_coordinator_options_t o = {0};
    tr_error_t error = {0};
    int ask = tr_options_read(&program, argc, argv, &o, &o.flags, &error);
    if (ask != TR_OPTIONS_RUN)
        return tr_options_answer(&program, ask, &error);
    const char *wrong = o.migrate && !o.store
                            ? "--migrate needs --store postgres: a file of --data is one coordinator's, "
                              "and brought up to date by its start"
                            : tr_resident_options_wrong(&o.resident);
    if (wrong) {
        tr_coordinator_options_finish(&o);
        return tr_options_answer(&program, tr_error_set(&error, -EINVAL, "%s", wrong), &error);
    }
    if (check_scalers(&o, &error) < 0) {
        tr_coordinator_options_finish(&o);
        return tr_options_answer(&program, -EINVAL, &error);
    }
    tr_rates_t rates = {0};
    for (size_t i = 0; i < o.rates.count; i++)
        if (tr_rates_add(&rates, o.rates.items[i], &error) < 0) {
            tr_coordinator_options_finish(&o);
            return tr_options_answer(&program, -EINVAL, &error);
        }
    if (o.check) {
        tr_coordinator_options_finish(&o);
        return TR_RESIDENT_OK;
    }
    *ret_options = o;
    return TR_RESIDENT_GO;
}

void tr_coordinator_options_finish(tr_coordinator_options_t *self) {
    tr_options_destroy(&self->flags);
}
