#include "gateway/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define O tr_gateway_options_t

static const tr_option_t table[] = {
    TR_RESIDENT_LINK_OPTIONS("gateway"),
    {"listen", 'l', "ADDRESS:PORT", TR_STRING(O, web.listen), "127.0.0.1:8080",
        "Where it serves; port 0: one of the kernel's choice. Beyond loopback it needs --tls-cert, or "
        "--insecure."},
    {"tokens", 't', "FILE", TR_STRING(O, web.tokens), NULL,
        "Who may do what: a line NAME ROLE HASH for each token. Read again when it changes."},
    {"new-token", 0, "NAME:ROLE", TR_STRING(O, new_token), NULL,
        "Make a token of the role viewer, operator or admin, add its line to the file of --tokens, print it, "
        "and end. It is not kept "
        "anywhere.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"users", 'u', "FILE", TR_STRING(O, web.users), NULL,
        "Who may sign in with name and password: `troupe user add` makes it. Read again when it changes."},
    {"session-idle", 0, "TIME", TR_DURATION(O, web.session_idle_ms), "30m",
        "A user who asks for nothing so long has to sign in again.", .min = 1000, .max = 2592000000},
    {"session-life", 0, "TIME", TR_DURATION(O, web.session_life_ms), "12h",
        "A user has to sign in again after this time.", .min = 1000, .max = 2592000000},
    {"anonymous", 0, "WHO", TR_WORD(O, web.anonymous), "auto",
        "What may be done without a token or session: none, or what a viewer may. auto: viewer on loopback, "
        "unless --proxy or --public-url says that others reach it there; else none.",
        .words = tr_web_anonymous_words},
    {"host", 0, "NAME", TR_LIST(O, web.hosts), NULL,
        "A name of this server that requests may have in Host, beside those of loopback. Beyond loopback any "
        "may, unless some are given. "
        "May be repeated."},
    {"origin", 0, "ORIGIN", TR_LIST(O, web.origins), NULL,
        "Whose pages may use it, beside its own: https://NAME[:PORT]. May be repeated."},
    {"proxy", 0, "ADDRESS", TR_LIST(O, web.proxies), NULL,
        "A server in front of it, by its address, whose word on who the client is counts (X-Forwarded-For): "
        "for "
        "limits by address, and the log. May be repeated."},
    {"public-url", 0, "URL", TR_STRING(O, web.public_url), NULL,
        "Where clients reach it, as agent cards say it: https://NAME. Without it: as each request has it."},
    {"front", 0, "AGENT", TR_STRING(O, web.front), "assistant",
        "The agent that stands for the fleet towards other agents (A2A)."},
    {"push-to", 0, "PLACE", TR_LIST(O, web.push_to), NULL,
        "Where clients of A2A may have the ends of their tasks told, beside the public internet: "
        "http://HOST:PORT/PATH, or what begins so. May be repeated."},
    {"oidc-keys", 0, "FILE", TR_STRING(O, web.oidc_keys), NULL,
        "Keys of an OpenID provider (a JWKS, what its jwks_uri gives): tokens that it has signed by RS256 or "
        "ES256 count. Read again when it changes."},
    {"oidc-issuer", 0, "URL", TR_STRING(O, web.oidc_issuer), NULL,
        "The OpenID provider: what such a token says as its issuer (iss), and whom --oidc-client asks."},
    {"oidc-audience", 0, "NAME", TR_STRING(O, web.oidc_audience), NULL, "For whom such a token is (aud)."},
    {"oidc-claim", 0, "NAME", TR_STRING(O, web.oidc_claim), "roles",
        "The claim that names its role, viewer, operator or admin: a text, or a list. NAME.NAME is within "
        "another one."},
    {"oidc-role", 0, "VALUE=ROLE", TR_LIST(O, web.oidc_roles), NULL,
        "What the claim has to say for a role, in place of the role's name: fleet-admins=admin. *=ROLE: "
        "whoever "
        "it is. May be repeated."},
    {"oidc-client", 0, "ID", TR_STRING(O, web.oidc_client), NULL,
        "People sign in at the provider by the page, where the gateway is this client: it goes back to "
        "/api/v1/login/callback."},
    {"oidc-secret", 0, "FILE", TR_STRING(O, web.oidc_secret), NULL,
        "The client's secret, in one line. Without --users the key of sessions follows from it, so gateways "
        "that "
        "share it take each other's."},
    {"oidc-scopes", 0, "WORDS", TR_STRING(O, web.oidc_scopes), "openid profile email",
        "What the provider is asked to tell of who signs in, with spaces between."},
    {"oidc-name", 0, "TEXT", TR_STRING(O, web.oidc_name), NULL,
        "What the page calls the provider. Without it: its address."},
    {"oidc-ca", 0, "FILE", TR_STRING(O, web.oidc_ca), NULL,
        "Certificates (PEM) by which the provider is known, in place of the system's."},
    {"oidc-life", 0, "TIME", TR_DURATION(O, web.oidc_life_ms), "4h",
        "Who has signed in at the provider goes there again after this time, where --session-life is not "
        "shorter: whom it has let go, or given another role, has what he had until then.",
        .min = 1000, .max = 2592000000},
    {"oidc-refresh", 0, "TIME", TR_DURATION(O, web.oidc_refresh_ms), "1h",
        "How often the provider is asked for what it says of itself, and for its keys. Where it does not "
        "answer, "
        "what is known stays, and it is asked each minute.",
        .min = 1000, .max = 86400000},
    {"tls-cert", 0, "FILE", TR_STRING(O, web.tls_cert), NULL,
        "The certificate chain (PEM), for HTTPS and HTTP/2."},
    {"tls-key", 0, "FILE", TR_STRING(O, web.tls_key), NULL, "Its private key."},
    {"insecure", 0, NULL, TR_BOOL(O, web.insecure), NULL,
        "Serve beyond loopback without TLS: where something in front of it speaks TLS."},
    {"rate", 0, "N", TR_INT(O, web.rate), "1000",
        "Requests a second that a token may make, or an address without one; twice as many in a burst. 0: no "
        "limit.",
        .min = 0, .max = 10000000},
    {"connections", 0, "N", TR_INT(O, web.connections), "8192", "Connections at once; more are closed.",
        .min = 1, .max = 1000000},
    {"connections-each", 0, "N", TR_INT(O, web.connections_each), "1024",
        "Connections at once of one address, or of one /64 of IPv6; more are closed. 0: as many as there "
        "are. "
        "Those of --proxy, and all with --insecure, are of a server in front of it, and not counted.",
        .min = 0, .max = 1000000},
    {"body-max", 0, "SIZE", TR_SIZE(O, web.body_max), "4M", "Bytes of a request's body at most.", .min = 1024,
        .max = 64 << 20},
    {"header-time", 0, "TIME", TR_DURATION(O, web.header_ms), "10s",
        "How long a request's head may take; whole seconds.", .min = 1000, .max = 600000},
    {"body-time", 0, "TIME", TR_DURATION(O, web.body_ms), "30s", "How long a request's body may take.",
        .min = 1000, .max = 3600000},
    {"idle-time", 0, "TIME", TR_DURATION(O, web.idle_ms), "60s",
        "How long a connection stays open between two requests.", .min = 1000, .max = 3600000},
    {"wait-time", 0, "TIME", TR_DURATION(O, web.wait_ms), "30s",
        "How long a request waits for an agent at most.", .min = 1, .max = 3600000},
    {"sense-time", 0, "TIME", TR_DURATION(O, web.sense_ms), "3m",
        "How long a recording that is heard, a text that is spoken or an image that is looked at may take.",
        .min = 1, .max = 3600000},
    {"drain-time", 0, "TIME", TR_DURATION(O, web.drain_ms), "10s",
        "How long requests that have begun may take when it is asked to end.", .min = 0, .max = 600000},
    {"trace-one-in", 0, "N", TR_INT(O, web.trace_one_in), "0",
        "Begin a trace (`troupe trace`) with one in N of the requests that have no traceparent; 0: with "
        "none. "
        "What has a sampled one is traced in any case.",
        .min = 0, .max = INT32_MAX},
    {"fleet-state", 0, "DIR", TR_STRING(O, web.fleet_state), NULL,
        "The state directory of the fleet that it is of: its processes may be attached and scaled, and its "
        "logs "
        "read. `troupe up` says it."},
    {"redis", 0, "FILE", TR_STRING(O, web.redis), NULL,
        "Where a Redis server is (redis://[[USER]:PASSWORD@]HOST[:PORT], unix:PATH), in a file that its "
        "owner alone may read: what was answered under an "
        "Idempotency-Key is known to all gateways that share it."},
    {"check", 0, NULL, TR_BOOL(O, check), NULL, "Check the options, and end.", .flags = TR_OPTION_FLAG_ONLY},
    TR_RESIDENT_MORE_OPTIONS,
};

