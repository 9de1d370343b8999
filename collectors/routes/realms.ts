/** Realms as ip-route(8) and ip-rule(8) write them: `3`, or `4/3` where traffic from a realm is meant as well. */
export function realmsText(both: number): string {
  const from = both >>> 16;
  return `${from === 0 ? '' : `${from}/`}${both & 0xffff}`;
}
