import { hardwareAddress, ipv4, ipv6 } from '../../src/os/netlink/attributes.ts';
import {
  bitNames,
  boolean,
  device,
  hardware,
  type Kind,
  list,
  number,
  object,
  several,
  signed,
  structure,
  word,
} from './fields.ts';

const MODES = {
  0: 'balance-rr',
  1: 'active-backup',
  2: 'balance-xor',
  3: 'broadcast',
  4: '802.3ad',
  5: 'balance-tlb',
  6: 'balance-alb',
};
/** In JSON iproute2 has null for the first; here that would mean unknown. */
const ARP_VALIDATE = {
  0: 'none',
  1: 'active',
  2: 'backup',
  3: 'all',
  4: 'filter',
  5: 'filter_active',
  6: 'filter_backup',
};
const HASH_POLICIES = {
  0: 'layer2',
  1: 'layer3+4',
  2: 'layer2+3',
  3: 'encap2+3',
  4: 'encap3+4',
  5: 'vlan+srcmac',
};

/** IFLA_BOND_…, include/uapi/linux/if_link.h. */
export const BOND: Kind = {
  devices: ['active_slave', 'primary'],
  fields: {
    1: word('mode', MODES),
    2: device('active_slave'),
    3: number('miimon'),
    4: number('updelay'),
    5: number('downdelay'),
    6: number('use_carrier'),
    7: number('arp_interval'),
    8: list('arp_ip_target', 4, ipv4),
    9: word('arp_validate', ARP_VALIDATE),
    10: word('arp_all_targets', { 0: 'any', 1: 'all' }),
    11: device('primary'),
    12: word('primary_reselect', { 0: 'always', 1: 'better', 2: 'failure' }),
    13: word('fail_over_mac', { 0: 'none', 1: 'active', 2: 'follow' }),
    14: word('xmit_hash_policy', HASH_POLICIES),
    15: number('resend_igmp'),
    16: number('num_peer_notif'),
    17: number('all_slaves_active'),
    18: number('min_links'),
    19: number('lp_interval'),
    20: number('packets_per_slave'),
    21: word('ad_lacp_rate', { 0: 'slow', 1: 'fast' }),
    22: word('ad_select', { 0: 'stable', 1: 'bandwidth', 2: 'count', 3: 'actor_port_prio' }),
    23: object('ad_info', {
      1: number('aggregator'),
      2: number('num_ports'),
      3: number('actor_key'),
      4: number('partner_key'),
      5: structure('partner_mac', 6, (bytes, at) => hardwareAddress(bytes, at, at + 6)),
    }),
    24: number('ad_actor_sys_prio'),
    25: number('ad_user_port_key'),
    26: hardware('ad_actor_system'),
    27: number('tlb_dynamic_lb'),
    28: number('peer_notify_delay'),
    29: word('ad_lacp_active', { 0: 'off', 1: 'on' }),
    30: number('arp_missed_max'),
    31: list('ns_ip6_target', 16, ipv6),
    32: boolean('coupled_control'),
    33: boolean('broadcast_neighbor'),
  },
};

/** LACP_STATE_…, include/uapi/linux/if_bonding.h. */
const PORT_STATE = [
  [0x01, 'active'],
  [0x02, 'short_timeout'],
  [0x04, 'aggregating'],
  [0x08, 'in_sync'],
  [0x10, 'collecting'],
  [0x20, 'distributing'],
  [0x40, 'defaulted'],
  [0x80, 'expired'],
] as const;

function portState(key: string) {
  return several(1, (draft, bytes, at) => {
    const state = bytes[at] ?? 0;
    draft[key] = state;
    draft[`${key}_str`] = bitNames(state, PORT_STATE);
  });
}

const CHURN = { 0: 'MONITOR', 1: 'CHURN', 2: 'NO_CHURN' };

/** IFLA_BOND_SLAVE_…, include/uapi/linux/if_link.h. */
export const BOND_PORT: Kind = {
  fields: {
    1: word('state', { 0: 'ACTIVE', 1: 'BACKUP' }),
    2: word('mii_status', { 0: 'UP', 1: 'GOING_DOWN', 2: 'DOWN', 3: 'GOING_BACK' }),
    3: number('link_failure_count'),
    4: hardware('perm_hwaddr'),
    5: number('queue_id'),
    6: number('ad_aggregator_id'),
    7: portState('ad_actor_oper_port_state'),
    8: portState('ad_partner_oper_port_state'),
    9: signed('prio'),
    10: number('actor_port_prio'),
    11: word('churn_actor_state', CHURN),
    12: word('churn_partner_state', CHURN),
  },
};
