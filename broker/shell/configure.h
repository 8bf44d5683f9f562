/* What the options say, as the core's configuration. */
#ifndef TR_BROKER_CONFIGURE_H
#define TR_BROKER_CONFIGURE_H

#include "broker/core/core.h"
#include "broker/shell/options.h"

/* All but how many sessions there may be, which depends on file descriptors. The strings are borrowed. 0, or negative with the text. */
int tr_broker_configure(const tr_broker_options_t *options, const char *stream_endpoint,
    tr_core_config_t *ret_config, tr_error_t *error);

#endif
