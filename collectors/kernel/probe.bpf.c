// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The kernel's own view: every network namespace on its list, their devices, every task and what its descriptors
 * pin. Read-only and fixed in purpose: programs start from the reading task and follow the kernel's own pointers;
 * nothing userspace hands over is ever taken for an address. Nothing is attached to a path other processes run on.
 *
 *   list_namespaces  net_namespace_list          run by BPF_PROG_RUN, answers in the maps `namespaces`
 *   list_devices     dev_base_head of each       …                                        `devices`, `stack`
 *   list_orphans     TCP's established hash      …                                        `orphans`
 *   list_tasks       every thread                read as a file (bpf_iter)
 *   list_files       every descriptor            …
 *   list_open        the same, in short          …
 *   list_mappings    every mapping               …
 *   list_links       every BPF link              …
 *
 * Pointers are followed without locks. A read of memory that is gone yields zeroes or stale numbers, never a fault;
 * whoever looks twice and compares is safe (src/settle-views.ts does).
 */
#include "types.bpf.h"
#include "records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define NSFS_MAGIC 0x6e736673
#define SOCKFS_MAGIC 0x534f434b
#define ANON_INODE_FS_MAGIC 0x09041934
#define PROC_SUPER_MAGIC 0x9fa0
#define S_IFMT 0170000
#define S_IFREG 0100000
#define S_IFCHR 0020000
#define TUN_DEVICE ((10 << 20) | 200) /* MKDEV(MISC_MAJOR, TUN_MINOR) */

/* What is left of an address to tell things apart by: JavaScript counts to 2^53. */
#define CGROUPS_MASK 0xffffffffffffULL

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17
#define TCP_TIME_WAIT 6
#define TCP_LISTEN 10
#define TCP_NEW_SYN_RECV 12
#define IPPROTO_TCP 6
#define BPF_LINK_TYPE_NETFILTER 10

/* Upper bounds of loops. Lists end by themselves; these only keep a corrupt one from spinning. */
#define MOST_NAMESPACES (1 << 20)
#define MOST_DEVICES (1 << 20)
#define MOST_STACKED 4096
#define MOST_CPUS 8192
#define MOST_CHAINED 4096
#define MOST_BLOCKS (1 << 10)
#define BUCKETS_PER_BLOCK (1 << 10)
#define MOST_TURNS (1 << 14)
#define MOST_QUEUED 4096
#define MOST_IN_FLIGHT 253 /* SCM_MAX_FD */
#define MOST_REGISTERED (1 << 14)
/* Of one descriptor or mapping: they have to fit the 8 pages that bpf_seq_read gives an iterator, or reading fails. */
#define MOST_RECORDS 320

/* Nothing in here is ever read back by a program. */
#define ANSWERS(record, entries)                                                                                       \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                                      \
		__uint(map_flags, BPF_F_MMAPABLE);                                                                     \
		__uint(max_entries, entries);                                                                          \
		__type(key, u32);                                                                                      \
		__type(value, struct record);                                                                          \
	}

ANSWERS(namespace_record, 4096) namespaces SEC(".maps");
ANSWERS(device_record, 8192) devices SEC(".maps");
ANSWERS(stack_record, 8192) stack SEC(".maps");
ANSWERS(file_record, 1024) orphans SEC(".maps");

/*
 * Namespaces met in earlier walks, by cookie: those that leave the list before their memory is free are dying. It
 * holds addresses that are followed later, so userspace may read it and not write.
 */
struct remembered {
	u64 address;
	u32 ino;
	u32 walk; /* the last walk that met it */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_RDONLY);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct remembered);
} memory SEC(".maps");

/* How a syscall program is asked and answers: one page of records at a time, since maps have a fixed size. */
struct request {
	u32 skip;    /* leave out so many records */
	u32 total;   /* out: how many there are */
	u32 stacked; /* out, list_devices: how many pairs */
	u32 walk;    /* list_namespaces: a number larger than the last one's */
};

#define HAS_HELPER(name) bpf_core_enum_value_exists(enum bpf_func_id___helper, BPF_FUNC_##name##___helper)

