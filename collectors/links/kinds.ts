import { hardwareAddress } from '../../src/os/netlink/attributes.ts';
import { BOND, BOND_PORT } from './bond.ts';
import { BRIDGE, BRIDGE_PORT } from './bridge.ts';
import { CAN } from './can.ts';
import {
  bigEndian,
  bitNames,
  boolean,
  device,
  ethernetProtocol,
  flag,
  hardware,
  ip,
  type Kind,
  list,
  number,
  several,
  signed,
  structure,
  word,
} from './fields.ts';
import { GENEVE, GRE, IP6GRE, IP6TNL, IPIP, VTI, VXLAN, XFRM } from './tunnels.ts';

/** VLAN_FLAG_…, include/uapi/linux/if_vlan.h. */
const VLAN_FLAGS = [
  [0x01, 'REORDER_HDR'],
  [0x02, 'GVRP'],
  [0x08, 'MVRP'],
  [0x04, 'LOOSE_BINDING'],
  [0x10, 'BRIDGE_BINDING'],
] as const;

/** struct ifla_vlan_qos_mapping: from which priority to which. */
function priorities(key: string) {
  return list(key, 8, (bytes, at) => ({ from: bytes.readUInt32LE(at), to: bytes.readUInt32LE(at + 4) }));
}

/** IFLA_VLAN_…, include/uapi/linux/if_link.h, as are all below where nothing else is said. */
const VLAN: Kind = {
  fields: {
    1: number('id'),
    2: structure('flags', 8, (bytes, at) => bitNames(bytes.readUInt32LE(at), VLAN_FLAGS)),
    3: priorities('egress_qos'),
    4: priorities('ingress_qos'),
    5: ethernetProtocol('protocol'),
  },
};

const MACVLAN: Kind = {
  fields: {
    1: word('mode', { 1: 'private', 2: 'vepa', 4: 'bridge', 8: 'passthru', 16: 'source' }),
    2: several(2, (draft, bytes, at) => {
      const flags = bytes.readUInt16LE(at);
      if ((flags & 1) !== 0) draft.nopromisc = true;
      if ((flags & 2) !== 0) draft.nodst = true;
    }),
    5: list('macaddr_data', 6, (bytes, at) => hardwareAddress(bytes, at, at + 6)),
    6: number('macaddr_count'),
    7: number('bcqueuelen'),
    8: number('usedbcqueuelen'),
    9: signed('bclim'),
  },
  complete: (draft) => {
    if (draft.mode === 'source') return;
    delete draft.macaddr_count;
    delete draft.macaddr_data;
  },
};

const IPVLAN: Kind = {
  fields: {
    1: word('mode', { 0: 'l2', 1: 'l3', 2: 'l3s' }),
    2: several(2, (draft, bytes, at) => {
      const flags = bytes.readUInt16LE(at);
      draft[(flags & 1) !== 0 ? 'private' : (flags & 2) !== 0 ? 'vepa' : 'bridge'] = true;
    }),
  },
};

/** IFLA_TUN_…; owner and group stay numbers: whose names they would be is another question. */
const TUN: Kind = {
  fields: {
    1: number('user'),
    2: number('group'),
    3: word('type', { 1: 'tun', 2: 'tap' }),
    4: boolean('pi'),
    5: boolean('vnet_hdr'),
    6: boolean('persist'),
    7: boolean('multi_queue'),
    8: number('numqueues'),
    9: number('numdisabled'),
  },
};

const NETKIT_POLICIES = { 0: 'forward', 2: 'blackhole' };
const NETKIT_SCRUBS = { 0: 'none', 1: 'default' };
const NETKIT: Kind = {
  fields: {
    2: word('type', { 0: 'peer', 1: 'primary' }),
    3: word('policy', NETKIT_POLICIES),
    4: word('peer_policy', NETKIT_POLICIES),
    5: word('mode', { 0: 'l2', 1: 'l3' }),
    6: word('scrub', NETKIT_SCRUBS),
    7: word('peer_scrub', NETKIT_SCRUBS),
  },
};

