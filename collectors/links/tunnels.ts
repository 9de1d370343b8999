import { ipv6 } from '../../src/os/netlink/attributes.ts';
import {
  bigEndian,
  boolean,
  type Draft,
  device,
  endpoint,
  type Field,
  flag,
  flowLabel,
  hex,
  hexUnlessZero,
  ip,
  type Kind,
  number,
  numberUnlessZero,
  several,
  structure,
  take,
  tunnelKey,
  word,
} from './fields.ts';

/** Whether packets may be fragmented: `enum ifla_vxlan_df`, `enum ifla_geneve_df`. */
const FRAGMENT = { 0: 'unset', 1: 'set', 2: 'inherit' };

/** A group is what many listen to, a remote is one: IN_MULTICAST, IN6_IS_ADDR_MULTICAST. */
function groupOrRemote(group: string, remote: string): Field {
  const asGroup = ip(group);
  const asRemote = ip(remote);
  return (draft, bytes, at, end) => {
    const first = bytes[at] ?? 0;
    const multicast = end - at === 4 ? first >> 4 === 0xe : first === 0xff;
    (multicast ? asGroup : asRemote)(draft, bytes, at, end);
  };
}

/** Takes the limit of hops from what it carries, where it is told to. */
function inheritedTtl(draft: Draft): void {
  if (take(draft, 'ttl_inherit') !== 0) draft.ttl = 'inherit';
}

/** IFLA_VXLAN_…, include/uapi/linux/if_link.h. */
export const VXLAN: Kind = {
  devices: ['link'],
  fields: {
    1: number('id'),
    2: groupOrRemote('group', 'remote'),
    3: device('link'),
    4: ip('local'),
    5: number('ttl'),
    6: hexUnlessZero('tos'),
    7: boolean('learning'),
    8: number('ageing'),
    9: numberUnlessZero('limit'),
    10: structure('port_range', 4, (bytes, at) => ({ low: bytes.readUInt16BE(at), high: bytes.readUInt16BE(at + 2) })),
    11: boolean('proxy'),
    12: boolean('rsc'),
    13: boolean('l2miss'),
    14: boolean('l3miss'),
    15: bigEndian('port'),
    16: groupOrRemote('group6', 'remote6'),
    17: ip('local6'),
    18: boolean('udp_csum'),
    19: boolean('udp_zero_csum6_tx'),
    20: boolean('udp_zero_csum6_rx'),
    21: boolean('remcsum_tx'),
    22: boolean('remcsum_rx'),
    23: flag('gbp'),
    25: boolean('external'),
    26: flowLabel('label'),
    27: flag('gpe'),
    28: number('ttl_inherit'),
    29: word('df', FRAGMENT),
    30: boolean('vnifilter'),
    31: boolean('localbypass'),
    33: structure('reserved_bits', 8, (bytes, at) => `0x${bytes.readBigUInt64BE(at).toString(16)}`),
    34: boolean('mcroute'),
  },
  complete: inheritedTtl,
};

/** IFLA_GENEVE_…, include/uapi/linux/if_link.h. */
export const GENEVE: Kind = {
  fields: {
    1: number('id'),
    2: ip('remote'),
    3: number('ttl'),
    4: hexUnlessZero('tos'),
    5: bigEndian('port'),
    6: flag('external'),
    7: ip('remote6'),
    8: boolean('udp_csum'),
    9: boolean('udp_zero_csum6_tx'),
    10: boolean('udp_zero_csum6_rx'),
    11: flowLabel('label'),
    12: number('ttl_inherit'),
    13: word('df', FRAGMENT),
    14: flag('inner_proto_inherit'),
    17: ip('local'),
    18: ip('local6'),
  },
  complete: inheritedTtl,
};

/** TUNNEL_ENCAP_…: what a tunnel is wrapped in once more (include/uapi/linux/if_tunnel.h). */
const ENCAPSULATIONS: Readonly<Record<number, string>> = { 1: 'fou', 2: 'gue' };