/* Where bpf_loop (5.17) is missing, this map is gone through, which is what callbacks are for since 5.13. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MOST_TURNS);
	__type(key, u32);
	__type(value, u8);
} turns SEC(".maps");

/* Lets REPEAT call `on` with the number of the turn and a struct `type`, `most` times or until it returns 1. */
#define REPEATED(on, type, most)                                                                                       \
	enum { on##_turns = most };                                                                                    \
	static __noinline long on##_of_map(void *map, u32 *turn, u8 *value, struct type *context)                      \
	{                                                                                                              \
		return on(*turn, context) || *turn + 1 >= on##_turns;                                                  \
	}

#define REPEAT(on, context)                                                                                            \
	do {                                                                                                           \
		if (HAS_HELPER(loop))                                                                                  \
			bpf_loop(on##_turns, on, context, 0);                                                          \
		else                                                                                                   \
			bpf_for_each_map_elem(&turns, on##_of_map, context, 0);                                        \
	} while (0)

#define CONTAINER(pointer, type, member) ((struct type *)((void *)(pointer)-bpf_core_field_offset(struct type, member)))

/* -- namespaces ---------------------------------------------------------------------------------------------------- */

/*
 * Every pointer is followed by a read that may fail (BPF_CORE_READ), also where the verifier would let a program load
 * through it: for each such load it searches the names of all the kernel's types several times over
 * (type_is_rcu and its like, kernel/bpf/verifier.c, from 6.4), 0.5 to 1 ms each.
 */
static __always_inline struct net *own_namespace(void)
{
	return BPF_CORE_READ(bpf_get_current_task_btf(), nsproxy, net_ns);
}

/*
 * Whether a pointer is to a struct net: its operations are those of the reader's own. It tells the list's head, which
 * is no struct net, and memory that was reused meanwhile.
 */
static __always_inline bool is_net(struct net *net, const struct proc_ns_operations *operations)
{
	return net && BPF_CORE_READ(net, ns.ops) == operations;
}

static __always_inline u64 cookie_of(struct net *net)
{
	struct net___cookie *with_cookie = (void *)net;
	return bpf_core_field_exists(with_cookie->net_cookie) ? BPF_CORE_READ(with_cookie, net_cookie) : 0;
}

static __always_inline void describe_namespace(struct namespace_record *record, struct net *net)
{
	struct ns_common___5_11 *counted = (void *)net + bpf_core_field_offset(struct net, ns);
	struct ns_common___6_18 *with_id = (void *)counted;
	struct ns_common___6_19 *with_active = (void *)counted;

	record->cookie = cookie_of(net);
	record->id = bpf_core_field_exists(with_id->ns_id) ? BPF_CORE_READ(with_id, ns_id) : 0;
	record->ino = BPF_CORE_READ(net, ns.inum);
	if (bpf_core_field_exists(with_id->__ns_ref))
		record->count = BPF_CORE_READ(with_id, __ns_ref.refs.counter);
	else if (bpf_core_field_exists(counted->count))
		record->count = BPF_CORE_READ(counted, count.refs.counter);
	else
		record->count = UNKNOWN;
	record->passive = BPF_CORE_READ(net, passive.refs.counter);
	record->active = bpf_core_field_exists(with_active->__ns_ref_active)
				 ? BPF_CORE_READ(with_active, __ns_ref_active.counter)
				 : UNKNOWN;
	record->owner = BPF_CORE_READ(net, user_ns, ns.inum);
	record->owner_uid = BPF_CORE_READ(net, user_ns, owner.val);
	record->departed = 0;
}

struct walk {
	struct list_head *start;
	struct list_head *at;
	const struct proc_ns_operations *operations;
	u32 skip;
	u32 number;
};

/* Records are written to where the counter points; what does not fit on this page is only counted. */
static u32 found;
static u32 stacked;
static u32 met;
static u32 remembered;

static __always_inline void remember(struct net *net, u32 walk)
{
	u64 cookie = cookie_of(net);
	struct remembered *known = bpf_map_lookup_elem(&memory, &cookie);
	struct remembered seen = {.address = (u64)net, .ino = BPF_CORE_READ(net, ns.inum), .walk = walk};
	if (known) {
		known->walk = walk;
		met++;
	} else if (cookie && !bpf_map_update_elem(&memory, &cookie, &seen, BPF_NOEXIST)) {
		remembered++;
		met++;
	}
}

static __noinline long visit_namespace(u32 turn, struct walk *walk)
{
	struct list_head *at = walk->at;
	struct net *net = CONTAINER(at, net, list);
	if (is_net(net, walk->operations)) {
		u32 slot = found++ - walk->skip;
		struct namespace_record *record = bpf_map_lookup_elem(&namespaces, &slot);
		if (record)
			describe_namespace(record, net);
		remember(net, walk->number);
	}
	walk->at = BPF_CORE_READ(at, next);
	return !walk->at || walk->at == walk->start;
}
REPEATED(visit_namespace, walk, MOST_NAMESPACES)

/*
 * One that was on the list before and is not now. net_passive_dec frees the memory at zero, where the count stays;
 * memory that was given to another namespace since has another cookie.
 */
static __noinline long visit_remembered(void *map, u64 *cookie, struct remembered *seen, struct walk *walk)
{
	if (seen->walk == walk->number)
		return 0;
	struct net *net = (void *)seen->address;
	if (cookie_of(net) == *cookie && is_net(net, walk->operations) && BPF_CORE_READ(net, passive.refs.counter) > 0) {
		u32 slot = found++ - walk->skip;
		struct namespace_record *record = bpf_map_lookup_elem(&namespaces, &slot);
		if (record) {
			describe_namespace(record, net);
			record->ino = seen->ino;
			record->departed = 1;
		}
	} else {
		bpf_map_delete_elem(&memory, cookie);
		remembered--;
	}
	return 0;
}

SEC("syscall")
int list_namespaces(struct request *request)
{
	struct net *own = own_namespace();
	struct walk walk = {.start = CONTAINER(&own->list, list_head, next), .operations = BPF_CORE_READ(own, ns.ops)};
	walk.at = walk.start;
	walk.skip = request->skip;
	walk.number = request->walk;
	found = 0;
	met = 0;
	REPEAT(visit_namespace, &walk);
	if (met != remembered)
		bpf_for_each_map_elem(&memory, visit_remembered, &walk, 0);
	request->total = found;
	return 0;
}

/* -- devices ------------------------------------------------------------------------------------------------------- */

/*
 * Where each CPU's copy of the per-CPU variables lies: what a map has for a CPU, less the per-CPU pointer of the same
 * (per_cpu_ptr, include/linux/percpu-defs.h). The symbol would do as well, where the kernel is built to tell it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} per_cpu SEC(".maps");

/* The verifier lets nobody calculate with a pointer to or into a map; read back from the stack it is a number. */
static __always_inline u64 number_from(void **pointer)
{
	u64 number = 0;
	bpf_probe_read_kernel(&number, sizeof(number), pointer);
	return number;
}

struct sum {
	void *address;
	s32 value;
};

static __noinline long add_cpu(u32 cpu, struct sum *sum)
{
	u32 zero = 0;
	s32 value = 0;
	void *of_cpu = bpf_map_lookup_percpu_elem(&per_cpu, &zero, cpu);
	if (!of_cpu)
		return 1;
	void *map = &per_cpu;
	struct bpf_array *array = (void *)number_from(&map);
	u64 offset = number_from(&of_cpu) - (u64)BPF_CORE_READ(array, pptrs[0]);
	bpf_probe_read_kernel(&value, sizeof(value), sum->address + offset);
	sum->value += value;
	return 0;
}
REPEATED(add_cpu, sum, MOST_CPUS)

/* netdev_refcnt_read, net/core/dev.c. */
static __always_inline s32 device_references(struct net_device *device)
{
	struct net_device___pcpu_refcnt *kept = (void *)device;
	struct net_device___dev_refcnt *counted = (void *)device;

	if (bpf_core_field_exists(counted->dev_refcnt))
		return BPF_CORE_READ(counted, dev_refcnt.refs.counter);
	if (!bpf_core_field_exists(kept->pcpu_refcnt) || !HAS_HELPER(map_lookup_percpu_elem))
		return UNKNOWN;
	struct sum sum = {.address = BPF_CORE_READ(kept, pcpu_refcnt)};
	REPEAT(add_cpu, &sum);
	return sum.value;
}

/* netdev_priv, include/linux/netdevice.h. */
static __always_inline void *device_private(struct net_device *device)
{
	struct net_device___priv *with_priv = (void *)device;
	if (bpf_core_field_exists(with_priv->priv))
		return (void *)device + bpf_core_field_offset(with_priv->priv);
	return (void *)device + ((bpf_core_type_size(struct net_device) + 31) & ~31UL);
}

static __always_inline bool is_kind(const char *kind, const char *expected, u32 length)
{
	for (u32 at = 0; at < length; at++)
		if (kind[at] != expected[at])
			return 0;
	return 1;
}

/* The types are known only where the driver is built in or loaded. */
static __always_inline struct net_device *device_peer(struct net_device *device, const char *kind)
{
	struct veth_priv *veth = device_private(device);
	struct netkit *netkit = device_private(device);
	if (is_kind(kind, "veth", 5) && bpf_core_type_exists(struct veth_priv))
		return BPF_CORE_READ(veth, peer);
	if (is_kind(kind, "netkit", 7) && bpf_core_type_exists(struct netkit))
		return BPF_CORE_READ(netkit, peer);
	return NULL;
}

static __always_inline void describe_device(struct device_record *record, struct net_device *device)
{
	struct net_device___operstate *state = (void *)device;
	struct net_device___reg_state *registered = (void *)device;
	struct net_device___reg_state_5_14 *registered_bits = (void *)device;

	record->netns = BPF_CORE_READ(device, nd_net.net, ns.inum);
	record->ifindex = BPF_CORE_READ(device, ifindex);
	record->flags = BPF_CORE_READ(device, flags);
	record->mtu = BPF_CORE_READ(device, mtu);
	record->references = device_references(device);
	record->operstate = 0;
	/* The machine is little-endian: the first byte of an int is its value here. */
	bpf_probe_read_kernel(&record->operstate, 1, (void *)device + bpf_core_field_offset(state->operstate));
	record->type = BPF_CORE_READ(device, type);
	record->address_length = BPF_CORE_READ(device, addr_len);
	record->reg_state = bpf_core_field_exists(registered->reg_state)
				    ? BPF_CORE_READ(registered, reg_state)
				    : BPF_CORE_READ_BITFIELD_PROBED(registered_bits, reg_state);
	BPF_CORE_READ_INTO(&record->name, device, name);
	bpf_probe_read_kernel(record->address, sizeof(record->address), BPF_CORE_READ(device, dev_addr));

	__builtin_memset(record->kind, 0, sizeof(record->kind));
	const char *kind = BPF_CORE_READ(device, rtnl_link_ops, kind);
	if (kind)
		bpf_probe_read_kernel_str(record->kind, sizeof(record->kind), kind);
	struct net_device *peer = device_peer(device, record->kind);
	record->peer_netns = peer ? BPF_CORE_READ(peer, nd_net.net, ns.inum) : 0;
	record->peer_ifindex = peer ? BPF_CORE_READ(peer, ifindex) : 0;
}

struct device_walk {
	struct list_head *start;
	struct list_head *at;
	struct net_device *device;
	u32 skip;
};

/* What is on top of a device. The list of what is under it does not say which of them are ports: its `master` is never
 * set (__netdev_adjacent_dev_link_lists, net/core/dev.c). */
static __noinline long visit_upper(u32 turn, struct device_walk *walk)
{
	struct list_head *at = walk->at;
	struct net_device *lower = walk->device;
	struct netdev_adjacent *adjacent = CONTAINER(at, netdev_adjacent, list);
	struct net_device *upper = BPF_CORE_READ(adjacent, dev);
	u32 slot = stacked++ - walk->skip;
	struct stack_record *record = bpf_map_lookup_elem(&stack, &slot);
	if (record) {
		record->netns = BPF_CORE_READ(upper, nd_net.net, ns.inum);
		record->ifindex = BPF_CORE_READ(upper, ifindex);
		record->lower_netns = BPF_CORE_READ(lower, nd_net.net, ns.inum);
		record->lower_ifindex = BPF_CORE_READ(lower, ifindex);
		record->master = BPF_CORE_READ(adjacent, master);
	}
	walk->at = BPF_CORE_READ(at, next);
	return !walk->at || walk->at == walk->start;
}
REPEATED(visit_upper, device_walk, MOST_STACKED)

static __noinline long visit_device(u32 turn, struct device_walk *walk)
{
	struct list_head *at = walk->at;
	struct net_device *device = CONTAINER(at, net_device, dev_list);
	u32 slot = found++ - walk->skip;
	struct device_record *record = bpf_map_lookup_elem(&devices, &slot);
	if (record)
		describe_device(record, device);

	struct net_device___adjacent *adjacent = (void *)device;
	struct device_walk upper = {.device = device, .skip = walk->skip};
	upper.start = (void *)device + bpf_core_field_offset(adjacent->adj_list.upper);
	upper.at = BPF_CORE_READ(adjacent, adj_list.upper.next);
	if (upper.at && upper.at != upper.start)
		REPEAT(visit_upper, &upper);

	walk->at = BPF_CORE_READ(at, next);
	return !walk->at || walk->at == walk->start;
}
REPEATED(visit_device, device_walk, MOST_DEVICES)

static __noinline long visit_devices_of(u32 turn, struct walk *walk)
{
	struct list_head *at = walk->at;
	struct net *net = CONTAINER(at, net, list);
	if (is_net(net, walk->operations)) {
		struct device_walk inside = {.skip = walk->skip};
		inside.start = (void *)net + bpf_core_field_offset(struct net, dev_base_head);
		inside.at = BPF_CORE_READ(net, dev_base_head.next);
		if (inside.at && inside.at != inside.start)
			REPEAT(visit_device, &inside);
	}
	walk->at = BPF_CORE_READ(at, next);
	return !walk->at || walk->at == walk->start;
}
REPEATED(visit_devices_of, walk, MOST_NAMESPACES)

SEC("syscall")
int list_devices(struct request *request)
{
	struct net *own = own_namespace();
	struct walk walk = {.start = CONTAINER(&own->list, list_head, next), .operations = BPF_CORE_READ(own, ns.ops)};
	walk.at = walk.start;
	walk.skip = request->skip;
	found = 0;
	stacked = 0;
	REPEAT(visit_devices_of, &walk);
	request->total = found;
	request->stacked = stacked;
	return 0;
}

/* -- tasks --------------------------------------------------------------------------------------------------------- */

/* The pid namespace of the reader: /proc shows it the same numbers. */
static __always_inline u32 own_level(void)
{
	return BPF_CORE_READ(bpf_get_current_task_btf(), thread_pid, level);
}

/* pid_nr_ns, kernel/pid.c; 0 for a task that was reaped. */
static __always_inline u32 number_of(struct task_struct *task, u32 level)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct upid *numbers = (void *)pid + bpf_core_field_offset(pid->numbers);
	struct upid *number = (void *)numbers + level * bpf_core_type_size(struct upid);
	return pid ? BPF_CORE_READ(number, nr) : 0;
}

/* task_active_pid_ns, kernel/pid.c. */
static __always_inline u32 pid_namespace_of(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	if (!pid)
		return 0;
	struct upid *numbers = (void *)pid + bpf_core_field_offset(pid->numbers);
	struct upid *number = (void *)numbers + BPF_CORE_READ(pid, level) * bpf_core_type_size(struct upid);
	return BPF_CORE_READ(number, ns, ns.inum);
}

SEC("iter/task")
int list_tasks(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	if (!task)
		return 0;
	u32 level = own_level();
	struct task_struct___cgroups *grouped = (void *)task;
	/* A pointer that is NULL reads as zeroes. */
	struct nsproxy *namespaces = BPF_CORE_READ(task, nsproxy);
	struct mnt_namespace *mounts = BPF_CORE_READ(namespaces, mnt_ns);
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct task_record record = {
		.started = task->start_boottime,
		.mount_event = BPF_CORE_READ(mounts, event),
		.tid = number_of(task, level),
		.pid = number_of(BPF_CORE_READ(task, group_leader), level),
		.parent = number_of(BPF_CORE_READ(task, real_parent, group_leader), level),
		.uid = BPF_CORE_READ(cred, euid.val),
		.flags = task->flags,
		.exit_state = task->exit_state,
		.netns = BPF_CORE_READ(namespaces, net_ns, ns.inum),
		.mount_ns = BPF_CORE_READ(mounts, ns.inum),
		.user_ns = BPF_CORE_READ(cred, user_ns, ns.inum),
		.pid_ns = pid_namespace_of(task),
		.cgroups = bpf_core_field_exists(grouped->cgroups) ? (u64)BPF_CORE_READ(grouped, cgroups) & CGROUPS_MASK : 0,
	};
	BPF_CORE_READ_INTO(&record.comm, task, comm);
	return bpf_seq_write(context->meta->seq, &record, sizeof(record)) ? 1 : 0;
}

/* -- what files pin ------------------------------------------------------------------------------------------------ */

static __always_inline struct net *net_of_sock(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net);
}

static __always_inline void describe_sock(struct file_record *record, struct sock *sk)
{
	struct sock___rmem *received = (void *)sk;
	record->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	record->type = BPF_CORE_READ(sk, sk_type);
	record->protocol = BPF_CORE_READ(sk, sk_protocol);
	record->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	record->ifindex = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	record->receive_queue = BPF_CORE_READ(received, sk_backlog.rmem_alloc.counter);
	/* sk_wmem_alloc_get, include/net/sock.h: the socket itself counts as one. */
	record->send_queue = BPF_CORE_READ(sk, sk_wmem_alloc.refs.counter) - 1;

	if (record->family == AF_INET || record->family == AF_INET6) {
		record->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
		record->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
		if (record->family == AF_INET) {
			BPF_CORE_READ_INTO((u32 *)record->local, sk, __sk_common.skc_rcv_saddr);
			BPF_CORE_READ_INTO((u32 *)record->remote, sk, __sk_common.skc_daddr);
		} else {
			BPF_CORE_READ_INTO((struct in6_addr *)record->local, sk, __sk_common.skc_v6_rcv_saddr);
			BPF_CORE_READ_INTO((struct in6_addr *)record->remote, sk, __sk_common.skc_v6_daddr);
		}
		if (record->protocol == IPPROTO_TCP) {
			struct tcp_sock *tcp = (void *)sk;
			/* tcp_diag_get_info, net/ipv4/tcp_diag.c. */
			if (record->state == TCP_LISTEN) {
				record->receive_queue = BPF_CORE_READ(sk, sk_ack_backlog);
				record->send_queue = 0;
			} else {
				record->receive_queue = BPF_CORE_READ(tcp, rcv_nxt) - BPF_CORE_READ(tcp, copied_seq);
				record->send_queue = BPF_CORE_READ(tcp, write_seq) - BPF_CORE_READ(tcp, snd_una);
			}
		}
	} else if (record->family == AF_PACKET && bpf_core_type_exists(struct packet_sock)) {
		record->ifindex = BPF_CORE_READ((struct packet_sock *)sk, ifindex);
	}
}

/* A file of /proc/<pid>/net: seq_open_net or single_open_net, fs/proc/proc_net.c, keep the namespace in the seq_file. */
static __always_inline struct net *net_of_proc_file(void *private_data, const struct proc_ns_operations *operations)
{
	void *kept = BPF_CORE_READ((struct seq_file *)private_data, private);
	if (!kept)
		return NULL;
	if (is_net(kept, operations))
		return kept;
	return BPF_CORE_READ((struct seq_net_private *)kept, net);
}

/* tap.ko's sockets, of macvtap and ipvtap, are known by their protocol; every other device has something else there. */
static __always_inline bool is_tap(struct sock *sk)
{
	char name[4] = {};
	struct proto *proto = BPF_CORE_READ(sk, __sk_common.skc_prot);
	bpf_probe_read_kernel(name, sizeof(name), (void *)proto + bpf_core_field_offset(proto->name));
	return name[0] == 't' && name[1] == 'a' && name[2] == 'p' && name[3] == 0;
}

/* Fills in what a file pins; false for one that pins no network namespace. */
static __always_inline bool describe_file(struct file_record *record, struct file *file,
					  const struct proc_ns_operations *operations)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	void *private_data = BPF_CORE_READ(file, private_data);
	u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);
	u16 type = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	struct net *net = NULL;

	record->inode = BPF_CORE_READ(inode, i_ino);
	record->kind = 0;
	if (magic == NSFS_MAGIC) {
		struct ns_common *ns = BPF_CORE_READ(inode, i_private);
		net = CONTAINER(ns, net, ns);
		record->kind = FILE_NSFS;
	} else if (magic == SOCKFS_MAGIC) {
		struct sock *sk = BPF_CORE_READ((struct socket *)private_data, sk);
		net = net_of_sock(sk);
		record->kind = FILE_SOCKET;
		if (sk)
			describe_sock(record, sk);
	} else if (magic == PROC_SUPER_MAGIC && type == S_IFREG) {
		net = net_of_proc_file(private_data, operations);
		record->kind = FILE_PROC;
	} else if (type == S_IFCHR && BPF_CORE_READ(inode, i_rdev) == TUN_DEVICE) {
		net = net_of_sock(private_data);
		record->kind = FILE_TUN;
		struct tun_file *tun = private_data;
		if (bpf_core_type_exists(struct tun_file)) {
			struct net_device *device = BPF_CORE_READ(tun, tun, dev);
			record->device_netns = BPF_CORE_READ(device, nd_net.net, ns.inum);
			record->ifindex = BPF_CORE_READ(device, ifindex);
		}
	} else if (type == S_IFCHR && private_data && is_tap(private_data)) {
		net = net_of_sock(private_data);
		record->kind = FILE_TAP;
	} else {
		return 0;
	}
	if (!is_net(net, operations))
		return 0;
	record->netns = BPF_CORE_READ(net, ns.inum);
	return 1;
}