/** MACSEC_CIPHER_ID_… and the id that stood for the first before (include/uapi/linux/if_macsec.h). */
const CIPHERS: Readonly<Record<string, string>> = {
  '80020001000001': 'GCM-AES-128',
  '80c20001000001': 'GCM-AES-128',
  '80c20001000002': 'GCM-AES-256',
  '80c20001000003': 'GCM-AES-XPN-128',
  '80c20001000004': 'GCM-AES-XPN-256',
};
const MACSEC: Kind = {
  fields: {
    1: structure('sci', 8, (bytes, at) => bytes.toString('hex', at, at + 8)),
    3: number('icv_len'),
    4: structure('cipher_suite', 8, (bytes, at) => {
      const id = bytes.readBigUInt64LE(at).toString(16);
      return CIPHERS[id] ?? id;
    }),
    5: number('window'),
    6: number('encoding_sa'),
    7: boolean('encrypt'),
    8: boolean('protect'),
    9: boolean('inc_sci'),
    10: boolean('es'),
    11: boolean('scb'),
    12: boolean('replay_protect'),
    13: word('validation', { 0: 'disabled', 1: 'check', 2: 'strict' }),
    15: word('offload', { 0: 'off', 1: 'phy', 2: 'mac' }),
  },
};

const HSR: Kind = {
  devices: ['slave1', 'slave2', 'interlink'],
  fields: {
    1: device('slave1'),
    2: device('slave2'),
    4: hardware('supervision_addr'),
    5: number('seq_nr'),
    6: number('version'),
    7: number('proto'),
    8: device('interlink'),
  },
};

const BAREUDP: Kind = {
  fields: {
    1: bigEndian('dstport'),
    2: ethernetProtocol('ethertype'),
    3: number('srcportmin'),
    4: flag('multiproto'),
  },
  complete: (draft) => {
    draft.multiproto ??= false;
  },
};

/** IFLA_AMT_…, include/uapi/linux/amt.h. */
const AMT: Kind = {
  devices: ['link'],
  fields: {
    1: word('mode', { 0: 'gateway', 1: 'relay' }),
    2: bigEndian('relay_port'),
    3: bigEndian('gateway_port'),
    4: device('link'),
    5: ip('local'),
    6: ip('remote'),
    7: ip('discovery'),
    8: number('max_tunnels'),
  },
};

const GTP: Kind = {
  fields: { 3: number('hsize'), 4: word('role', { 0: 'ggsn', 1: 'sgsn' }), 6: number('restart_count') },
};

const IPOIB: Kind = {
  fields: {
    1: structure('key', 2, (bytes, at) => `0x${bytes.readUInt16LE(at).toString(16).padStart(4, '0')}`),
    2: word('mode', { 0: 'datagram', 1: 'connected' }),
    3: structure('umcast', 2, (bytes, at) => bytes.readUInt16LE(at).toString(16).padStart(4, '0')),
  },
};

const DSA: Kind = { devices: ['conduit'], fields: { 1: device('conduit') } };

/** IFLA_WWAN_LINK_ID, include/uapi/linux/wwan.h. */
const WWAN: Kind = { fields: { 1: number('linkid') } };

const VRF: Kind = { fields: { 1: number('table') } };

/** IFLA_VRF_PORT_… */
const VRF_PORT: Kind = { fields: { 1: number('table') } };

/** By IFLA_INFO_KIND. What is not here (veth, ifb, wireguard, team…) tells rtnetlink nothing of itself. */
export const KINDS: ReadonlyMap<string, Kind> = new Map(
  Object.entries({
    amt: AMT,
    bareudp: BAREUDP,
    bond: BOND,
    bridge: BRIDGE,
    can: CAN,
    dsa: DSA,
    erspan: GRE,
    geneve: GENEVE,
    gre: GRE,
    gretap: GRE,
    gtp: GTP,
    hsr: HSR,
    ip6erspan: IP6GRE,
    ip6gre: IP6GRE,
    ip6gretap: IP6GRE,
    ip6tnl: IP6TNL,
    ipip: IPIP,
    ipoib: IPOIB,
    ipvlan: IPVLAN,
    ipvtap: IPVLAN,
    macsec: MACSEC,
    macvlan: MACVLAN,
    macvtap: MACVLAN,
    netkit: NETKIT,
    sit: IPIP,
    tun: TUN,
    vlan: VLAN,
    vrf: VRF,
    vti: VTI,
    vti6: VTI,
    vxlan: VXLAN,
    wwan: WWAN,
    xfrm: XFRM,
  }),
);

/** By IFLA_INFO_SLAVE_KIND: the kind of what it is a port of. */
export const PORT_KINDS: ReadonlyMap<string, Kind> = new Map(
  Object.entries({ bond: BOND_PORT, bridge: BRIDGE_PORT, vrf: VRF_PORT }),
);
