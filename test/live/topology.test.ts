import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '../../src/collect.ts';
import { topologyOf } from '../../src/correlate/topology.ts';
import { describeLinks } from '../../src/model/device-text.ts';
import type { Namespace, Snapshot } from '../../src/model/index.ts';
import { topologyTree } from '../../src/report/topology-tree.ts';
import { find, run, Scene } from './scene.ts';

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  await scene.end();
});

const namespace = (): string => scene.namespace();

const ip = (name: string, ...args: readonly string[]): string => run('ip', '-n', name, ...args);

function look(...without: readonly string[]): Promise<Snapshot> {
  return collect({ procRoot: '/proc', without, inside: ['nsids', 'links', 'addresses', 'routes'] });
}

function named(snapshot: Snapshot, name: string): Namespace {
  const found = snapshot.namespaces.find(({ names }) => names.includes(name));
  if (found === undefined) throw new Error(`${name} was not found`);
  return found;
}

const device = (ns: Namespace | undefined, name: string) => ns?.devices?.find((each) => each.name === name);

/** A line of the drawing and those below it that are indented deeper. */
function branch(tree: string, start: RegExp): string {
  const lines = tree.split('\n');
  const at = lines.findIndex((line) => start.test(line));
  const depth = (line: string): number => /^[\s│├└─]*/u.exec(line)?.[0].length ?? 0;
  const end = lines.findIndex((line, index) => index > at && depth(line) <= depth(lines[at] ?? ''));
  return lines.slice(at, end === -1 ? undefined : end).join('\n');
}

describe.each([
  ['with the kernel view', []],
  ['without the kernel view', ['kernel', 'handles']],
])('a macvlan on an uplink, moved into a namespace without a name, %s', (_, without) => {
  it('is named from both ends: the parent with its namespace, and the child with its own', async () => {
    const host = namespace();
    const wire = namespace();
    ip(host, 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'far', 'netns', wire);
    ip(host, 'link', 'set', 'uplink', 'up');
    const covert = await scene.hold('process');
    ip(host, 'link', 'add', 'mvx', 'link', 'uplink', 'type', 'macvlan', 'mode', 'bridge');
    ip(host, 'link', 'set', 'mvx', 'netns', String(covert.pid));

    const snapshot = await look(...without);
    const parent = named(snapshot, host);
    const child = find(snapshot, covert.ino);
    expect(device(child, 'mvx')).toMatchObject({
      kind: 'macvlan',
      details: { settings: { mode: 'bridge' } },
      lower: [{ netns: parent.ino, name: 'uplink', certainty: 'certain' }],
    });
    expect(device(parent, 'uplink')).toMatchObject({
      upper: [{ netns: covert.ino, name: 'mvx', certainty: 'certain' }],
    });

    // What `show` says under CONNECTED TO, at either end.
    const text = (ns: Namespace | undefined, name: string): string => {
      const shown = device(ns, name);
      return ns === undefined || shown === undefined ? '' : describeLinks(shown, ns, snapshot.namespaces);
    };
    expect(text(child, 'mvx')).toBe(`over uplink in ${parent.ino} ${host}`);
    expect(text(parent, 'uplink')).toContain(`under mvx in ${covert.ino}`);

    const topology = topologyOf(snapshot.namespaces);
    const macvlans = topology.edges.filter(
      ({ kind, from, to }) => kind === 'macvlan' && from.name === 'mvx' && to.name === 'uplink',
    );
    expect(macvlans).toHaveLength(1);
    const drawn = branch(topologyTree(topology), /\buplink\b/);
    expect(drawn).toMatch(new RegExp(`uplink.*${host}`));
    expect(drawn).toMatch(new RegExp(`mvx.*macvlan.*${covert.ino}`));
  });
});

describe('namespaces behind a bridge', () => {
  it('reach the outside by it, hop by hop, and one behind no cable reaches nowhere', async () => {
    const [hub, ...leaves] = [namespace(), namespace(), namespace(), namespace()];
    const island = namespace();
    ip(hub, 'link', 'add', 'br0', 'type', 'bridge');
    ip(hub, 'link', 'set', 'br0', 'up');
    leaves.forEach((leaf, index) => {
      ip(hub, 'link', 'add', `port${index}`, 'type', 'veth', 'peer', 'name', 'inside', 'netns', leaf);
      ip(hub, 'link', 'set', `port${index}`, 'master', 'br0', 'up');
      ip(leaf, 'addr', 'add', `10.9.0.${index + 2}/24`, 'dev', 'inside');
      ip(leaf, 'link', 'set', 'inside', 'up');
      ip(leaf, 'route', 'add', 'default', 'via', '10.9.0.1');
    });
    const snapshot = await look();
    const hubNs = named(snapshot, hub);
    leaves.forEach((leaf, index) => {
      const ns = named(snapshot, leaf);
      expect(device(ns, 'inside')?.peer).toMatchObject({ netns: hubNs.ino, name: `port${index}` });
      expect(ns.uplink?.steps.slice(0, 3)).toMatchObject([
        { by: 'route', device: { netns: ns.ino, name: 'inside' } },
        { by: 'peer', device: { netns: hubNs.ino, name: `port${index}` } },
        { by: 'master', device: { netns: hubNs.ino, name: 'br0' } },
      ]);
      // The bridge itself leads to no wire.
      expect(ns.uplink?.reaches).toBe('nowhere');
    });
    expect(
      device(hubNs, 'br0')
        ?.lower.map(({ name }) => name)
        .sort(),
    ).toEqual(['port0', 'port1', 'port2']);
    expect(named(snapshot, island).uplink).toMatchObject({ reaches: 'nowhere', steps: [] });
    const drawn = branch(topologyTree(topologyOf(snapshot.namespaces)), /\bbr0\b/);
    for (const leaf of leaves) expect(drawn).toContain(leaf);
  });
});

describe('a tap with a process behind it', () => {
  it('reaches that process', async () => {
    const opened = await scene.hold('tun', 'tun-x');
    const snapshot = await look();
    expect(device(find(snapshot, opened.ino), 'tun-x')).toMatchObject({ kind: 'tun' });
    const behind = topologyOf(snapshot.namespaces).edges.filter(
      ({ kind, from }) => kind === 'tun-process' && from.name === 'tun-x',
    );
    expect(behind).toHaveLength(1);
    expect(topologyTree(topologyOf(snapshot.namespaces))).toMatch(new RegExp(`pid ${opened.pid}\\b`));
  });
});