/* -- descriptors, and what waits behind them ----------------------------------------------------------------------- */

/* What a file leads to: records say whose descriptor it was reached by. */
struct trail {
	struct seq_file *seq;
	const struct proc_ns_operations *operations;
	u32 pid;
	u32 tid;
	s32 fd;
	u32 task_netns;
	u64 inode;
	struct sk_buff *queue; /* the head of a receive queue, which is no sk_buff */
	struct sk_buff *at;
	struct scm_fp_list *files;
	struct io_rsrc_node **nodes;
	struct io_fixed_file *slots;
	u32 count;
	u32 written;
	u32 full;   /* 1: MOST_RECORDS written */
	u32 failed; /* 1: the buffer is full: to be called again with an empty one */
};

static __always_inline void start_record(struct file_record *record, struct trail *trail, u8 place)
{
	__builtin_memset(record, 0, sizeof(*record));
	record->pid = trail->pid;
	record->tid = trail->tid;
	record->fd = trail->fd;
	record->task_netns = trail->task_netns;
	record->place = place;
}

/* The last one says that there are more, by naming no namespace. Returns whether that was it. */
static __always_inline bool write_record(struct trail *trail, struct file_record *record)
{
	if (++trail->written >= MOST_RECORDS) {
		record->kind = 0;
		record->netns = 0;
		trail->full = 1;
	}
	if (bpf_seq_write(trail->seq, record, sizeof(*record)))
		trail->failed = 1;
	return trail->full || trail->failed;
}

