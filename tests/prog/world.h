/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A small internet behind a veth pair: another network namespace in which every address of 5.0.0.0/8
 * and 2a00::/16 is local, with a name server and something that listens on every one of them.
 *
 * The name server answers "a-5-1-2-3.anything" with 5.1.2.3, and everything else with what
 * world_zone() says. Listeners answer every piece of data they get with one byte and keep it.
 */
#ifndef AEG_TESTS_PROG_WORLD_H
#define AEG_TESTS_PROG_WORLD_H

#include "tests/prog/stage.h"
#include "tests/prog/wire.h"
#include <err.h>

#define RESOLVER "5.0.0.53"
#define TLS_PORT 443
#define OTHER_PORT 8443
#define WORLD_KEPT 64

/* How the name server answers, until it is told otherwise; all but the first are lies. */
enum manner {
	HONESTLY,
	WRONG_ID,
	WRONG_NAME,
	WRONG_TYPE,
	WRONG_SOURCE,
	WRONG_PORT,
	A_QUESTION, /* QR is 0 */
	NO_SUCH_NAME,
	TRUNCATED,
	CUT, /* in the middle of the last record */
	SILENTLY,
	POINTER_LOOP, /* the first record's owner is itself */
	BAD_LABEL,    /* its owner begins with 0x80 */
	BAD_LENGTH,   /* an address of five bytes */
	MANNERS,
};
extern const char *const manner_names[MANNERS];

/* What a connection brought, in the order of accepting. */
struct world_conn {
	uint16_t port; /* of the client */
	size_t len;
	uint8_t data[16384];
};

/* Shared with the world. */
extern struct world {
	enum manner manner;
	bool hold;	     /* questions wait until it is taken back */
	uint32_t records;    /* addresses in an answer, counting up; 0: one */
	uint32_t nquestions; /* datagrams that reached the name server */
	uint32_t nconns;
	struct world_conn conns[WORLD_KEPT];
} *world;

/* A descriptor that a test cannot go on without. */
static inline int needed(int fd)
{
	if (fd < 0)
		err(1, "descriptor");
	return fd;
}

void world_start(void);
void world_stop(void);
void world_mtu(int mtu); /* of what the world sends */

#define STRANGER "5.0.0.54" /* another name server, that never answers */

/* An unconnected socket; a question from it to a name server; its next answer, false: none comes. */
int world_asker(void);
void world_query(int fd, const char *server, const char *name, uint16_t id);
bool world_answered(int fd);
/* Asks for a name; the number of addresses that came back, -1: no answer. */
int world_resolve(const char *name, uint16_t type, uint8_t (*ret_addrs)[16], size_t max);
/* Asks for A of a name; the answer has come, or (false) not. */
bool world_ask(const char *name);
/* A connected socket, or -errno. */
int world_connect(const char *text, uint16_t port);
/* Sends, and waits for the byte that says it has arrived: 0, or -errno. */
int world_send(int fd, const void *data, size_t len);
/* The same in pieces. */
int world_send_pieces(int fd, const struct wire *wire, size_t piece);
/* What of this socket's stream has arrived. */
const struct world_conn *world_arrived(int fd);
/* A listener on an address of the world, made where the caller is not managed; the test serves. */
int world_listen(const char *text, uint16_t port);
/* Whether an address is in `learned`. */
bool world_learned(const char *addr);
struct aeg_addr world_addr(const char *text);

#endif
