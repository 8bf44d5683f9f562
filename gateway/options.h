/* What troupe-gateway can be told. */
#ifndef TR_GATEWAY_OPTIONS_H
#define TR_GATEWAY_OPTIONS_H

#include "gateway/http/server.h"
#include "lib/resident/resident.h"

typedef struct tr_gateway_options {
    tr_resident_options_t resident; /* first */
    tr_web_options_t web;
    const char *new_token;
    bool check;
    tr_options_t *flags; /* owns the strings */
} tr_gateway_options_t;

/* TR_RESIDENT_GO, or the exit code: the process is to end now. */
int tr_gateway_options_read(int argc, char *const *argv, tr_gateway_options_t *ret_options);
void tr_gateway_options_finish(tr_gateway_options_t *self);

#endif
