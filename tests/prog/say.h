/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a client says over a connection to the world, and how much of it gets there. */
#ifndef AEG_TESTS_PROG_SAY_H
#define AEG_TESTS_PROG_SAY_H

#include "tests/prog/names_policy.h"

#define SHARED "5.10.0.1" /* wild.test and rival.test live there */

/* names_enter(), and A has asked for names of both at SHARED. */
bool say_enter(void);
/* A connected socket, or the end of the tests. */
int say_connect(const char *addr, uint16_t port);
/* Bytes of this connection that have arrived. */
size_t say_arrived(int fd);
/* Waits until TCP gave up an acknowledgement: what was sent did not get out. */
bool say_unacked(int fd);
/* Waits until TCP, which had given up one or not, does so again: it was sent once more, and did not get out. */
bool say_repeated(int fd);
/* Sends what must not get out: nothing arrives, the denial is told, the kill ends it. */
void say_denied(int fd, const struct wire *wire, uint8_t reason, const char *name);
/* Sends it in pieces until a denial is told, if any is; how many bytes of it arrived. */
size_t say(int fd, const struct wire *wire, size_t piece);

#endif
