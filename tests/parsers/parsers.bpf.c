// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The parsers as programs: each reads a packet's payload into scratch the way the real programs do,
 * parses, and leaves what it found where the runner can compare it with the native answer.
 */
#define AEG_CASTING_CONTEXT /* before everything */
#include "bpf/scratch.bpf.h"
#include "bpf/seats.bpf.h"
#include "tests/parsers/parsers.h"

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct test_input);
} input SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct test_output);
} output SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct aeg_hello_buf);
} hello_buf SEC(".maps");

struct names_inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u64));
	__uint(value_size, sizeof(struct aeg_name_entry));
};

/* 0: patterns, 1: search suffixes */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct names_inner);
} tables SEC(".maps");

static __always_inline struct test_input *input_get(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&input, &key);
}

static __always_inline struct test_output *output_get(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&output, &key);
}

static __always_inline struct aeg_hello_buf *buf_get(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&hello_buf, &key);
}

/* Claims scratch and fills it from the packet. NULL: out of scratch or too short. */
static __always_inline struct aeg_scratch *begin(struct __sk_buff *skb, __u32 *slot)
{
	struct test_input *in = input_get();
	struct aeg_bytes bytes = {.base = skb, .start = TEST_PAYLOAD - 14};
	struct aeg_scratch *scratch;
	__u32 len = skb->len;

	if (!in)
		return NULL;
	scratch = aeg_scratch_claim(slot);
	if (!scratch)
		return NULL;
	scratch->seed = in->seed;
	bytes.len = len > AEG_DATA_MAX ? AEG_DATA_MAX : len;
	scratch->len = bytes.len;
	if (aeg_bytes_copy(&bytes, 0, scratch->data, bytes.len, AEG_DATA_MAX)) {
		aeg_scratch_release(scratch);
		return NULL;
	}
	return scratch;
}

__noinline int find_name(__u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	const struct aeg_dest *dest;
	__u32 key = 0;
	void *table = bpf_map_lookup_elem(&tables, &key);

	if (!scratch || !table)
		return -1;
	dest = aeg_name_find(table, &scratch->name);
	return dest ? (int)dest->class : 0;
}

__noinline int search_name(__u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	__u32 key = 1;
	void *table = bpf_map_lookup_elem(&tables, &key);

	if (!scratch || !table)
		return -1;
	return (int)aeg_name_search(table, &scratch->name);
}

__noinline int parse_hello(__u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);

	if (!scratch)
		return -1;
	return (int)aeg_hello_parse(scratch->data, scratch->len, &scratch->hello);
}

__noinline int name_hello(__u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);

	if (!scratch)
		return -1;
	return (int)aeg_hello_name(scratch->data, &scratch->hello, &scratch->seed, &scratch->name);
}

__noinline int feed_hello(struct __sk_buff *skb)
{
	struct aeg_bytes bytes = {.base = skb, .len = skb->len};
	struct aeg_hello_buf *buf = buf_get();

	if (!buf)
		return -1;
	return (int)aeg_hello_feed(buf, &bytes);
}

__noinline int parse_fed(__u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_hello_buf *buf = buf_get();

	if (!scratch || !buf)
		return -1;
	return (int)aeg_hello_parse_fed(buf, &scratch->hello);
}

__noinline int name_fed(__u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_hello_buf *buf = buf_get();

	if (!scratch || !buf)
		return -1;
	return (int)aeg_hello_name(buf->data, &scratch->hello, &scratch->seed, &scratch->name);
}

__noinline int parse_query(__u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);

	if (!scratch)
		return -1;
	return (int)aeg_dns_query(scratch->data, scratch->len, &scratch->seed, &scratch->name,
				  &scratch->question);
}

__noinline int parse_response(__u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);

	if (!scratch)
		return -1;
	return (int)aeg_dns_response(scratch->data, scratch->len, &scratch->seed, &scratch->name,
				     &scratch->question);
}

__noinline int parse_answers(__u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);

	if (!scratch)
		return -1;
	return (int)aeg_dns_answers(scratch->data, scratch->len, &scratch->question,
				    &scratch->answers);
}

__noinline int take_name(__u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);

	if (!scratch)
		return -1;
	return aeg_name_take(&scratch->name, scratch->data, 0, scratch->len, &scratch->seed);
}

static __always_inline void copy_words(void *to, const void *from, __u32 size)
{
	for (__u32 i = 0; i < size / 8; i++)
		((volatile __u64 *)to)[i] = ((const volatile __u64 *)from)[i];
}

