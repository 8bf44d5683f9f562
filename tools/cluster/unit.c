#include "tools/cluster/unit.h"

/* In quotes, and nothing in it is a specifier, another line, or (of an argument) a variable. */
static void put_quoted(tr_buffer_t *out, const char *text, bool argument) {
    tr_buffer_char(out, '"');
    for (; *text; text++) {
        if ((unsigned char)*text < ' ') {
            tr_buffer_printf(out, "\\x%02x", (unsigned)*text);
            continue;
        }
        if (*text == '"' || *text == '\\')
            tr_buffer_char(out, '\\');
        if (*text == '%' || (*text == '$' && argument))
            tr_buffer_char(out, *text);
        tr_buffer_char(out, *text);
    }
    tr_buffer_char(out, '"');
}

static void put_paths(tr_buffer_t *out, const tr_unit_t *self, const char *key) {
    tr_buffer_text(out, key);
    put_quoted(out, self->root, false);
    tr_buffer_char(out, '\n');
}

static void put_command(tr_buffer_t *out, const tr_unit_t *self) {
    tr_buffer_t file;
    tr_buffer_init(&file, 0);
    tr_buffer_text(&file, self->root);
    tr_buffer_char(&file, '/');
    tr_buffer_text(&file, self->fleet);
    tr_buffer_text(&file, "/fleet.yaml");
    out->failed = out->failed || file.failed;
    tr_buffer_text(out, "ExecStart=");
    put_quoted(out, self->program, false);
    tr_buffer_text(out, " up ");
    put_quoted(out, file.failed ? "" : tr_buffer_string(&file), true);
    tr_buffer_text(out, " --timeout 10m --state ");
    put_quoted(out, self->root, true);
    tr_buffer_char(out, '\n');
    tr_buffer_finish(&file);
}

static const char service[] = "Restart=on-failure\n"
                              "RestartSec=2\n"
                              "TimeoutStartSec=11min\n"
                              "TimeoutStopSec=90\n"
                              "KillMode=mixed\n"
                              "UMask=0077\n"
                              "LimitNOFILE=65536\n"
                              "NoNewPrivileges=yes\n"
                              "RestrictSUIDSGID=yes\n"
                              "RestrictRealtime=yes\n"
                              "LockPersonality=yes\n"
                              "SystemCallArchitectures=native\n";

/* A user's manager may not do these. */
static const char hardened[] = "CapabilityBoundingSet=\n"
                               "PrivateTmp=yes\n"
                               "PrivateDevices=yes\n"
                               "ProtectSystem=strict\n"
                               "ProtectControlGroups=yes\n"
                               "ProtectKernelLogs=yes\n"
                               "ProtectKernelModules=yes\n"
                               "ProtectKernelTunables=yes\n"
                               "ProtectClock=yes\n"
                               "ProtectHostname=yes\n"
                               "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n";

void tr_unit_print(const tr_unit_t *self, tr_buffer_t *out) {
    tr_buffer_text(out, "[Unit]\nDescription=Troupe fleet ");
    tr_buffer_text(out, self->fleet);
    tr_buffer_text(out, "\nDocumentation=man:troupe(1)\n");
    if (self->system)
        tr_buffer_text(out, "Wants=network-online.target\nAfter=network-online.target\n");
    tr_buffer_text(out, "\n[Service]\nType=notify\n");
    put_command(out, self);
    tr_buffer_text(out, service);
    if (self->system) {
        tr_buffer_text(out, hardened);
        put_paths(out, self, "ReadWritePaths=");
    }
    tr_buffer_text(out, "\n[Install]\nWantedBy=");
    tr_buffer_text(out, self->system ? "multi-user.target\n" : "default.target\n");
}
