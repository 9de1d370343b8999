import type { SettingValue } from '../../src/model/index.ts';
import { address, eachAttribute, u64, unsigned } from '../../src/os/netlink/attributes.ts';
import {
  boolean,
  type Draft,
  device,
  ethernetProtocol,
  type Field,
  hardware,
  hex,
  type Kind,
  number,
  several,
  structure,
  timer,
  word,
} from './fields.ts';

/** ifla_bridge_id: priority and address, whose parts have no leading zeros (ether_ntoa(3)). */
function bridgeId(key: string): Field {
  return structure(key, 8, (bytes, at) => {
    let id = bytes.toString('hex', at, at + 2);
    for (let index = 2; index < 8; index++) id += `${index === 2 ? '.' : ':'}${(bytes[at + index] ?? 0).toString(16)}`;
    return id;
  });
}

/** BR_BOOLOPT_… by bit, include/uapi/linux/if_bridge.h. */
const OPTIONS = [
  'no_linklocal_learn',
  'mcast_vlan_snooping',
  'mst_enabled',
  'mdb_offload_fail_notification',
  'fdb_local_vlan_0',
];

/** struct br_boolopt_multi: values, and which of them mean something. */
const options = several(8, (draft, bytes, at) => {
  const values = bytes.readUInt32LE(at);
  const known = bytes.readUInt32LE(at + 4);
  for (const [bit, key] of OPTIONS.entries()) if (((known >>> bit) & 1) === 1) draft[key] = (values >>> bit) & 1;
});

/** Nanoseconds as iproute2 has them: three digits and a unit (print_time64, lib/utils.c). */
function duration(nanoseconds: number): string {
  const units = [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'us'],
  ] as const;
  const [scale, unit] = units.find(([size]) => nanoseconds >= size) ?? [1, 'ns'];
  return `${Number((nanoseconds / scale).toPrecision(3))}${unit}`;
}

const IPV4_QUERIER = 'mcast_querier_state_ipv4';
const IPV6_QUERIER = 'mcast_querier_state_ipv6';
/** BRIDGE_QUERIER_… (include/uapi/linux/if_bridge.h): under which of the two, as what. */
const QUERIER: Readonly<Record<number, readonly [object: string, key: string]>> = {
  1: [IPV4_QUERIER, 'mcast_querier_ipv4_addr'],
  2: [IPV4_QUERIER, 'mcast_querier_ipv4_port'],
  3: [IPV4_QUERIER, 'mcast_querier_ipv4_other_timer'],
  5: [IPV6_QUERIER, 'mcast_querier_ipv6_addr'],
  6: [IPV6_QUERIER, 'mcast_querier_ipv6_port'],
  7: [IPV6_QUERIER, 'mcast_querier_ipv6_other_timer'],
};

function querierValue(key: string, bytes: Buffer, at: number, end: number): SettingValue {
  if (key.endsWith('_addr')) return address(bytes, at, end);
  return key.endsWith('_timer') && end - at >= 8 ? duration(u64(bytes, at)) : unsigned(bytes, at, end);
}

/** Who asks for multicast groups, one for each IP version. */
const querier: Field = (draft, bytes, start, stop) => {
  const found: Record<string, Draft> = { [IPV4_QUERIER]: {}, [IPV6_QUERIER]: {} };
  eachAttribute(bytes, start, stop, (type, at, end) => {
    const [object, key] = QUERIER[type] ?? [];
    const into = object === undefined ? undefined : found[object];
    if (into !== undefined && key !== undefined && end > at) into[key] = querierValue(key, bytes, at, end);
  });
  Object.assign(draft, found);
};

/** BR_STP_MODE_…, Linux 7.1. */
const STP_MODES = { 0: 'auto', 1: 'user', 2: 'kernel' };

