/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How the pure parsers get at bytes, so that one source serves the kernel and the tests. Parsers work
 * on plain memory of a fixed size, AEG_DATA_ROOM, with indices masked so that the verifier of every
 * kernel sees the bound; where a stream has to be gathered first it is copied out of an aeg_bytes,
 * which is the skb in a program and memory natively.
 */
#ifndef AEG_INPUT_H
#define AEG_INPUT_H

#include <linux/types.h>

#ifdef __bpf__ /* programs include bpf/kernel.bpf.h first, which has the helpers */
#define AEG_INLINE static __always_inline
#else
#include <string.h>
#define AEG_INLINE static inline
#endif

#define AEG_DATA_MAX                                                                               \
	4096 /* bytes of a message that are looked at; a power of two: it is a mask too */
#define AEG_DATA_ROOM                                                                              \
	(AEG_DATA_MAX + 64) /* loads of up to 64 bytes may begin at any masked index */

/* A run of bytes that is not plain memory in a program: the payload of an skb. */
struct aeg_bytes {
	void *base;  /* BPF: struct __sk_buff *; natively: the bytes */
	__u32 start; /* of the payload in base */
	__u32 len;   /* of the payload */
};

/*
 * A value in memory that others than the compiler look at too. Loops keep what they carry from round
 * to round this way: verifiers up to 6.1 track every scalar that stays in a register exactly, and run
 * out of their million instructions.
 */
#define AEG_MEM(x) (*(volatile typeof(x) *)&(x))

/*
 * The number as it is, but the compiler no longer knows anything of it: it may neither drop a mask
 * that it can prove to do nothing nor turn arithmetic into branches, which verifiers multiply.
 */
AEG_INLINE __u64 aeg_hidden(__u64 number)
{
#ifdef __bpf__
	asm volatile("" : "+r"(number));
#endif
	return number;
}

/*
 * The pointer as it is, but the compiler no longer knows where from: what it points to is reached by
 * offsets, instead of by a further pointer for each array, kept from round to round on the stack.
 */
AEG_INLINE void *aeg_pointer(const void *pointer)
{
#ifdef __bpf__
	asm volatile("" : "+r"(pointer));
#endif
	return (void *)pointer;
}

AEG_INLINE __u32 aeg_masked(__u32 index, __u32 mask)
{
#ifdef __bpf__
	asm volatile("" : "+r"(index));
#endif
	return index & mask;
}

/* Copies len bytes (1 .. max; max is a constant) at `at` of the payload. 0, or -1: not there. */
AEG_INLINE int aeg_bytes_copy(const struct aeg_bytes *in, __u32 at, void *ret, __u32 len, __u32 max)
{
	if (len == 0 || len > max || at > in->len || len > in->len - at)
		return -1;
#ifdef __bpf__
	/* The verifier of 5.10 forgets `len != 0`, so say it in a way it follows. */
	__u32 less = len - 1;

	asm volatile("" : "+r"(less));
	less &= max - 1; /* max is a power of two */
	return bpf_skb_load_bytes(in->base, in->start + at, ret, less + 1) ? -1 : 0;
#else
	memcpy(ret, (const __u8 *)in->base + in->start + at, len);
	return 0;
#endif
}

AEG_INLINE __u32 aeg_get8(const __u8 *data, __u32 at)
{
	return data[aeg_masked(at, AEG_DATA_MAX - 1)];
}

/* Eight bytes wherever they are, for comparing. BPF has the instruction, but C has no word for it. */
AEG_INLINE __u64 aeg_word(const __u8 *from)
{
#ifdef __bpf__
	return *(const volatile __u64 *)from;
#else
	__u64 word;

	memcpy(&word, from, sizeof(word));
	return word;
#endif
}

AEG_INLINE void aeg_word_clear(__u8 *to)
{
#ifdef __bpf__
	*(volatile __u64 *)to = 0;
#else
	memset(to, 0, sizeof(__u64));
#endif
}

/* Big-endian, as everything on the wire. */
AEG_INLINE __u32 aeg_get16(const __u8 *data, __u32 at)
{
	const __u8 *p = data + aeg_masked(at, AEG_DATA_MAX - 1);

	return (__u32)p[0] << 8 | p[1];
}

AEG_INLINE __u32 aeg_get32(const __u8 *data, __u32 at)
{
	const __u8 *p = data + aeg_masked(at, AEG_DATA_MAX - 1);

	return (__u32)p[0] << 24 | (__u32)p[1] << 16 | (__u32)p[2] << 8 | p[3];
}

#endif
