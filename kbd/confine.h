/*
 * Takes the file system away from a child that reads what others wrote: it may read what belongs to programs (/usr, and what the linker and fonts need of
 * /etc), and write nothing. By Landlock (Linux 5.13 and later), which needs no privileges, and so works in containers, too.
 */
#ifndef TR_KBD_CONFINE_H
#define TR_KBD_CONFINE_H

#include <stdbool.h>

/* For this thread and what it begins, for good. Only calls that are safe after a fork. False: the kernel cannot, and nothing has changed. */
bool tr_confine(void);

#endif