static const tr_program_t program = {
    .name = "troupe-gateway",
    .summary = "Serve a fleet over HTTP",
    .description =
        "What the `troupe` command does, for browsers and for programs that speak HTTP: agents, "
        "topics, messages, tasks, decisions, "
        "knowledge. GET /api/v1/openapi.json describes all of it.\n\n"
        "Whoever changes something needs a token (Authorization: Bearer TOKEN), or signs in as a user "
        "of --users.\n\n"
        "It ends with 0 when it was asked to, 1 for wrong usage, 2 when the broker cannot be "
        "reached, 3 when the broker refuses or "
        "what it was given is not valid.",
    .examples = "troupe-gateway --tokens tokens --new-token ann:operator\n"
                "troupe-gateway --tokens tokens\n"
                "troupe-gateway --listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem --tokens tokens",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE_GATEWAY",
    .has_file = true,
};

static const char *what_is_wrong(const tr_gateway_options_t *o) {
    if (o->new_token && !o->web.tokens)
        return "--new-token: give the file with --tokens";
    return tr_resident_options_wrong(&o->resident);
}

/* Exit code. */
static int make_token(const tr_gateway_options_t *o) {
    char name[TR_WEB_TOKEN_NAME_MAX + 2] = "", token[TR_WEB_TOKEN_SIZE];
    const char *colon = strchr(o->new_token, ':');
    tr_error_t error = {0};
    int role = 0;
    size_t len = colon ? (size_t)(colon - o->new_token) : 0;
    memcpy(name, o->new_token, len < sizeof name ? len : sizeof name - 1);
    if (!colon || tr_parse_word(colon + 1, tr_web_roles + TR_WEB_VIEWER, &role, &error) < 0)
        tr_error_set(&error, -EINVAL,
            "--new-token: expected NAME:ROLE, where ROLE is viewer, operator or admin, found \"%.100s\"",
            o->new_token);
    else
        tr_web_token_make(o->web.tokens, name, (tr_web_role_t)(role + TR_WEB_VIEWER), token, &error);
    if (error.code)
        fprintf(stderr, "troupe-gateway: %s\n", error.text);
    else
        puts(token);
    return error.code == 0                   ? TR_RESIDENT_OK
           : error.code == -EINVAL && !colon ? TR_RESIDENT_USAGE
                                             : TR_RESIDENT_REFUSED;
}

int tr_gateway_options_read(int argc, char *const *argv, tr_gateway_options_t *ret_options) {
    tr_gateway_options_t o = {0};
    tr_error_t error = {0};
    int ask = tr_options_read(&program, argc, argv, &o, &o.flags, &error);
    if (ask != TR_OPTIONS_RUN)
        return tr_options_answer(&program, ask, &error);
    const char *wrong = what_is_wrong(&o);
    int code = wrong         ? tr_options_answer(&program, tr_error_set(&error, -EINVAL, "%s", wrong), &error)
               : o.new_token ? make_token(&o)
               : o.check     ? TR_RESIDENT_OK
                             : TR_RESIDENT_GO;
    if (code == TR_RESIDENT_GO)
        *ret_options = o;
    else
        tr_gateway_options_finish(&o);
    return code;
}

void tr_gateway_options_finish(tr_gateway_options_t *self) {
    tr_options_destroy(&self->flags);
}
