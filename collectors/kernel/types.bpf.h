/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The few kernel fields the probe reads, and nothing else.
 *
 * Every struct is relocated when the probe is loaded (CO-RE, `preserve_access_index`): only the names of structs and
 * fields matter here, not their order or offset. libbpf ignores everything after three underscores in a name, so
 * `ns_common___6_18` is the struct ns_common of Linux 6.18. A field that some kernels lack is asked for with
 * bpf_core_field_exists first.
 */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef _Bool bool;
#define NULL ((void *)0)

/* Of include/uapi/linux/bpf.h, which would need half of the kernel's headers: what this program uses. */
enum bpf_map_type { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_ARRAY = 6 };
enum { BPF_NOEXIST = 1, BPF_F_RDONLY = 1U << 3, BPF_F_MMAPABLE = 1U << 10 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next;
};

typedef struct {
	int counter;
} atomic_t;

typedef struct refcount_struct {
	atomic_t refs;
} refcount_t;

typedef struct {
	u32 val;
} kuid_t;

struct proc_ns_operations;

struct ns_common {
	const struct proc_ns_operations *ops;
	unsigned int inum;
};
struct ns_common___5_11 {
	refcount_t count; /* until 6.17 */
};
struct ns_common___6_18 {
	refcount_t __ns_ref;
	u64 ns_id;
};
struct ns_common___6_19 {
	atomic_t __ns_ref_active;
};

struct user_namespace {
	struct ns_common ns;
	kuid_t owner;
};

/* Of a nested struct, only its place in the one around it matters. */
struct inet_hashinfo;
struct inet_timewait_death_row {
	struct inet_hashinfo *hashinfo;
};
struct netns_ipv4 {
	struct inet_timewait_death_row tcp_death_row; /* until 5.19 and from 6.1 a member; a pointer in 6.0 */
};

struct net {
	refcount_t passive;
	struct list_head list; /* in net_namespace_list */
	struct user_namespace *user_ns;
	struct ns_common ns;
	struct list_head dev_base_head;
	struct netns_ipv4 ipv4;
};
struct net___cookie {
	u64 net_cookie; /* from 5.12 */
};

typedef struct {
	struct net *net;
} possible_net_t;

struct rtnl_link_ops {
	const char *kind;
};

struct net_device {
	char name[16];
	unsigned int flags;
	unsigned int mtu;
	unsigned short type;
	unsigned char addr_len;
	int ifindex;
	struct list_head dev_list; /* in net->dev_base_head */
	const unsigned char *dev_addr;
	possible_net_t nd_net;
	const struct rtnl_link_ops *rtnl_link_ops;
};
struct net_device___operstate {
	unsigned int operstate; /* a byte until 6.8, an int since: read by its size */
};
struct net_device___reg_state {
	u8 reg_state; /* from 6.9 */
};
struct net_device___reg_state_5_14 {
	enum { NETREG_STATE } reg_state : 8; /* until 6.8 */
};
struct net_device___pcpu_refcnt {
	int *pcpu_refcnt; /* with CONFIG_PCPU_DEV_REFCNT */
};
struct net_device___dev_refcnt {
	refcount_t dev_refcnt; /* without it, from 5.13 */
};
/* The devices stacked directly on it. */
struct net_device___adjacent {
	struct {
		struct list_head upper;
	} adj_list;
};
struct net_device___priv {
	u8 priv[1]; /* from 6.10; before, it followed the struct, aligned to 32 bytes */
};

struct netdev_adjacent {
	struct net_device *dev;
	bool master;
	struct list_head list;
};

/* drivers/net/veth.c and drivers/net/netkit.c: the other end. */
struct veth_priv {
	struct net_device *peer;
};
struct netkit {
	struct net_device *peer;
};


struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct mnt_namespace {
	struct ns_common ns;
	u64 event; /* counts changes to its mounts */
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
};

struct cred {
	kuid_t euid;
	struct user_namespace *user_ns;
};

struct task_struct {
	unsigned int flags;
	int exit_state;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct pid *thread_pid;
	u64 start_boottime;
	const struct cred *cred;
	char comm[16];
	struct nsproxy *nsproxy;
};