/** Four attributes that follow each other in every kind that has them. */
function encapsulation(first: number): Readonly<Record<number, Field>> {
  return {
    [first]: number('encap_type'),
    [first + 1]: number('encap_flags'),
    [first + 2]: bigEndian('encap_sport'),
    [first + 3]: bigEndian('encap_dport'),
  };
}

function completeEncapsulation(draft: Draft): void {
  const type = take(draft, 'encap_type');
  const flags = take(draft, 'encap_flags');
  const sport = take(draft, 'encap_sport');
  const dport = take(draft, 'encap_dport');
  if (type === 0) return;
  draft.encap = {
    type: ENCAPSULATIONS[type] ?? String(type),
    sport,
    dport,
    csum: (flags & 1) !== 0,
    csum6: (flags & 2) !== 0,
    remcsum: (flags & 4) !== 0,
  };
}

/** What iproute2 shows although the kernel does not send it. */
function withDefaults(draft: Draft): void {
  draft.remote ??= 'any';
  draft.local ??= 'any';
  draft.ttl ??= 0;
}

// GRE_…, include/uapi/linux/if_tunnel.h, in network byte order
const GRE_CSUM = 0x8000;
const GRE_KEY = 0x2000;
const GRE_SEQ = 0x1000;

/** Which of the options hold for what comes in, and for what goes out. */
function completeGre(draft: Draft): void {
  for (const way of ['i', 'o']) {
    const flags = take(draft, `${way}flags`);
    if ((flags & GRE_KEY) === 0) delete draft[`${way}key`];
    if ((flags & GRE_SEQ) !== 0) draft[`${way}seq`] = true;
    if ((flags & GRE_CSUM) !== 0) draft[`${way}csum`] = true;
  }
  withDefaults(draft);
  completeEncapsulation(draft);
}

/** IFLA_GRE_…, include/uapi/linux/if_tunnel.h: what IPv4 and IPv6 have in common. */
const GRE_FIELDS = {
  1: device('link'),
  2: bigEndian('iflags'),
  3: bigEndian('oflags'),
  4: tunnelKey('ikey'),
  5: tunnelKey('okey'),
  6: endpoint('local'),
  7: endpoint('remote'),
  8: number('ttl'),
  ...encapsulation(14),
  18: flag('external'),
  20: hexUnlessZero('fwmark'),
  21: number('erspan_index'),
  22: number('erspan_ver'),
  23: word('erspan_dir', { 0: 'ingress', 1: 'egress' }),
  24: hex('erspan_hwid'),
} as const;

export const GRE: Kind = {
  devices: ['link'],
  fields: {
    ...GRE_FIELDS,
    9: hexUnlessZero('tos'),
    10: boolean('pmtudisc'),
    19: several(1, (draft, bytes, at) => {
      if (bytes[at] !== 0) draft.ignore_df = true;
    }),
  },
  complete: completeGre,
};

/** IP6_TNL_F_…, include/uapi/linux/ip6_tunnel.h. */
const IP6_FLAGS = [
  [0x01, 'ip6_tnl_f_ign_encap_limit'],
  [0x02, 'ip6_tnl_f_use_orig_tclass'],
  [0x04, 'ip6_tnl_f_use_orig_flowlabel'],
  [0x08, 'ip6_tnl_f_mip6_dev'],
  [0x10, 'ip6_tnl_f_rcv_dscp_copy'],
  [0x20, 'ip6_tnl_f_use_orig_fwmark'],
  [0x40, 'ip6_tnl_f_allow_local_remote'],
] as const;

/** Traffic class and flow label: four bytes, the high one first. */
const flowInformation = several(4, (draft, bytes, at) => {
  const information = bytes.readUInt32BE(at);
  draft.tclass = `0x${((information >>> 20) & 0xff).toString(16).padStart(2, '0')}`;
  draft.flowlabel = `0x${(information & 0xf_ffff).toString(16).padStart(5, '0')}`;
});