__noinline int copy_out(__u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct test_output *out = output_get();

	if (!scratch || !out)
		return -1;
	out->hello = scratch->hello;
	out->question = scratch->question;
	copy_words(&out->answers, &scratch->answers, sizeof(out->answers));
	copy_words(&out->name, &scratch->name, sizeof(out->name));
	return 0;
}

/* Leaves scratch's findings for the runner. Not in the programs that are measured. */
static __always_inline void end(struct aeg_scratch *scratch, __u32 slot, int result, int found,
				int left)
{
	struct test_output *out = output_get();

	if (out) {
		out->result = (__u32)result;
		out->found = (__u32)found;
		out->left = (__u32)left;
	}
	copy_out(slot);
	aeg_scratch_release(scratch);
}

SEC("cgroup_skb/egress")
int hello(struct __sk_buff *skb)
{
	__u32 slot = 0;
	struct aeg_scratch *scratch = begin(skb, &slot);
	int result, found = 0;

	if (!scratch)
		return 0;
	result = parse_hello(slot);
	if (result == AEG_HELLO_DONE)
		result = name_hello(slot);
	if (result == AEG_HELLO_DONE)
		found = find_name(slot);
	end(scratch, slot, result, found, 0);
	return 1;
}

SEC("cgroup_skb/egress")
int hello_fed(struct __sk_buff *skb)
{
	struct test_input *in = input_get();
	struct aeg_hello_buf *buf = buf_get();
	__u32 slot = 0;
	struct aeg_scratch *scratch;
	int result, found = 0;

	if (!in || !buf)
		return 0;
	scratch = aeg_scratch_claim(&slot);
	if (!scratch)
		return 0;
	scratch->seed = in->seed;
	if (in->fresh) {
		__builtin_memset(buf, 0, __builtin_offsetof(struct aeg_hello_buf, data));
		buf->second = (__u8)in->second;
	}
	result = feed_hello(skb);
	if (result == AEG_HELLO_DONE) {
		result = parse_fed(slot);
		if (result == AEG_HELLO_DONE)
			result = name_fed(slot);
		if (result == AEG_HELLO_DONE)
			found = find_name(slot);
	}
	end(scratch, slot, result, found, 0);
	return 1;
}

SEC("cgroup_skb/egress")
int query(struct __sk_buff *skb)
{
	__u32 slot = 0;
	struct aeg_scratch *scratch = begin(skb, &slot);

	if (!scratch)
		return 0;
	end(scratch, slot, parse_query(slot), 0, 0);
	return 1;
}

SEC("cgroup_skb/ingress")
int response(struct __sk_buff *skb)
{
	__u32 slot = 0;
	struct aeg_scratch *scratch = begin(skb, &slot);
	int result;

	if (!scratch)
		return 0;
	result = parse_response(slot);
	if (result == AEG_DNS_OK)
		result = parse_answers(slot);
	end(scratch, slot, result, 0, 0);
	return 1;
}

SEC("cgroup_skb/egress")
int name(struct __sk_buff *skb)
{
	__u32 slot = 0;
	struct aeg_scratch *scratch = begin(skb, &slot);
	int result, found = 0, left = 0;

	if (!scratch)
		return 0;
	result = take_name(slot);
	if (result == 0) {
		found = find_name(slot);
		left = search_name(slot);
	}
	end(scratch, slot, result, found, left);
	return 1;
}

/* ---- the same without leaving anything: what is measured ---- */

SEC("cgroup_skb/egress")
int bench_empty(struct __sk_buff *skb)
{
	return 1;
}

/*
 * A packet of a verified connection: skb_egress() up to where it leaves. The socket of a test run is not
 * TCP's and has no seat: this is the way of those that are in storage, the longer one, made by the first run.
 */