static __noinline long report_file(struct trail *trail, struct file *file, u8 place, u32 slot)
{
	struct file_record record;
	start_record(&record, trail, place);
	record.slot = slot;
	if (!describe_file(&record, file, trail->operations))
		return 0;
	if (place == PLACE_IN_FLIGHT || place == PLACE_REGISTERED) {
		/* A server may keep thousands of sockets of its own namespace there: they leave room for others. */
		if (record.netns == trail->task_netns && trail->written >= MOST_RECORDS / 2)
			return 0;
		record.inode = trail->inode;
	}
	return write_record(trail, &record);
}

static __noinline long visit_in_flight(u32 index, struct trail *trail)
{
	struct scm_fp_list *files = trail->files;
	if (index >= trail->count || index >= MOST_IN_FLIGHT)
		return 1;
	struct file *file = NULL;
	bpf_probe_read_kernel(&file, sizeof(file),
			      (void *)files + bpf_core_field_offset(files->fp) + index * sizeof(file));
	return report_file(trail, file, PLACE_IN_FLIGHT, index) ? 1 : 0;
}
REPEATED(visit_in_flight, trail, MOST_IN_FLIGHT)

/* UNIXCB(skb).fp, include/net/af_unix.h. */
static __noinline long visit_queued(u32 turn, struct trail *trail)
{
	struct sk_buff *skb = trail->at;
	struct unix_skb_parms *parms = (void *)skb + bpf_core_field_offset(skb->cb);
	struct scm_fp_list *files = BPF_CORE_READ(parms, fp);
	if (files) {
		trail->files = files;
		trail->count = BPF_CORE_READ(files, count);
		REPEAT(visit_in_flight, trail);
	}
	trail->at = BPF_CORE_READ(skb, next);
	return !trail->at || trail->at == trail->queue || trail->full || trail->failed;
}
REPEATED(visit_queued, trail, MOST_QUEUED)

