/*
 * What the processes of the fault tests share: the numbered message, and the append-only history that says what
 * became of it. history.py reads the histories.
 *
 * A history has one line per event: nanoseconds of the monotonic clock, a word, and what belongs to it. Each line
 * is one write to a file opened for appending, so all that was said before a kill is there, and one file may be
 * that of several lives.
 *
 *     sent SENDER NUMBER RECEIVER     before it is handed to the library
 *     stored SENDER NUMBER            the broker has it on disk
 *     refused SENDER NUMBER REASON    it was not taken
 *     returned SENDER NUMBER REASON   it was taken, and given up later
 *     got SENDER NUMBER RECEIVER REDELIVERED ATTEMPT good|wrong
 *     gave SENDER NUMBER RECEIVER     the receiver has given it back: somebody shall try again
 *     begin NAME, end NAME N          of a life; N of a producer: not answered; of a consumer: taken
 *     event NAME DETAIL               of the link
 */
#ifndef TESTS_FAULTS_HISTORY_H
#define TESTS_FAULTS_HISTORY_H

#include "troupe/daemon.h"
#include "troupe/troupe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct history {
    FILE *file;
} history_t;

/* 0 or a negative errno. */
int history_open(history_t *self, const char *path, tr_error_t *error);
void history_close(history_t *self);
void history_say(history_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* For tr_host_options_t: says `event`; arg is the history. */
void history_event(void *arg, tr_host_event_t event, const char *detail);

/* The message: its sender's name and number as text, bytes that follow from the number, and a sum of all of it. */
#define NUMBERED_MIN 64u
#define NAME_SIZE    (TR_NAME_MAX + 1)
/* `size` is at least NUMBERED_MIN and the name is short enough for that. */
void numbered_fill(uint8_t *bytes, size_t size, const char *sender, uint64_t number);
/* False where the bytes are not those that were written for this number. */
bool numbered_check(const void *bytes, size_t size, char ret_sender[NAME_SIZE], uint64_t *ret_number);
/* The sender and number of a message that came back, which has no content: its conversation. */
bool numbered_of_failure(const tr_message_t *failure, uint64_t *ret_number);

#endif