SEC("cgroup_skb/egress")
int bench_verified(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct aeg_sock *sock;

	if (!sk)
		return 0;
	sock = aeg_state_of_packet(sk, aeg_tcp_of_context(skb, sk));
	if (!sock)
		sock = bpf_sk_storage_get(&socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	return sock && sock->watch <= AEG_WATCH_DONE;
}

/* Claims, loads, releases: the share of every other figure that is not parsing. */
SEC("cgroup_skb/egress")
int bench_load(struct __sk_buff *skb)
{
	__u32 slot = 0;
	struct aeg_scratch *scratch = begin(skb, &slot);

	if (!scratch)
		return 0;
	aeg_scratch_release(scratch);
	return 1;
}

SEC("cgroup_skb/egress")
int bench_hello(struct __sk_buff *skb)
{
	__u32 slot = 0;
	struct aeg_scratch *scratch = begin(skb, &slot);
	int result;

	if (!scratch)
		return 0;
	result = parse_hello(slot);
	if (result == AEG_HELLO_DONE)
		result = name_hello(slot);
	if (result == AEG_HELLO_DONE)
		result = find_name(slot);
	aeg_scratch_release(scratch);
	return result > 0;
}

/* All at once, but by way of the buffer; the storage that holds it is not in the figure. */
SEC("cgroup_skb/egress")
int bench_fed(struct __sk_buff *skb)
{
	__u32 slot = 0;
	struct aeg_hello_buf *buf = buf_get();
	struct aeg_scratch *scratch;
	int result;

	if (!buf)
		return 0;
	scratch = begin(skb, &slot);
	if (!scratch)
		return 0;
	__builtin_memset(buf, 0, __builtin_offsetof(struct aeg_hello_buf, data));
	result = feed_hello(skb);
	if (result == AEG_HELLO_DONE)
		result = parse_fed(slot);
	if (result == AEG_HELLO_DONE)
		result = name_fed(slot);
	if (result == AEG_HELLO_DONE)
		result = find_name(slot);
	aeg_scratch_release(scratch);
	return result > 0;
}

/* As hello_piece() of bpf/hello.bpf.h. */
__noinline int split_piece(struct __sk_buff *skb, __u32 slot, __u32 start, __u32 len)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_bytes bytes = {.base = skb, .start = start, .len = len};
	struct bpf_sock *sk = skb->sk;
	struct aeg_hello_buf *buf;
	int result;

	if (!scratch || !sk)
		return -1;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return -1;
	buf = bpf_sk_storage_get(&hellos, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!buf)
		return -1;
	result = (int)aeg_hello_feed(buf, &bytes);
	if (result == AEG_HELLO_DONE)
		result = (int)aeg_hello_parse_fed(buf, &scratch->hello);
	if (result == AEG_HELLO_DONE)
		result = (int)aeg_hello_name(buf->data, &scratch->hello, &scratch->seed,
					     &scratch->name);
	return result;
}

/* In two pieces, with all that this takes: storage made and deleted, the first look at the first piece. */
SEC("cgroup_skb/egress")
int bench_split(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	__u32 slot = 0, half = skb->len / 2;
	struct aeg_scratch *scratch;
	int result;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	scratch = begin(skb, &slot);
	if (!scratch)
		return 0;
	scratch->len = half;
	result = parse_hello(slot);
	bpf_sk_storage_delete(&hellos, sk);
	if (result == AEG_HELLO_NEED_MORE)
		result = split_piece(skb, slot, 0, half);
	aeg_scratch_release(scratch);
	if (result != AEG_HELLO_NEED_MORE)
		return 0;
	scratch = aeg_scratch_claim(&slot);
	if (!scratch)
		return 0;
	result = split_piece(skb, slot, half, skb->len - half);
	bpf_sk_storage_delete(&hellos, sk);
	if (result == AEG_HELLO_DONE)
		result = find_name(slot);
	aeg_scratch_release(scratch);
	return result > 0;
}

SEC("cgroup_skb/egress")
int bench_query(struct __sk_buff *skb)
{
	__u32 slot = 0;
	struct aeg_scratch *scratch = begin(skb, &slot);
	int result;

	if (!scratch)
		return 0;
	result = parse_query(slot);
	aeg_scratch_release(scratch);
	return result == AEG_DNS_OK;
}

SEC("cgroup_skb/ingress")
int bench_response(struct __sk_buff *skb)
{
	__u32 slot = 0;
	struct aeg_scratch *scratch = begin(skb, &slot);
	int result;

	if (!scratch)
		return 0;
	result = parse_response(slot);
	if (result == AEG_DNS_OK)
		result = parse_answers(slot);
	aeg_scratch_release(scratch);
	return result == AEG_DNS_OK;
}

SEC("cgroup_skb/egress")
int bench_take(struct __sk_buff *skb)
{
	__u32 slot = 0;
	struct aeg_scratch *scratch = begin(skb, &slot);
	int result;

	if (!scratch)
		return 0;
	result = take_name(slot);
	aeg_scratch_release(scratch);
	return result == 0;
}

SEC("cgroup_skb/egress")
int bench_find(struct __sk_buff *skb)
{
	__u32 slot = 0;
	struct aeg_scratch *scratch = begin(skb, &slot);
	int result;

	if (!scratch)
		return 0;
	result = take_name(slot);
	if (result == 0)
		result = find_name(slot);
	aeg_scratch_release(scratch);
	return result > 0;
}
