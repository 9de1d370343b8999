/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the probe tells userspace, one record per thing. decode.ts reads them by the offsets beside each field; numbers
 * are in the byte order of the machine. Namespaces of any type are named by their inode number.
 */
#pragma once

/* A number this kernel does not keep. */
#define UNKNOWN ((s32)0x80000000)

struct namespace_record {
	u64 cookie;     /* 0 */
	u64 id;         /* 8: the nsfs handle's, 0 before 6.18 */
	u32 ino;        /* 16 */
	s32 count;      /* 20: references; 0 is dead and queued for teardown */
	s32 passive;    /* 24: references to its memory alone */
	s32 active;     /* 28: from 6.19, what listns(2) and handles go by */
	u32 owner;      /* 32: user namespace */
	u32 owner_uid;  /* 36: who created that, in the initial user namespace's numbers */
	u32 departed;   /* 40: 1 when it left the list after an earlier walk and its memory is still in use */
	u32 pad;
};
_Static_assert(sizeof(struct namespace_record) == 48, "decode.ts: NAMESPACE");

struct device_record {
	u32 netns;        /* 0 */
	u32 ifindex;      /* 4 */
	u32 flags;        /* 8: IFF_… */
	u32 mtu;          /* 12 */
	s32 references;   /* 16: sum over all CPUs */
	u32 operstate;    /* 20: IF_OPER_… */
	u16 type;         /* 24: ARPHRD_… */
	u8 address_length; /* 26 */
	u8 reg_state;     /* 27: NETREG_… */
	u32 peer_netns;   /* 28: of a veth or netkit: where the other end is, 0 for none */
	u32 peer_ifindex; /* 32 */
	u32 pad;
	char name[16];    /* 40 */
	char kind[16];    /* 56: rtnl_link_ops->kind, empty for most physical devices */
	u8 address[32];   /* 72 */
};
_Static_assert(sizeof(struct device_record) == 104, "decode.ts: DEVICE");

/* One device stacked on another: macvlan, ipvlan, vlan on their parent, a bridge or bond on its ports. */
struct stack_record {
	u32 netns;         /* 0: the upper device */
	u32 ifindex;       /* 4 */
	u32 lower_netns;   /* 8 */
	u32 lower_ifindex; /* 12 */
	u32 master;        /* 16: 1 when the upper one is a bridge, bond or such */
	u32 pad;
};
_Static_assert(sizeof(struct stack_record) == 24, "decode.ts: STACK");

struct task_record {
	u64 started;      /* 0: nanoseconds after boot, suspend included */
	u64 mount_event;  /* 8: changes whenever a mount of its mount namespace does */
	u32 tid;          /* 16: in our pid namespace, as are pid and parent */
	u32 pid;          /* 20 */
	u32 parent;       /* 24 */
	u32 uid;          /* 28: effective, in the initial user namespace's numbers */
	u32 flags;        /* 32: PF_… */
	u32 exit_state;   /* 36: not 0 for a zombie */
	u32 netns;        /* 40: 0 when it has none any more */
	u32 mount_ns;     /* 44 */
	u32 user_ns;      /* 48 */
	u32 pid_ns;       /* 52 */
	char comm[16];    /* 56 */
	u64 cgroups;      /* 72: the same for all tasks that are in the same cgroups, 0 where it is not known */
};
_Static_assert(sizeof(struct task_record) == 80, "decode.ts: TASK");

/* What pins the namespace. */
enum file_kind { FILE_NSFS = 1, FILE_SOCKET = 2, FILE_TUN = 3, FILE_TAP = 4, FILE_PROC = 5 };

/* By what the file is alive. */
enum file_place {
	PLACE_DESCRIPTOR = 1,
	PLACE_IN_FLIGHT = 2,  /* queued in the unix socket that is descriptor `fd` */
	PLACE_UNACCEPTED = 3, /* the client of a connection waiting in the listening unix socket `fd` */
	PLACE_REGISTERED = 4, /* in slot `slot` of the io_uring that is descriptor `fd`, or of a mapped one */
	PLACE_MAPPED = 5,     /* mapped; `fd` is -1 */
	PLACE_LINK = 6,       /* a BPF netfilter link; `slot` is its id */
	PLACE_ORPHAN = 7,     /* a TCP connection nobody has open */
};

/* A descriptor that userland is to look at. */
struct open_record {
	u32 pid; /* 0 */
	u32 tid; /* 4: as in file_record */
	s32 fd;  /* 8 */
	u32 pad;
};
_Static_assert(sizeof(struct open_record) == 16, "decode.ts: OPEN");

struct file_record {
	u32 pid;         /* 0: whose descriptor, 0 for links and orphans */
	u32 tid;         /* 4: differs from pid for a thread with a descriptor table of its own */
	s32 fd;          /* 8 */
	u8 kind;         /* 12 */
	u8 place;        /* 13 */
	u8 state;        /* 14: TCP_… */
	u8 pad;
	u32 netns;       /* 16 */
	u32 device_netns; /* 20: of a tun: where its device is */
	u64 inode;       /* 24: of the file */
	u32 slot;        /* 32 */
	u32 ifindex;     /* 36: a socket's bound device, a tun's device */
	u16 family;      /* 40: AF_… */
	u16 type;        /* 42: SOCK_… */
	u16 protocol;    /* 44 */
	u16 local_port;  /* 46: host order */
	u16 remote_port; /* 48 */
	u16 pad2;
	u32 receive_queue; /* 52: bytes; of a listening socket: connections waiting */
	u32 send_queue;  /* 56 */
	u32 task_netns;  /* 60: of the task that has it */
	u8 local[16];    /* 64: IPv4 in the first four bytes */
	u8 remote[16];   /* 80 */
};
_Static_assert(sizeof(struct file_record) == 96, "decode.ts: FILE");
