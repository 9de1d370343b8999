/** Words for numbers that several messages of rtnetlink(7) share, as iproute2 has them. */

const FAMILIES: Readonly<Record<number, string>> = {
  0: 'unspec',
  1: 'unix',
  2: 'inet',
  7: 'bridge',
  10: 'inet6',
  28: 'mpls',
};

/** `inet` for 2. */
export function familyName(family: number): string {
  return FAMILIES[family] ?? `family ${family}`;
}

/** RT_SCOPE_…, include/uapi/linux/rtnetlink.h. */
export const SCOPES: Readonly<Record<number, string>> = {
  0: 'global',
  200: 'site',
  253: 'link',
  254: 'host',
  255: 'nowhere',
};

/** The word for a number, or the number itself. */
export function named(words: Readonly<Record<number, string>>, number: number): string {
  return words[number] ?? String(number);
}

/** INFINITY_LIFE_TIME, include/net/addrconf.h. */
const FOR_EVER = 0xffff_ffff;

/** Seconds left; null for ever. */
export function lifetime(seconds: number): number | null {
  return seconds === FOR_EVER ? null : seconds;
}