/** IFLA_BR_…, include/uapi/linux/if_link.h. */
export const BRIDGE: Kind = {
  fields: {
    1: number('forward_delay'),
    2: number('hello_time'),
    3: number('max_age'),
    4: number('ageing_time'),
    5: number('stp_state'),
    6: number('priority'),
    7: number('vlan_filtering'),
    8: ethernetProtocol('vlan_protocol'),
    9: hex('group_fwd_mask'),
    10: bridgeId('root_id'),
    11: bridgeId('bridge_id'),
    12: number('root_port'),
    13: number('root_path_cost'),
    14: number('topology_change'),
    15: number('topology_change_detected'),
    16: timer('hello_timer'),
    17: timer('tcn_timer'),
    18: timer('topology_change_timer'),
    19: timer('gc_timer'),
    20: hardware('group_addr'),
    22: number('mcast_router'),
    23: number('mcast_snooping'),
    24: number('mcast_query_use_ifaddr'),
    25: number('mcast_querier'),
    26: number('mcast_hash_elasticity'),
    27: number('mcast_hash_max'),
    28: number('mcast_last_member_cnt'),
    29: number('mcast_startup_query_cnt'),
    30: number('mcast_last_member_intvl'),
    31: number('mcast_membership_intvl'),
    32: number('mcast_querier_intvl'),
    33: number('mcast_query_intvl'),
    34: number('mcast_query_response_intvl'),
    35: number('mcast_startup_query_intvl'),
    36: number('nf_call_iptables'),
    37: number('nf_call_ip6tables'),
    38: number('nf_call_arptables'),
    39: number('vlan_default_pvid'),
    41: number('vlan_stats_enabled'),
    42: number('mcast_stats_enabled'),
    43: number('mcast_igmp_version'),
    44: number('mcast_mld_version'),
    45: number('vlan_stats_per_port'),
    46: options,
    47: querier,
    48: number('fdb_n_learned'),
    49: number('fdb_max_learned'),
    50: word('stp_mode', STP_MODES),
  },
};

/** BR_STATE_…, include/uapi/linux/if_bridge.h. */
const PORT_STATES = { 0: 'disabled', 1: 'listening', 2: 'learning', 3: 'forwarding', 4: 'blocking' };

/** Link-local groups that are forwarded, by the last digit of their address. */
const FORWARDED: Readonly<Record<number, string>> = { 0: 'stp', 2: 'lacp', 14: 'lldp' };

const forwardMask = several(2, (draft, bytes, at) => {
  const mask = bytes.readUInt16LE(at);
  const bits = Array.from({ length: 16 }, (_, bit) => bit).filter((bit) => ((mask >>> bit) & 1) === 1);
  draft.group_fwd_mask = mask === 0 ? '0' : `0x${mask.toString(16)}`;
  draft.group_fwd_mask_str =
    mask === 0 ? '0x0' : bits.map((bit) => FORWARDED[bit] ?? `0x${(1 << bit).toString(16)}`).join(',');
});

/** IFLA_BRPORT_…, include/uapi/linux/if_link.h. */
export const BRIDGE_PORT: Kind = {
  devices: ['backup_port'],
  fields: {
    1: word('state', PORT_STATES),
    2: number('priority'),
    3: number('cost'),
    4: boolean('hairpin'),
    5: boolean('guard'),
    6: boolean('root_block'),
    7: boolean('fastleave'),
    8: boolean('learning'),
    9: boolean('flood'),
    10: boolean('proxy_arp'),
    12: boolean('proxy_arp_wifi'),
    13: bridgeId('root_id'),
    14: bridgeId('bridge_id'),
    15: number('designated_port'),
    16: number('designated_cost'),
    17: hex('id'),
    18: hex('no'),
    19: number('topology_change_ack'),
    20: number('config_pending'),
    21: timer('message_age_timer'),
    22: timer('forward_delay_timer'),
    23: timer('hold_timer'),
    25: number('multicast_router'),
    27: boolean('mcast_flood'),
    28: boolean('mcast_to_unicast'),
    29: boolean('vlan_tunnel'),
    30: boolean('bcast_flood'),
    31: forwardMask,
    32: boolean('neigh_suppress'),
    33: boolean('isolated'),
    34: device('backup_port'),
    39: boolean('locked'),
    40: boolean('mab'),
    43: boolean('neigh_vlan_suppress'),
    44: number('backup_nhid'),
    45: boolean('neigh_forward_grat'),
  },
};
