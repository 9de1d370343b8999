/** Words for the state of a network device, in lower case: those of netdevice(7) and RFC 2863. */

/** IFF_… by bit, include/uapi/linux/if.h. */
const FLAGS = [
  'up',
  'broadcast',
  'debug',
  'loopback',
  'pointopoint',
  'notrailers',
  'running',
  'noarp',
  'promisc',
  'allmulti',
  'master',
  'slave',
  'multicast',
  'portsel',
  'automedia',
  'dynamic',
  'lower_up',
  'dormant',
  'echo',
];

/** IF_OPER_… by number, include/uapi/linux/if.h. */
const OPERSTATES = ['unknown', 'notpresent', 'down', 'lowerlayerdown', 'testing', 'dormant', 'up'];

const IFF_UP = 1;

/** Thousands of devices share a handful of combinations. */
const combinations = new Map<number, readonly string[]>();

/** Names of the flags that are set. */
export function flagNames(flags: number): readonly string[] {
  const known = combinations.get(flags);
  if (known !== undefined) return known;
  const names = FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0);
  combinations.set(flags, names);
  return names;
}

/** `lowerlayerdown` for 3. */
export function operstateName(operstate: number): string {
  return OPERSTATES[operstate] ?? `state ${operstate}`;
}

/** What rtnl_fill_ifinfo says of a device's own state: one that is not up is down, whatever its last state was. */
export function operstateOf({ flags, operstate }: { readonly flags: number; readonly operstate: number }): string {
  return (flags & IFF_UP) === 0 ? 'down' : operstateName(operstate);
}