/* unix_stream_connect, net/unix/af_unix.c: the socket the listener will accept has the client's namespace. */
static __noinline long visit_unaccepted(u32 turn, struct trail *trail)
{
	struct sk_buff *skb = trail->at;
	struct sock *sk = BPF_CORE_READ(skb, sk);
	struct net *net = net_of_sock(sk);
	if (is_net(net, trail->operations)) {
		struct file_record record;
		start_record(&record, trail, PLACE_UNACCEPTED);
		record.kind = FILE_SOCKET;
		record.inode = trail->inode;
		record.netns = BPF_CORE_READ(net, ns.inum);
		describe_sock(&record, sk);
		write_record(trail, &record);
	}
	trail->at = BPF_CORE_READ(skb, next);
	return !trail->at || trail->at == trail->queue || trail->full || trail->failed;
}
REPEATED(visit_unaccepted, trail, MOST_QUEUED)

static __always_inline void visit_unix(struct trail *trail, struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	trail->queue = (void *)sk + bpf_core_field_offset(sk->sk_receive_queue);
	trail->at = BPF_CORE_READ(sk, sk_receive_queue.next);
	if (!sk || !trail->at || trail->at == trail->queue)
		return;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN)
		REPEAT(visit_unaccepted, trail);
	else if (bpf_core_type_exists(struct unix_skb_parms))
		REPEAT(visit_queued, trail);
}

