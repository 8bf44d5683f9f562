/* What is in a bundle, for the trace. */
#ifndef TR_SIM_DESCRIBE_H
#define TR_SIM_DESCRIBE_H

#include <stddef.h>

/* "welcome, message 12", cut off where it does not fit; into out, or a constant. */
const char *sim_describe(const void *bytes, size_t len, char *out, size_t size);

#endif
