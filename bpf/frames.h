/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The one list of what becomes of a frame at TC, a part of abi.h. */
#ifndef AEG_FRAMES_H
#define AEG_FRAMES_H

/*
 * Append-only, and each frame is in exactly one: index of the per-CPU array `frames`.
 * X(SYMBOL, word, sentence)
 */
#define AEG_FRAMES(X)                                                                              \
	X(VERIFIED, "verified", "sent by a socket that was let through, to where it was")          \
	X(KERNEL, "kernel", "of a TCP connection that was accepted, or is at its end")             \
	X(LOCAL, "local", "never leaves the link: ARP, neighbour and listener discovery")          \
	X(ALLOWED, "allowed", "let through by what its headers say")                               \
	X(AUDITED, "audited", "would be denied, but the policy only audits")                       \
	X(DENIED, "denied", "dropped and reported")                                                \
	X(QUIET, "quiet", "dropped, not reported: too many of this interface in a second")         \
	X(STRAY, "stray", "let through: the interface is no workload's any more")

enum aeg_frame_result {
#define AEG_FRAME_ENUM(symbol, word, sentence) AEG_FRAME_##symbol,
	AEG_FRAMES(AEG_FRAME_ENUM)
#undef AEG_FRAME_ENUM
		AEG_FRAME_MAX,
};

#endif
