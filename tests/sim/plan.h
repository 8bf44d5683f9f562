/*
 * What a seed decides before the run begins: how many processes, what they do, how slow the network is, how
 * small the limits are, and which faults happen. Each fault is either on or off for a whole run, so that some
 * runs have few of them and go deep, and others have all at once.
 */
#ifndef TR_SIM_PLAN_H
#define TR_SIM_PLAN_H

#include "broker/core/core.h"
#include "lib/cert/cert.h"
#include "tests/sim/prng.h"

#define SIM_MS          1000000ll /* nanoseconds */
#define SIM_SECOND      (1000 * SIM_MS)
#define SIM_PROCS_MAX   8
#define SIM_ACTORS_MAX  24 /* of all processes */
#define SIM_SERVICES    3
#define SIM_TOPICS      4
#define SIM_REQUEST_MS  5000 /* how long a requester waits */
#define SIM_TOKENS      50   /* a request that says what may be spent on it says so many at most */
#define SIM_MONEY       37   /* likewise in millionths; no multiple of 5, as SIM_TOKENS is none of 3 */
#define SIM_NEVER       INT64_MAX
#define SIM_KNOWN_MS    3000 /* a dead process is known after so long (DESIGN.md, section 12) */
#define SIM_BROKERS_MAX 3

/* Worlds of a kind. What a seed means within one family is not changed by the others. */
typedef enum sim_family {
    SIM_PLAIN,     /* one broker */
    SIM_FEDERATED, /* two or three, linked to each other */
    SIM_GUARDED,   /* one with certificates, limits, and an operator who gives orders */
    SIM_FAMILIES,
} sim_family_t;

extern const char *const sim_family_names[SIM_FAMILIES];

/* Phases: traffic and faults; all is mended and traffic goes on; no new traffic, until nothing is under way any
 * more; a last round that must get through (the roll call); everybody leaves. The last three end when they are
 * done, after these times at the earliest. */
typedef struct sim_phases {
    int64_t heal_ns, quiet_ns, roll_call_ns;
} sim_phases_t;

typedef enum sim_fault {
    SIM_FAULT_RESET,        /* a connection breaks, both ends are told */
    SIM_FAULT_HALF_OPEN,    /* it breaks, one end is told or none */
    SIM_FAULT_CUT,          /* a process cannot reach the broker for a while; connections stay */
    SIM_FAULT_SLOW,         /* everything of a process takes long for a while */
    SIM_FAULT_CRASH,        /* kill -9 of a process */
    SIM_FAULT_POWER,        /* its machine is gone: nobody is told */
    SIM_FAULT_LEAVE,        /* it ends in good order and starts again */
    SIM_FAULT_PAUSE,        /* SIGSTOP */
    SIM_FAULT_SUSPEND,      /* the monotonic clock stands still, too */
    SIM_FAULT_WALL,         /* its wall clock jumps */
    SIM_FAULT_REPLAY,       /* an old HELLO comes again from somewhere */
    SIM_FAULT_BROKER_CRASH, /* kill -9 */
    SIM_FAULT_BROKER_STOP,  /* SIGTERM: it drains */
    SIM_FAULT_BROKER_PAUSE,
    SIM_FAULT_BROKER_SUSPEND,
    SIM_FAULT_BROKER_WALL,
    SIM_FAULTS_PLAIN,                          /* these of a broker with a journal: */
    SIM_FAULT_BROKER_POWER = SIM_FAULTS_PLAIN, /* its machine is gone, with what was not synced */
    SIM_FAULT_DISK_WRITE,                      /* a write fails */
    SIM_FAULT_DISK_SYNC,                       /* a sync fails */
    SIM_FAULT_DISK_SLOW,
    SIM_FAULT_DISK_FULL,
    SIM_FAULTS_DISK,                      /* these of the roads between brokers: */
    SIM_FAULT_ROAD_CUT = SIM_FAULTS_DISK, /* two cannot reach each other for a while; connections stay */
    SIM_FAULT_ROAD_ONE_WAY,               /* one does not reach the other, who reaches it */
    SIM_FAULT_ROAD_SLOW,
    SIM_FAULT_ROAD_RESET,     /* the connection between two breaks, both are told */
    SIM_FAULT_ROAD_HALF_OPEN, /* it breaks, one is told or none */
    SIM_FAULTS,
} sim_fault_t;

