/* Signing in and out, with name and password or at an OpenID provider. */
#include "gateway/http/login.h"
#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "lib/users/users.h"

#include <string.h>

void tr_api_login_state(tr_web_exchange_t *e) {
    tr_web_respond_json(e, 200, tr_web_login_state(e));
}

void tr_api_login(tr_web_exchange_t *e) {
    json_t *password = json_object_get(e->body, "password");
    if (!tr_web_login_offered(e->server))
        tr_web_problem(e, 501, "unsupported-function",
            "this gateway has no users: give it a file of them (--users FILE; `troupe user add` makes it), "
            "or "
            "send a token");
    else if (json_string_length(password) > TR_USER_PASSWORD_MAX)
        tr_web_problem(e, 400, "unrecognised-parameter-value", "password: expected %d bytes at most",
            TR_USER_PASSWORD_MAX);
    else
        tr_web_login_try(e, json_string_value(json_object_get(e->body, "name")),
            (char *)(uintptr_t)json_string_value(password));
}

void tr_api_logout(tr_web_exchange_t *e) {
    tr_web_login_leave(e);
}

static bool has_provider(tr_web_exchange_t *e) {
    if (tr_web_login_provides(e->server))
        return true;
    tr_web_problem(e, 501, "unsupported-function",
        "this gateway has no OpenID provider: name it (--oidc-issuer, --oidc-client)");
    return false;
}

void tr_api_login_provider(tr_web_exchange_t *e) {
    if (has_provider(e))
        tr_web_login_go(e);
}

void tr_api_login_callback(tr_web_exchange_t *e) {
    if (has_provider(e))
        tr_web_login_back(e);
}
