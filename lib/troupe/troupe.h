/* Everything of libtroupe: agents, hosts, messages, contents. pkg-config: troupe. */
#ifndef TROUPE_TROUPE_H
#define TROUPE_TROUPE_H

#include "troupe/agent.h"
#include "troupe/auction.h"
#include "troupe/contract_net.h"
#include "troupe/host.h"
#include "troupe/message.h"
#include "troupe/protocol.h"
#include "troupe/proxy.h"
#include "troupe/state.h"
#include "troupe/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library at run time, "0.1.0". */
const char *tr_version(void);

#ifdef __cplusplus
}
#endif

#endif