extern const char *const sim_fault_names[SIM_FAULTS];

typedef enum sim_role {
    SIM_ROLE_SEND = 1 << 0,      /* numbered messages to the others */
    SIM_ROLE_REQUEST = 1 << 1,   /* tr_request, to services and agents */
    SIM_ROLE_PROVIDE = 1 << 2,   /* a service */
    SIM_ROLE_PUBLISH = 1 << 3,   /* on topics */
    SIM_ROLE_SUBSCRIBE = 1 << 4, /* to a pattern */
    SIM_ROLE_CONVERSE = 1 << 5,  /* begins conversations under FIPA's protocols */
    SIM_ROLE_ECHO = 1 << 6,      /* begins games that only the hop limit ends */
    SIM_ROLES = 1 << 7,
    SIM_ROLE_STORE = 1 << 7, /* where there is a journal: durable messages */
    SIM_ROLE_READ = 1 << 8,  /* ... and the stream of all topics */
    SIM_ROLE_ORDER = 1 << 9, /* in guarded worlds: quarantine, and what becomes of dead letters */
} sim_role_t;

typedef struct sim_actor_plan {
    unsigned proc;
    unsigned roles;
    unsigned service;  /* that it provides */
    uint32_t capacity; /* of it */
    unsigned pattern;  /* that it subscribes to */
    int64_t every_ms;  /* about so often it does something */
} sim_actor_plan_t;

/* A bit for each topic or service that a certificate does not name. */
typedef struct sim_bans {
    unsigned publish, subscribe, ask;
} sim_bans_t;

typedef struct sim_plan {
    sim_family_t family;
    unsigned procs_n, actors_n, brokers_n;
    unsigned receivers_n;         /* of the actors: the first ones; who is behind them gets no letters */
    unsigned home[SIM_PROCS_MAX]; /* the broker of each process */
    bool dials[SIM_BROKERS_MAX][SIM_BROKERS_MAX]; /* who dials whom */
    bool watched[SIM_BROKERS_MAX];                /* somebody listens on its topic stream */
    tr_limits_t limits[SIM_PROCS_MAX];            /* of each process's certificate, where it has one */
    sim_bans_t bans[SIM_PROCS_MAX];               /* what it does not allow */
    sim_actor_plan_t actors[SIM_ACTORS_MAX];
    tr_core_config_t core;   /* without the strings */
    uint32_t window_records; /* of the processes */
    uint64_t window_bytes, queue_bytes;
    int64_t delay_min_ns, delay_max_ns; /* of one frame, one way */
    bool forges;                        /* processes say of messages that others have sent them (forge.h) */
    bool reorders;                      /* what comes over several connections comes in any order (net.h) */
    int64_t turn_max_ns;                /* how late a process or broker wakes */
    unsigned burst;                     /* messages at once, at most */
    size_t size_max;                    /* bytes of a content */
    unsigned fail_per_mille;            /* a behaviour fails, of messages received */
    unsigned keep_per_mille;            /* ... or keeps the message for a while */
    unsigned busy_per_mille;            /* ... or takes its time */
    bool faults[SIM_FAULTS];
    bool calm; /* no fault at all: then nothing may be lost */
    int64_t fault_every_ms;
    int64_t sync_min_ns, sync_max_ns; /* of the broker's disk */
    bool durable[SIM_PROCS_MAX];      /* all that comes to the agents of this process is durable */
    bool any_durable;
    bool
        withdraws; /* actors offer their service no more for a while; then nobody subscribes at a service, where a second one would
                       answer beside the first */
    uint64_t stream_records, stream_bytes, stream_age_ms; /* limits of the stream */
    sim_phases_t phases;
} sim_plan_t;

/* seconds: of virtual time, in all. */
void sim_plan_make(sim_plan_t *self, sim_prng_t prng, sim_family_t family, int64_t seconds);

#endif
