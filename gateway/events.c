#include "gateway/events.h"

const tr_event_t tr_gateway_events[TR_G_EVENTS] = {
    [TR_G_READY] = {"G001", TR_LOG_INFO, "ready", "The gateway is registered and serves.", "None needed."},
    [TR_G_STOPPING] = {"G002", TR_LOG_INFO, "stopping",
        "A signal asked the process to stop. It takes no more requests, and lets those end that have begun.",
        "None needed."},
    [TR_G_STOPPED] = {"G003", TR_LOG_INFO, "stopped", "The process ends.", "None needed."},
    [TR_G_CONNECTED] = {"G004", TR_LOG_INFO, "connected", "The link to the broker is up.", "None needed."},
    [TR_G_DISCONNECTED] = {"G005", TR_LOG_WARN, "disconnected",
        "The link to the broker is lost. The process connects again by itself; requests that need the fleet "
        "are answered with 503 meanwhile.",
        "Where it lasts: see whether the broker runs and whether its endpoint can be reached from here."},
    [TR_G_REFUSED] = {"G006", TR_LOG_WARN, "refused",
        "The broker refused something that this process asked for.",
        "The detail says what and why: often a right that its certificate has not."},
    [TR_G_CANNOT_START] = {"G007", TR_LOG_ERROR, "cannot start",
        "The process ends before it has served anybody.",
        "The error says what is in the way: a broker that does not answer, a port that is in use, a file of "
        "tokens that is wrong."},
    [TR_G_TOKENS] = {"G008", TR_LOG_INFO, "tokens read",
        "The file of tokens, or of a provider's keys, has changed; what it says counts from now on.",
        "None needed."},
    [TR_G_TOKENS_WRONG] = {"G009", TR_LOG_ERROR, "tokens not read",
        "The file of tokens, or of a provider's keys, has changed, and cannot be read. What it said before "
        "still counts.",
        "The error says what is wrong."},
    [TR_G_CHANGE] = {"G010", TR_LOG_DEBUG, "change",
        "Somebody asked for a change: the token's name, the address, what, and what became of it. The audit "
        "trail; with --log-level debug.",
        "None needed."},
    [TR_G_CUT] = {"G011", TR_LOG_WARN, "requests cut",
        "The time to drain was over, and requests had not ended.",
        "Where it repeats: a longer --drain-time, or see which agents are slow."},
    [TR_G_CERTIFICATE] = {"G012", TR_LOG_INFO, "certificate read",
        "The files of --tls-cert and --tls-key have changed; connections from now on get the new one.",
        "None needed."},
    [TR_G_CERTIFICATE_WRONG] = {"G013", TR_LOG_ERROR, "certificate not read",
        "The files of --tls-cert and --tls-key have changed, and are no certificate with its key. The old "
        "one is still used.",
        "The error says what is wrong. Files that are put in place one after the other are read again when "
        "both are there."},
    [TR_G_NOT_TOLD] = {"G014", TR_LOG_WARN, "not told",
        "A client of A2A wanted to be told of the end of a task, and its place did not take the "
        "notification. "
        "It is not tried again.",
        "The error says why. A place of the own network has to be named by --push-to."},
    [TR_G_SIGNED_IN] = {"G015", TR_LOG_INFO, "signed in",
        "A user has signed in, with name and password or at the OpenID provider (oidc:SUB): who, in which "
        "role, "
        "from which address.",
        "None needed."},
    [TR_G_SIGN_IN_WRONG] = {"G016", TR_LOG_WARN, "sign-in failed",
        "The name or the password was wrong. A name that no user has is not told: it may be a password in "
        "the "
        "wrong field.",
        "Where it repeats: somebody guesses. Each address has to wait longer and longer; a firewall keeps it "
        "out."},
    [TR_G_SIGN_IN_LIMITED] = {"G017", TR_LOG_WARN, "sign-in limited",
        "An attempt was turned away without a look at its password, since this name or this address was "
        "given "
        "wrong ones too often.",
        "Where it is the user himself: it ends by itself within a minute, a token works meanwhile."},
    [TR_G_SIGNED_OUT] = {"G018", TR_LOG_INFO, "signed out",
        "A user has signed out; the session's cookie counts no more, and its open streams have ended.",
        "None needed."},
    [TR_G_USERS] = {"G019", TR_LOG_INFO, "users read",
        "The file of --users has changed; what it says counts from now on. Sessions of users who were "
        "removed, "
        "or got another password or role, have ended.",
        "None needed."},
    [TR_G_USERS_WRONG] = {"G020", TR_LOG_ERROR, "users not read",
        "The file of --users has changed, and cannot be read. What it said before still counts.",
        "The error says what is wrong; `troupe user` writes the file."},
    [TR_G_CHANGE_BY_USER] = {"G021", TR_LOG_INFO, "change by a user",
        "Somebody who has signed in asked for a change: who, from where, what, and "
        "what "
        "became of it. What tokens do is G010.",
        "None needed."},
    [TR_G_CHANGE_REFUSED] = {"G022", TR_LOG_INFO, "change refused",
        "Somebody asked for a change and may not do it: without a token or session, in too low a role, from "
        "a "
        "foreign page, or an agent or the broker forbids it. Ten a second of an address are told.",
        "Where it should have been allowed, the reason says what is missing."},
    [TR_G_SIGN_OUT_ALONE] = {"G023", TR_LOG_WARN, "sign-out not told",
        "A user has signed out, and the other gateways of the same users could not be told: a copy of the "
        "cookie "
        "counts there until nothing was asked with it for --session-idle.",
        "See whether the broker is there, and whether the gateways' certificate may publish and subscribe to "
        "gateway.sessions. `troupe user passwd` ends all sessions of a user everywhere."},
    [TR_G_PROVIDER_WRONG] = {"G024", TR_LOG_WARN, "sign-in at the provider failed",
        "Somebody who was to sign in at the OpenID provider has no session: the reason, which the page tells "
        "him, and the error. Ten a second of an address are told.",
        "provider-away: see whether the gateway reaches the provider, and what its description says. "
        "sign-in-failed: the error says what was wrong with the client or the identity. no-role: give the "
        "user "
        "a role, or see --oidc-claim and --oidc-role. sign-in-over: it took more than ten minutes, or was "
        "begun "
        "elsewhere."},
    [TR_G_KEYS_ALONE] = {"G025", TR_LOG_WARN, "keys not shared",
        "The Redis server of --redis cannot be asked. Requests under an Idempotency-Key are known to the "
        "gateway that got them alone "
        "until it is there again.",
        "The error says why: see whether it runs, and whether the file of --redis says where."},
    [TR_G_PROVIDER_SILENT] = {"G026", TR_LOG_WARN, "provider silent",
        "The OpenID provider did not say what it is, or its keys, when it was asked for them by itself. "
        "People "
        "sign in by what is known of it, where something is; it is asked each minute. Told once.",
        "The error says why: see whether the gateway reaches the provider."},
};