/* io_uring/rsrc.h: the lowest bits of a file's address hold flags. */
static __noinline long visit_registered(u32 index, struct trail *trail)
{
	u64 file = 0;
	if (index >= trail->count)
		return 1;
	struct io_rsrc_node *node = NULL;
	if (bpf_core_field_exists(node->file_ptr)) {
		bpf_probe_read_kernel(&node, sizeof(node), &trail->nodes[index]);
		file = BPF_CORE_READ(node, file_ptr);
	} else {
		struct io_fixed_file *slot =
			(void *)trail->slots + index * bpf_core_type_size(struct io_fixed_file);
		file = BPF_CORE_READ(slot, file_ptr);
	}
	file &= ~7ULL;
	return file && report_file(trail, (struct file *)file, PLACE_REGISTERED, index) ? 1 : 0;
}
REPEATED(visit_registered, trail, MOST_REGISTERED)

static __always_inline void visit_ring(struct trail *trail, struct file *file)
{
	struct io_ring_ctx *ring = BPF_CORE_READ(file, private_data);
	struct io_ring_ctx___5_15 *older = (void *)ring;
	trail->nodes = NULL;
	trail->slots = NULL;
	trail->count = 0;
	if (bpf_core_field_exists(ring->file_table.data.nodes)) {
		trail->nodes = BPF_CORE_READ(ring, file_table.data.nodes);
		trail->count = BPF_CORE_READ(ring, file_table.data.nr);
	} else if (bpf_core_field_exists(older->file_table.files) && bpf_core_type_exists(struct io_fixed_file)) {
		trail->slots = BPF_CORE_READ(older, file_table.files);
		trail->count = BPF_CORE_READ(older, nr_user_files);
	}
	if (trail->nodes || trail->slots)
		REPEAT(visit_registered, trail);
}

