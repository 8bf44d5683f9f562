#include "broker/shell/options.h"

#include "lib/base/http_file.h"
#include "lib/base/log.h"
#include "proto/aid.h"

#include <errno.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define O      tr_broker_options_t

static const tr_option_t table[] = {
    {"listen", 'l', "ENDPOINT", TR_LIST(O, listen), "tcp://127.0.0.1:5570",
        "Where processes connect: tcp://HOST:PORT (port 0: the kernel's choice) or ipc://PATH. May be "
        "repeated."},
    {"stream", 's', "ENDPOINT", TR_STRING(O, stream), "tcp://127.0.0.1:5571",
        "The topic stream, for any ZeroMQ SUB socket."},
    {"http", 0, "ADDRESS", TR_STRING(O, http), "127.0.0.1:5572",
        "HOST:PORT of /metrics, /healthz and /readyz; `none` for no such port."},
    {"http-file", 0, "DIR", TR_STRING(O, http_file), NULL, TR_HTTP_FILE_HELP},
    {"platform", 'p', "NAME", TR_STRING(O, platform), "local",
        "The name of this broker: what stands behind the @ of its agents' names."},
    {"insecure", 0, NULL, TR_BOOL(O, insecure), NULL,
        "Allow TCP beyond loopback without certificates, where everybody who reaches the port may do "
        "everything."},
    {"cert", 0, "FILE", TR_STRING(O, cert), NULL,
        "The secret part of this broker's certificate (`troupe cert new broker --role broker`): everything "
        "is encrypted, "
        "and only who has a certificate of --certs gets in."},
    {"certs", 0, "DIR", TR_STRING(O, certs), NULL,
        "The certificates of who may come. Changes count within two seconds: rotated keys, rights, "
        "revocations."},
    {"federation", 0, "ENDPOINT", TR_STRING(O, federation), NULL,
        "Where other brokers connect: tcp://HOST:PORT or ipc://PATH. Brokers are linked with certificates "
        "only "
        "(--cert, --certs)."},
    {"peer", 0, "[CERT@]ENDPOINT", TR_LIST(O, peers), NULL,
        "Another broker's --federation address, and the certificate (of --certs) that it has there; without "
        "one, the "
        "same as this broker's. May be repeated."},
    {"peers-dns", 0, "[CERT@]HOST:PORT", TR_LIST(O, peers_dns), NULL,
        "A name whose addresses are all brokers (a headless service), this one perhaps among them. May be "
        "repeated."},
    {"peers-every", 0, "TIME", TR_DURATION(O, peers_every_ms), "5s", "How often --peers-dns is looked up.",
        .min = 100, .max = DAY_MS},
    {"peer-records", 0, "N", TR_INT(O, peer_records), "262144",
        "Messages that wait for one other broker; more are refused with busy.", .min = 16, .max = 1 << 28},
    {"peer-bytes", 0, "SIZE", TR_SIZE(O, peer_bytes), "64M", "Bytes that wait likewise.", .min = 65536,
        .max = INT64_C(1) << 36},
    {"peer-offers", 0, "N", TR_INT(O, peer_offers), "262144",
        "Services and topic patterns that one other broker may offer and want here; more are left out.",
        .min = 16, .max = 1 << 28},
    {"open-links", 0, NULL, TR_BOOL(O, open_links), NULL,
        "With certificates: they are asked of other brokers only, and processes of this machine come in "
        "without."},
    {"restrict", 0, "PATTERN", TR_LIST(O, restricted), NULL,
        "Topics that are never on the topic stream, only over the links of this platform's agents that "
        "subscribe "
        "to them, and never on another platform. May be repeated."},
    {"max-record", 0, "SIZE", TR_SIZE(O, max_record), "4M", "The largest record that is taken.", .min = 4096,
        .max = 64 << 20},
    {"window-records", 0, "N", TR_INT(O, window_records), "32768", "Records that a process may send ahead.",
        .min = 64, .max = 1 << 24},
    {"window-bytes", 0, "SIZE", TR_SIZE(O, window_bytes), "8M", "Bytes that a process may send ahead.",
        .min = 65536, .max = 1 << 30},
    {"trace-bytes", 0, "SIZE", TR_SIZE(O, trace_bytes), "4M",
        "Bytes of spans that are kept for `troupe trace`; the oldest go first.", .min = 0, .max = 1 << 30},
    {"trace-per-second", 0, "N", TR_INT(O, trace_per_second), "1000",
        "Spans of its own that the broker notes in a second (`route`, `deliver`); more are counted as "
        "dropped. "
        "0: as many as come.",
        .min = 0, .max = INT32_MAX},
    {"mailbox-records", 0, "N", TR_INT(O, mailbox_records), "262144",
        "Messages that one mailbox holds; more are refused with busy.", .min = 16, .max = 1 << 28},
    {"mailbox-bytes", 0, "SIZE", TR_SIZE(O, mailbox_bytes), "32M", "Bytes that one mailbox holds.",
        .min = 65536, .max = INT64_C(1) << 36},
    {"service-records", 0, "N", TR_INT(O, service_records), "65536",
        "Requests that wait for a provider of one service.", .min = 1, .max = 1 << 28},
    {"service-bytes", 0, "SIZE", TR_SIZE(O, service_bytes), "64M", "Bytes of requests that wait likewise.",
        .min = 65536, .max = INT64_C(1) << 36},
    {"service-wait", 0, "TIME", TR_DURATION(O, service_wait_ms), "30s",
        "How long waiting requests outlive a service's last provider.", .min = 100, .max = DAY_MS},
    {"tries", 0, "N", TR_INT(O, tries), "20",
        "Deliveries of one service request or durable message before it fails; what is durable is a dead "
        "letter "
        "then.",
        .min = 1, .max = 255},
    {"poison", 0, "N", TR_INT(O, poison), "3",
        "Failures of its receivers with one service request or durable message before it fails.", .min = 1,
        .max = 255},
    {"heartbeat", 0, "TIME", TR_DURATION(O, heartbeat_ms), "750ms", "How often a process says that it lives.",
        .min = 50, .max = 60000},
    {"lease", 0, "TIME", TR_DURATION(O, lease_ms), "2500ms", "A process that is silent for longer is dead.",
        .min = 150, .max = 600000},
    {"grace", 0, "TIME", TR_DURATION(O, grace_ms), "1s",
        "A process whose connection broke may come back within this time.", .min = 0, .max = 600000},
    {"sessions", 0, "N", TR_INT(O, sessions), "100000", "Processes at once.", .min = 1, .max = 1 << 20},
    {"services", 0, "N", TR_INT(O, services), "65536", "Services at once.", .min = 1, .max = 1 << 20},
    {"topics", 0, "N", TR_INT(O, topics), "65536", "Topics at once.", .min = 16, .max = 1 << 20},
    {"subscriptions", 0, "N", TR_INT(O, subscriptions), "1000000", "Subscriptions of agents.", .min = 1,
        .max = 1 << 28},
    {"stream-queue", 0, "N", TR_INT(O, stream_queue), "256",
        "Bundles that wait for one watcher of the stream before it misses some.", .min = 1, .max = 1 << 20},
    {"drain", 0, "TIME", TR_DURATION(O, drain_ms), "30s",
        "After SIGTERM, time for what is queued to reach its receivers.", .min = 0, .max = DAY_MS},
    {"journal", 'j', "WHERE", TR_STRING(O, journal), "none",
        "Keep durable messages: a directory (RocksDB), `postgres`, or `none`."},
    {"journal-conninfo", 0, "FILE", TR_STRING(O, journal_conninfo), "",
        "With `postgres`: a file, readable by its owner alone, with the connection string; without it the "
        "environment says (PGHOST, PGDATABASE, PGPASSFILE ...)."},
    {"journal-table", 0, "NAME", TR_STRING(O, journal_table), "",
        "With `postgres`: the table, of this broker alone (troupe_journal). A `*` at its end stands for the "
        "platform's name, with underscores for what a table's name cannot have."},
    {"journal-salvage", 0, NULL, TR_BOOL(O, journal_salvage), NULL,
        "Open a damaged journal and keep what is before the damage. What is behind it is lost."},
    {"message-lease", 0, "TIME", TR_DURATION(O, message_lease_ms), "30s",
        "A durable message comes again when its receiver has neither finished it nor said that it works on "
        "it "
        "for so long.",
        .min = 100, .max = DAY_MS},
    {"in-hand", 0, "N", TR_INT(O, in_hand), "1024",
        "Unfinished durable messages that one agent may have from its mailbox.", .min = 1, .max = 65536},
    {"queue-records", 0, "N", TR_INT(O, queue_records), "268435456",
        "Messages that one durable queue holds; more are refused with busy.", .min = 1,
        .max = INT64_C(1) << 40},
    {"queue-bytes", 0, "SIZE", TR_SIZE(O, queue_bytes), "4G", "Bytes that one durable queue holds.",
        .min = 65536, .max = INT64_C(1) << 44},
    {"queue-retention", 0, "TIME", TR_DURATION(O, queue_age_ms), "0",
        "A durable message that has waited for longer becomes a dead letter (`troupe dlq`); 0 is for ever.",
        .min = 0, .max = DAY_MS * 36500},
    {"queue-memory", 0, "SIZE", TR_SIZE(O, queue_memory), "8M",
        "Bytes of one durable queue that are kept in memory; the rest is read when it is wanted.",
        .min = 65536, .max = INT64_C(1) << 36},
    {"dedup-window", 0, "TIME", TR_DURATION(O, dedup_ms), "1h",
        "How long the numbers of a silent producer are remembered, so that what it sends again has one "
        "effect.",
        .min = 1000, .max = DAY_MS * 30},
    {"letters", 0, "N", TR_INT(O, letters), "1000000",
        "Dead letters that are kept (`troupe dlq`); when there are as many, mailboxes that have some take no "
        "new durable "
        "messages (busy) until they are sent again or dropped.",
        .min = 1, .max = INT64_C(1) << 40},
    {"letters-bytes", 0, "SIZE", TR_SIZE(O, letters_bytes), "4G", "Bytes of them.", .min = 4096,
        .max = INT64_C(1) << 44},
    {"letters-each", 0, "N", TR_INT(O, letters_each), "100000",
        "Dead letters of one mailbox or queue that are kept before it takes no new durable messages.",
        .min = 1, .max = INT64_C(1) << 40},
    {"letters-each-bytes", 0, "SIZE", TR_SIZE(O, letters_each_bytes), "256M", "Bytes of them.", .min = 4096,
        .max = INT64_C(1) << 44},
    {"queue-idle", 0, "TIME", TR_DURATION(O, queue_idle_ms), "1h",
        "A durable queue that holds nothing, and that nobody has asked for (a durable agent or service, a "
        "durable "
        "subscription, limits of its own), is given up when it was not used for so long.",
        .min = 1000, .max = DAY_MS * 36500},
    {"queues-each", 0, "N", TR_INT(O, queues_each), "16384",
        "Durable queues that the holder of one certificate, or one other broker, may have made; 0 is no "
        "limit.",
        .min = 0, .max = 1 << 20},
    {"producers-each", 0, "N", TR_INT(O, producers_each), "25000",
        "Producers of durable messages that the broker remembers likewise, of 100,000 in all; 0 is no limit.",
        .min = 0, .max = 1 << 20},
    {"io-threads", 0, "N", TR_INT(O, io_threads), "1", "ZeroMQ's I/O threads.", .min = 1, .max = 16},
    {"ready-fd", 0, "FD", TR_INT(O, ready_fd), "-1",
        "Write one JSON line with the endpoints to this file descriptor, and close it, when ready.",
        .min = -1, .max = 1 << 20, .flags = TR_OPTION_FLAG_ONLY},
    {"die-with", 0, "PID", TR_INT(O, die_with), "0", "Stop when this parent process ends.", .min = 0,
        .max = INT32_MAX, .flags = TR_OPTION_FLAG_ONLY},
    {"check", 0, NULL, TR_BOOL(O, check), NULL, "Check the options, and end without listening.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_LOG_OPTIONS(O),
};

static const tr_program_t program = {
    .name = "troupe-broker",
    .summary = "Route messages between agents, services and topics",
    .description =
        "Processes connect, register their agents, and send each other FIPA ACL messages through this "
        "broker. It "
        "knows who is there (AMS), who offers what (DF), gives a request to the least loaded provider of a "
        "service, and puts publications on a topic stream that any ZeroMQ SUB socket can watch.\n\n"
        "SIGTERM: nothing new is taken, what is queued goes out, then it ends with 0. A second SIGTERM ends "
        "it "
        "at once. Exit codes: 1 wrong usage, 2 an address cannot be bound, 3 refused for safety, 4 the "
        "journal "
        "failed.",
    .examples = "# on the default ports of this machine\n"
                "troupe-broker\n\n"
                "# with a Unix socket for local agents, and metrics\n"
                "troupe-broker --listen ipc:///run/troupe/broker.sock --http 127.0.0.1:9100",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE_BROKER",
    .has_file = true,
};

const tr_program_t *tr_broker_program(void) {
    return &program;
}

int tr_broker_options_check(const tr_broker_options_t *options, tr_error_t *error) {
    if (!tr_platform_valid(options->platform, strlen(options->platform)))
        return tr_error_set(error, -EINVAL,
            "--platform %s: a name of 1 to 63 of A-Z a-z 0-9 . _ - is expected", options->platform);
    if (options->lease_ms <= options->heartbeat_ms)
        return tr_error_set(error, -EINVAL, "--lease must be longer than --heartbeat");
    if (!options->cert != !options->certs)
        return tr_error_set(error, -EINVAL,
            "--cert and --certs go together: who this broker is, and who may come; `troupe cert new` makes "
            "both");
    bool federates = options->federation || options->peers.count || options->peers_dns.count;
    if (federates && !options->cert)
        return tr_error_set(error, -EPERM,
            "brokers are linked with certificates only: give --cert and --certs; `troupe cert new NAME "
            "--role "
            "broker` makes one, NAME being the platform");
    return 0;
}
