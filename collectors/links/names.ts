/** Kinds of link layer: ARPHRD_… (include/uapi/linux/if_arp.h), as iproute2 names them (lib/ll_types.c). */
const LINK_TYPES: Readonly<Record<number, string>> = {
  0: 'netrom',
  1: 'ether',
  2: 'eether',
  3: 'ax25',
  4: 'pronet',
  5: 'chaos',
  6: 'ieee802',
  7: 'arcnet',
  8: 'atalk',
  15: 'dlci',
  19: 'atm',
  23: 'metricom',
  24: 'ieee1394',
  32: 'infiniband',
  256: 'slip',
  257: 'cslip',
  258: 'slip6',
  259: 'cslip6',
  260: 'rsrvd',
  264: 'adapt',
  270: 'rose',
  271: 'x25',
  272: 'hwx25',
  280: 'can',
  512: 'ppp',
  513: 'hdlc',
  516: 'lapb',
  517: 'ddcmp',
  518: 'rawhdlc',
  768: 'ipip',
  769: 'tunnel6',
  770: 'frad',
  771: 'skip',
  772: 'loopback',
  773: 'ltalk',
  774: 'fddi',
  775: 'bif',
  776: 'sit',
  777: 'ip/ddp',
  778: 'gre',
  779: 'pimreg',
  780: 'hippi',
  781: 'ash',
  782: 'econet',
  783: 'irda',
  784: 'fcpp',
  785: 'fcal',
  786: 'fcpl',
  800: 'tr',
  801: 'ieee802.11',
  802: 'ieee802.11/prism',
  803: 'ieee802.11/radiotap',
  804: 'ieee802.15.4',
  805: 'ieee802.15.4/monitor',
  820: 'phonet',
  821: 'phonet_pipe',
  822: 'caif',
  823: 'gre6',
  824: 'netlink',
  825: '6lowpan',
  65534: 'none',
  65535: 'void',
};

/** Thirteen numbers for Fibre Channel fabrics. */
const FIRST_FABRIC = 787;
const LAST_FABRIC = 799;

/** `ether` for 1; a number without a name is in brackets. */
export function linkTypeName(type: number): string {
  if (type >= FIRST_FABRIC && type <= LAST_FABRIC) return `fcfb${type - FIRST_FABRIC}`;
  return LINK_TYPES[type] ?? `[${type}]`;
}

/** IFLA_LINKMODE. */
export const LINK_MODES: Readonly<Record<number, string>> = { 0: 'default', 1: 'dormant' };

/** `enum in6_addr_gen_mode`, include/uapi/linux/if_link.h. */
export const ADDRESS_GENERATIONS: Readonly<Record<number, string>> = {
  0: 'eui64',
  1: 'none',
  2: 'stable_secret',
  3: 'random',
};

/** XDP_ATTACHED_…, include/uapi/linux/if_link.h. */
export const XDP_MODES: Readonly<Record<number, string>> = { 1: 'driver', 2: 'generic', 3: 'hardware', 4: 'several' };