#define EIGHT(a, b, c, d, e, f, g, h)                                                                                  \
	((u64)(a) | (u64)(b) << 8 | (u64)(c) << 16 | (u64)(d) << 24 | (u64)(e) << 32 | (u64)(f) << 40 | (u64)(g) << 48 |     \
	 (u64)(h) << 56)

/* Names of anonymous inodes, by eight bytes at once: the verifier goes through both ways of every comparison. */
#define RING_NAME EIGHT('[', 'i', 'o', '_', 'u', 'r', 'i', 'n')
#define INOTIFY_NAME EIGHT('i', 'n', 'o', 't', 'i', 'f', 'y', 0)
#define FANOTIFY_NAME EIGHT('[', 'f', 'a', 'n', 'o', 't', 'i', 'f')
#define LINK_NAME EIGHT('b', 'p', 'f', '_', 'l', 'i', 'n', 'k')
#define OLDER_LINK_NAME EIGHT('b', 'p', 'f', '-', 'l', 'i', 'n', 'k')

/* An anonymous inode tells what it is by name only; nobody can call a file of theirs so and have it pass for one. */
static __always_inline u64 anonymous_name(struct file *file)
{
	u64 name = 0;
	bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return name;
}

static __always_inline void visit_file(struct trail *trail, struct file *file, u8 place)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);
	trail->inode = BPF_CORE_READ(inode, i_ino);
	if (magic == ANON_INODE_FS_MAGIC) {
		if (anonymous_name(file) == RING_NAME)
			visit_ring(trail, file);
		return;
	}
	if (report_file(trail, file, place, 0))
		return;
	if (magic != SOCKFS_MAGIC)
		return;
	struct socket *socket = BPF_CORE_READ(file, private_data);
	if (BPF_CORE_READ(socket, sk, __sk_common.skc_family) == AF_UNIX)
		visit_unix(trail, file);
}

static __always_inline void follow(struct trail *trail, struct seq_file *seq, struct task_struct *task)
{
	u32 level = own_level();
	trail->seq = seq;
	trail->operations = BPF_CORE_READ(own_namespace(), ns.ops);
	trail->tid = number_of(task, level);
	trail->pid = number_of(BPF_CORE_READ(task, group_leader), level);
	trail->task_netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
}

/* What most descriptors are, and what pins nothing: told before anything else is read of them. */
static __always_inline bool is_plain(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);
	u16 type = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	if (magic == NSFS_MAGIC || magic == SOCKFS_MAGIC || magic == ANON_INODE_FS_MAGIC)
		return 0;
	return !(magic == PROC_SUPER_MAGIC && type == S_IFREG) && !(type == S_IFCHR && BPF_CORE_READ(file, private_data));
}

SEC("iter/task_file")
int list_files(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	if (!task || !file || is_plain(file))
		return 0;
	struct trail trail = {};
	follow(&trail, context->meta->seq, task);
	trail.fd = context->fd;
	visit_file(&trail, file, PLACE_DESCRIPTOR);
	return trail.failed ? 1 : 0;
}

/*
 * Descriptors that pin a namespace, or that only userland can tell of (collectors/descriptors/walk.ts): those whose fdinfo
 * it reads, namespaces of other types, any file of procfs. Small, so that it is loaded long before list_files is.
 */
SEC("iter/task_file")
int list_open(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	if (!task || !file || is_plain(file))
		return 0;
	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) == ANON_INODE_FS_MAGIC) {
		u64 name = anonymous_name(file);
		if (name != RING_NAME && name != INOTIFY_NAME && name != FANOTIFY_NAME && name != LINK_NAME &&
		    name != OLDER_LINK_NAME)
			return 0;
	}
	u32 level = own_level();
	struct open_record record = {
		.pid = number_of(BPF_CORE_READ(task, group_leader), level),
		.tid = number_of(task, level),
		.fd = context->fd,
	};
	return bpf_seq_write(context->meta->seq, &record, sizeof(record)) ? 1 : 0;
}

SEC("iter/task_vma")
int list_mappings(struct bpf_iter__task_vma *context)
{
	struct task_struct *task = context->task;
	struct vm_area_struct *mapping = context->vma;
	if (!task || !mapping)
		return 0;
	struct file *file = BPF_CORE_READ(mapping, vm_file);
	if (!file || is_plain(file))
		return 0;
	struct trail trail = {};
	follow(&trail, context->meta->seq, task);
	trail.fd = -1;
	visit_file(&trail, file, PLACE_MAPPED);
	return trail.failed ? 1 : 0;
}

