import type { SafeText } from '../../src/model/index.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';
import { eachLine, isDeviceName, type Parsed } from './lines.ts';

/** A vlan device and what it sits on. */
export interface Vlan {
  readonly name: SafeText;
  readonly id: number;
  readonly parent: SafeText;
}

/** `/proc/net/vlan/config` (vlan_seq_show, net/8021q/vlanproc.c), for root to read. */
export function parseVlans(text: string): Parsed<Vlan> {
  return eachLine(text, 2, (line) => {
    const [, name, id, parent] = /^(\S{1,15}?) *\| (\d{1,4}) +\| (\S+)$/.exec(line) ?? [];
    if (!isDeviceName(name) || !isDeviceName(parent)) return null;
    return { name: sanitise(name).text, id: Number(id), parent: sanitise(parent).text };
  });
}
