/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the parser programs under test and their runner tell each other through mapped memory. */
#ifndef AEG_TEST_PARSERS_H
#define AEG_TEST_PARSERS_H

#include "bpf/parse_dns.h"
#include "bpf/parse_tls.h"

/* Packets begin here: test_run wants an Ethernet header, and an IP header for its protocol. */
#define TEST_PAYLOAD 14

struct test_input {
	struct aeg_seed seed;
	__u32 fresh; /* feed: begin a new stream */
	__u32 second;
};

struct test_output {
	__u32 result;
	__u32 found; /* class of the pattern found; 0: none */
	__u32 left;  /* aeg_name_search() */
	__u32 pad;
	struct aeg_hello hello;
	struct aeg_question question;
	struct aeg_answers answers;
	struct aeg_name name;
};

#endif
