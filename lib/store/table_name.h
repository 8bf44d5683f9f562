/*
 * Names of tables that are made of other names. Each broker has a journal of its own in a database that several share, and so has each process its
 * agents' state: a `*` at the end of the option stands for the platform, or the agent.
 *
 *   troupe_journal_*  and  north     troupe_journal_north
 *   troupe_journal_*  and  office-0  troupe_journal_office_0_5b3f0d1c
 *
 * What a table's name cannot have (it is [a-z_0-9] and 63 long at most) is an underscore there, and then, or where it is cut, a hash of the whole
 * name follows, so that different names have different tables. Pure; one thread.
 */
#ifndef TR_STORE_TABLE_NAME_H
#define TR_STORE_TABLE_NAME_H

#include <stddef.h>

#define TR_TABLE_NAME_SIZE 160 /* [schema.]name, and a NUL */

#define TR_TABLE_NAME_MOST 63u /* of PostgreSQL */

/* `most`: bytes of the name, without its schema, TR_TABLE_NAME_MOST at most. A `pattern` without a `*` at its end, or too long for one, is copied:
 * then the database says what is wrong with it. Returns out. */
const char *tr_table_name(const char *pattern, const char *name, size_t most, char out[TR_TABLE_NAME_SIZE]);

#endif