/** What is taken from the packet that is carried has no value of its own. */
function completeIp6(draft: Draft): void {
  const flags = take(draft, 'flags');
  for (const [bit, key] of IP6_FLAGS) if ((flags & bit) !== 0) draft[key] = true;
  if (draft.ip6_tnl_f_ign_encap_limit) delete draft.encap_limit;
  if (draft.ip6_tnl_f_use_orig_tclass) delete draft.tclass;
  if (draft.ip6_tnl_f_use_orig_flowlabel) delete draft.flowlabel;
  if (draft.ip6_tnl_f_use_orig_fwmark) delete draft.fwmark;
}

export const IP6GRE: Kind = {
  devices: ['link'],
  fields: { ...GRE_FIELDS, 11: number('encap_limit'), 12: flowInformation, 13: number('flags') },
  complete: (draft) => {
    completeIp6(draft);
    completeGre(draft);
  },
};

/** What a tunnel carries (IPPROTO_…); what else there may be is left out. */
function carried(protocols: Readonly<Record<number, string>>): Field {
  return several(1, (draft, bytes, at) => {
    const protocol = protocols[bytes[at] ?? -1];
    if (protocol !== undefined) draft.proto = protocol;
  });
}

/** IFLA_IPTUN_…, include/uapi/linux/if_tunnel.h: what IPv4 and IPv6 have in common. */
const IP_FIELDS = {
  1: device('link'),
  2: endpoint('local'),
  3: endpoint('remote'),
  4: number('ttl'),
  8: number('flags'),
  ...encapsulation(15),
  19: flag('external'),
  20: hexUnlessZero('fwmark'),
} as const;

const SIT_ISATAP = 1;

export const IPIP: Kind = {
  devices: ['link'],
  fields: {
    ...IP_FIELDS,
    5: hexUnlessZero('tos'),
    9: carried({ 0: 'any', 4: 'ipip', 41: 'ip6ip', 137: 'mplsip' }),
    10: boolean('pmtudisc'),
    11: structure('prefix', 16, ipv6),
    12: ip('relay_prefix'),
    13: number('prefixlen'),
    14: number('relay_prefixlen'),
  },
  complete: (draft) => {
    if ((take(draft, 'flags') & SIT_ISATAP) !== 0) draft.isatap = true;
    // IPv6 rapid deployment (RFC 5969) is off without the length of a prefix.
    if (!draft.prefixlen) for (const key of ['prefix', 'prefixlen', 'relay_prefix']) delete draft[key];
    if (draft.relay_prefix === undefined) delete draft.relay_prefixlen;
    draft.pmtudisc ??= false;
    withDefaults(draft);
    completeEncapsulation(draft);
  },
};

export const IP6TNL: Kind = {
  devices: ['link'],
  fields: {
    ...IP_FIELDS,
    6: number('encap_limit'),
    7: flowInformation,
    9: carried({ 0: 'any', 4: 'ipip6', 41: 'ip6ip6' }),
  },
  complete: (draft) => {
    completeIp6(draft);
    withDefaults(draft);
    completeEncapsulation(draft);
  },
};

/** IFLA_VTI_…, include/uapi/linux/if_tunnel.h. */
export const VTI: Kind = {
  devices: ['link'],
  fields: {
    1: device('link'),
    2: ip('ikey'),
    3: ip('okey'),
    4: endpoint('local'),
    5: endpoint('remote'),
    6: hexUnlessZero('fwmark'),
  },
  complete: (draft) => {
    draft.remote ??= 'any';
    draft.local ??= 'any';
  },
};

/** IFLA_XFRM_…, include/uapi/linux/if_link.h. */
export const XFRM: Kind = {
  fields: { 2: hex('if_id'), 3: flag('external') },
  complete: (draft) => {
    if (draft.external) delete draft.if_id;
  },
};
