/* Directories of a test's own, with all that is in them. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

/* A new directory in /tmp; of memory (/dev/shm), where that may be, for many small files that nobody has to
 * sync. NULL where there is none. For the caller to hand to scratch_end. */
char *scratch_new(void);
char *scratch_new_in_memory(void);
/* Removes the directory and what is in it, but nothing on other file systems. */
void scratch_remove(const char *path);
/* The same, and frees the path. NULL-safe. */
void scratch_end(char *path);

#endif