/* bpf_nf_link_attach, net/netfilter/nf_bpf_link.c, Linux 6.4: the link keeps the namespace it was made in. */
SEC("iter/bpf_link")
int list_links(struct bpf_iter__bpf_link *context)
{
	struct bpf_nf_link *link = (void *)context->link;
	if (!link || !bpf_core_type_exists(struct bpf_nf_link))
		return 0;
	if (BPF_CORE_READ(link, link.type) != BPF_LINK_TYPE_NETFILTER)
		return 0;
	struct net *net = BPF_CORE_READ(link, net);
	struct file_record record = {.place = PLACE_LINK, .fd = -1};
	record.netns = BPF_CORE_READ(net, ns.inum);
	record.slot = BPF_CORE_READ(link, link.id);
	return bpf_seq_write(context->meta->seq, &record, sizeof(record)) ? 1 : 0;
}

/* -- TCP connections nobody has open ------------------------------------------------------------------------------- */

struct bucket_walk {
	struct inet_ehash_bucket *buckets;
	struct net *own;
	const struct proc_ns_operations *operations;
	struct hlist_nulls_node *at;
	u32 next;
	u32 last;
	u32 skip;
	struct list_head *start; /* in net_namespace_list */
	struct list_head *namespace;
	u32 shared; /* 1: the table that most share was gone through */
};

/* sock_orphan, include/net/sock.h: no socket any more, and marked dead. Those of the reader's namespace are left out. */
static __noinline long visit_connection(u32 turn, struct bucket_walk *walk)
{
	struct hlist_nulls_node *at = walk->at;
	if (!at || ((u64)at & 1))
		return 1;
	struct sock *sk = (void *)at - bpf_core_field_offset(struct sock, __sk_common.skc_nulls_node);
	u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct net *net = net_of_sock(sk);
	/* TIME_WAIT and NEW_SYN_RECV are smaller structs, and pin nothing. */
	if (state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV && net != walk->own && !BPF_CORE_READ(sk, sk_socket) &&
	    (BPF_CORE_READ(sk, __sk_common.skc_flags) & 1) && is_net(net, walk->operations)) {
		u32 slot = found++ - walk->skip;
		struct file_record *record = bpf_map_lookup_elem(&orphans, &slot);
		if (record) {
			__builtin_memset(record, 0, sizeof(*record));
			record->place = PLACE_ORPHAN;
			record->kind = FILE_SOCKET;
			record->fd = -1;
			record->netns = BPF_CORE_READ(net, ns.inum);
			describe_sock(record, sk);
		}
	}
	walk->at = BPF_CORE_READ(at, next);
	return 0;
}
REPEATED(visit_connection, bucket_walk, MOST_CHAINED)

static __noinline long visit_bucket(u32 turn, struct bucket_walk *walk)
{
	u32 index = walk->next++;
	struct inet_ehash_bucket *bucket =
		(void *)walk->buckets + (u64)index * bpf_core_type_size(struct inet_ehash_bucket);
	walk->at = BPF_CORE_READ(bucket, chain.first);
	if (!((u64)walk->at & 1))
		REPEAT(visit_connection, walk);
	return index >= walk->last;
}
REPEATED(visit_bucket, bucket_walk, BUCKETS_PER_BLOCK)

/* In blocks: there may be more buckets than a map has turns. */
static __noinline long visit_block(u32 turn, struct bucket_walk *walk)
{
	REPEAT(visit_bucket, walk);
	return walk->next > walk->last;
}
REPEATED(visit_block, bucket_walk, MOST_BLOCKS)

static __always_inline void visit_table(struct bucket_walk *walk, struct inet_hashinfo *hash)
{
	walk->buckets = BPF_CORE_READ(hash, ehash);
	walk->last = BPF_CORE_READ(hash, ehash_mask);
	walk->next = 0;
	if (walk->buckets)
		REPEAT(visit_block, walk);
}

/* A namespace may have a table of its own: sysctl tcp_child_ehash_entries, Linux 6.1. */
static __noinline long visit_table_of(u32 turn, struct bucket_walk *walk)
{
	struct list_head *at = walk->namespace;
	struct net *net = CONTAINER(at, net, list);
	struct inet_hashinfo___6_1 *hash = NULL;
	if (is_net(net, walk->operations))
		hash = (void *)BPF_CORE_READ(net, ipv4.tcp_death_row.hashinfo);
	if (hash && (BPF_CORE_READ(hash, pernet) || !walk->shared)) {
		if (!BPF_CORE_READ(hash, pernet))
			walk->shared = 1;
		visit_table(walk, (struct inet_hashinfo *)hash);
	}
	walk->namespace = BPF_CORE_READ(at, next);
	return !walk->namespace || walk->namespace == walk->start;
}

SEC("syscall")
int list_orphans(struct request *request)
{
	struct net *own = own_namespace();
	struct bucket_walk walk = {.own = own, .operations = BPF_CORE_READ(own, ns.ops), .skip = request->skip};
	struct inet_hashinfo___6_1 *hash = NULL;
	walk.start = CONTAINER(&own->list, list_head, next);
	walk.namespace = walk.start;
	found = 0;
	if (bpf_core_field_exists(hash->pernet))
		bpf_loop(MOST_NAMESPACES, visit_table_of, &walk, 0);
	else
		visit_table(&walk, BPF_CORE_READ(own, ipv4.tcp_death_row.hashinfo));
	request->total = found;
	return 0;
}
