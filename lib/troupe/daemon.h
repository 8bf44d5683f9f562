/*
 * What a program around agents needs: errors, a log with stable event ids, options (file, environment, flags) and metrics for
 * Prometheus. All of it works without a host; nothing keeps state outside of the objects that it is given.
 */
#ifndef TROUPE_DAEMON_H
#define TROUPE_DAEMON_H

#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/base/options.h"

#endif