/* What a task's cgroups are, in all hierarchies: shared by all tasks that are in the same ones. */
struct css_set;
struct task_struct___cgroups {
	struct css_set *cgroups; /* with CONFIG_CGROUPS */
};

struct super_block {
	unsigned long s_magic;
};

struct inode {
	u16 i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	u32 i_rdev;
	void *i_private;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
	void *private_data;
};

struct vm_area_struct {
	struct file *vm_file;
};

struct seq_file {
	void *private;
};
struct seq_net_private {
	struct net *net;
};

struct proto {
	char name[32];
};

struct in6_addr {
	u8 bytes[16];
};

struct hlist_nulls_node {
	struct hlist_nulls_node *next;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	unsigned char skc_state;
	int skc_bound_dev_if;
	struct proto *skc_prot;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct hlist_nulls_node skc_nulls_node;
	unsigned long skc_flags; /* bit 0: SOCK_DEAD, no process has it any more */
};

struct sk_buff_list {
	struct sk_buff *next;
};
struct sk_buff_head {
	struct sk_buff *next;
	u32 qlen;
};

struct socket;
struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	refcount_t sk_wmem_alloc;
	u16 sk_type;
	u16 sk_protocol; /* both were bit-fields until 5.6 */
	u32 sk_ack_backlog;
	struct socket *sk_socket;
};
struct sock___rmem {
	struct {
		atomic_t rmem_alloc;
	} sk_backlog;
};

struct tcp_sock {
	u32 rcv_nxt;
	u32 copied_seq;
	u32 snd_una;
	u32 write_seq;
};

struct packet_sock {
	int ifindex; /* net/packet/ may be a module, without type information, or absent, and net/unix/ so until 6.3 */
};

struct socket {
	struct sock *sk;
};

struct tun_struct {
	struct net_device *dev;
};
struct tun_file {
	struct tun_struct *tun;
};

struct sk_buff {
	struct sk_buff *next;
	struct sock *sk;
	char cb[48];
};

/* include/net/af_unix.h, include/net/scm.h: descriptors on their way. */
struct scm_fp_list {
	short count;
	struct file *fp[253];
};
struct unix_skb_parms {
	struct scm_fp_list *fp;
};

/* io_uring/: its table of registered files. */
struct io_rsrc_node {
	unsigned long file_ptr;
};
struct io_rsrc_data {
	unsigned int nr;
	struct io_rsrc_node **nodes;
};
struct io_fixed_file {
	unsigned long file_ptr;
};
struct io_file_table {
	struct io_rsrc_data data; /* from 6.13 */
};
struct io_file_table___5_15 {
	struct io_fixed_file *files; /* until 6.12 */
};
struct io_ring_ctx {
	struct io_file_table file_table;
};
struct io_ring_ctx___5_15 {
	struct io_file_table___5_15 file_table;
	unsigned int nr_user_files;
};

struct hlist_nulls_head {
	struct hlist_nulls_node *first;
};
struct inet_ehash_bucket {
	struct hlist_nulls_head chain;
};
struct inet_hashinfo {
	struct inet_ehash_bucket *ehash;
	unsigned int ehash_mask;
};
struct inet_hashinfo___6_1 {
	bool pernet; /* not the one that namespaces share */
};

struct bpf_link {
	u32 id;
	enum { BPF_LINK_TYPE } type;
};
struct bpf_nf_link {
	struct bpf_link link;
	struct net *net;
};

/* What iterators are given, kernel/bpf/task_iter.c and link_iter.c. */
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};
struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};
struct bpf_iter__bpf_link {
	struct bpf_iter_meta *meta;
	struct bpf_link *link;
};

struct bpf_array {
	void *pptrs[1];
};

/* Helpers that some kernels lack. */
enum bpf_func_id___helper {
	BPF_FUNC_loop___helper = 181, /* from 5.17 */
	BPF_FUNC_map_lookup_percpu_elem___helper = 195, /* from 5.19 */
};

#pragma clang attribute pop
