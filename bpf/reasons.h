/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The one list of reasons, a part of abi.h: include that. */
#ifndef AEG_REASONS_H
#define AEG_REASONS_H

/*
 * Why a connection was decided as it was. Append-only: numbers and words are in logs, metrics and
 * the manual. X(number, SYMBOL, word, sentence)
 */
#define AEG_REASONS(X)                                                                             \
	X(1, RULE, "rule", "an allow rule matches")                                                \
	X(2, NOT_GOVERNED, "not-governed", "the destination belongs to no AI endpoint")            \
	X(3, DENY_RULE, "deny-rule", "a deny rule matches")                                        \
	X(4, NO_RULE, "no-rule", "no allow rule of the workload's policies matches")               \
	X(5, UNSELECTED, "unselected", "no policy with an allow list selects the workload")        \
	X(6, UNKNOWN_WORKLOAD, "unknown-workload", "the process's workload is not known")          \
	X(7, NAME_NOT_ALLOWED, "name-not-allowed", "the server name is not allowed")               \
	X(8, NAME_MISSING, "name-missing", "the ClientHello names no server")                      \
	X(9, NOT_TLS, "not-tls", "the connection does not speak TLS")                              \
	X(10, ECH, "ech", "the server name is encrypted")                                          \
	X(11, TLS_MALFORMED, "tls-malformed", "the ClientHello is malformed")                      \
	X(12, TLS_VERSION, "tls-version", "the TLS version is too old")                            \
	X(13, HELLO_TOO_LONG, "hello-too-long", "the ClientHello is too long")                     \
	X(14, UDP, "udp", "UDP to an AI endpoint needs a rule that allows UDP")                    \
	X(15, PROTOCOL, "protocol", "only TCP and UDP may reach an AI endpoint")                   \
	X(16, FRAGMENT, "fragment", "a fragment cannot be attributed")                             \
	X(17, RATE_LIMIT, "rate-limit", "the rule's rate limit is used up")                        \
	X(18, BYTE_BUDGET, "byte-budget", "the rule's byte budget is used up")                     \
	X(19, QUARANTINED, "quarantined", "the workload is quarantined")                           \
	X(20, REVOKED, "revoked", "a policy change revoked the connection")                        \
	X(21, RESOLVER, "resolver", "the resolver is not trusted")                                 \
	X(22, NAME_ADDRESS_MISMATCH, "name-address-mismatch",                                      \
	  "the server name was not learned for this address")                                      \
	X(23, TABLE_FULL, "table-full", "a table is full")                                         \
	X(24, INTERNAL, "internal", "the kernel program could not decide")                         \
	X(25, SPOOFED_SOURCE, "spoofed-source", "the source address is not the pod's")             \
	X(26, IP_OPTIONS, "ip-options", "a packet with IP options cannot be attributed")           \
	X(27, EXTENSION_HEADER, "extension-header",                                                \
	  "a packet with IPv6 extension headers cannot be attributed")                             \
	X(28, TUNNEL, "tunnel", "where a tunnelled packet goes cannot be told")                    \
	X(29, NON_IP, "non-ip", "where a frame without IP goes cannot be told")                    \
	X(30, MALFORMED, "malformed", "the packet's headers are malformed")                        \
	X(31, UNVERIFIED, "unverified", "no checked socket sent the packet, so it shows no name")  \
	X(32, LAYER, "layer", "a policy requires TC, which does not see this workload")            \
	X(33, STRICT, "strict", "containment is Strict and no allow rule matches")                 \
	X(34, LOOPBACK, "loopback", "it stays within the workload's own network namespace")        \
	X(35, DNS, "dns", "it goes to a trusted resolver")                                         \
	X(36, DNS_NAME, "dns-name", "the DNS question names nothing that the workload may reach")  \
	X(37, DNS_RATE, "dns-rate", "the workload asks more DNS questions than its policies let")  \
	X(38, DNS_SIZE, "dns-size", "the name in the DNS question is longer than policies let")    \
	X(39, OUTSIDE, "outside",                                                                  \
	  "the socket was made outside the managed cgroups, where what it sends is not seen")

enum aeg_reason {
#define AEG_REASON_ENUM(number, symbol, word, sentence) AEG_REASON_##symbol = (number),
	AEG_REASONS(AEG_REASON_ENUM)
#undef AEG_REASON_ENUM
		AEG_REASON_MAX = 40,
};

#endif
