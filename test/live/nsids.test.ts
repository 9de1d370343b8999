import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '../../src/collect.ts';
import type { Namespace, Snapshot } from '../../src/model/index.ts';
import { close, O_CLOEXEC, O_RDONLY, openat } from '../../src/os/libc.ts';
import { queue, socketPair } from './programs/lib/hold.ts';
import { run, Scene } from './scene.ts';

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  await scene.end();
});

const namespace = (): string => scene.namespace();

function named(snapshot: Snapshot, name: string): Namespace {
  const found = snapshot.namespaces.find(({ names }) => names.includes(name));
  if (found === undefined) throw new Error(`${name} was not found`);
  return found;
}

const openAt = (path: string): number => openat(-100, path, O_RDONLY | O_CLOEXEC);

/** The ids `ip netns list-id` prints for a namespace. */
function ids(name: string): number[] {
  return [...run('ip', '-n', name, 'netns', 'list-id').matchAll(/nsid (\d+)/g)].map(([, id]) => Number(id));
}

/** Two namespaces with a cable between them, and what it is called at either end. */
function cabled(): { readonly a: string; readonly b: string } {
  const [a, b] = [namespace(), namespace()];
  run('ip', '-n', a, 'link', 'add', 'here', 'type', 'veth', 'peer', 'name', 'there');
  run('ip', '-n', a, 'link', 'set', 'there', 'netns', b);
  return { a, b };
}

describe.each([
  ['with the kernel view', []],
  ['without the kernel view', ['kernel', 'handles']],
])('ids of namespaces, %s', (_, without) => {
  it('are told with the namespaces they stand for, from both ends, and witness those', async () => {
    const { a, b } = cabled();
    const snapshot = await collect({ procRoot: '/proc', without, inside: ['nsids', 'links'] });
    const [first, second] = [named(snapshot, a), named(snapshot, b)];
    expect(first.nsids).toEqual(ids(a).map((nsid) => ({ nsid, netns: second.ino })));
    expect(second.nsids).toEqual(ids(b).map((nsid) => ({ nsid, netns: first.ino })));
    expect(first.nsids).toHaveLength(1);
    expect(second.witnesses).toContainEqual({ source: 'nsids', from: first.ino, nsid: 0 });
    expect(first.devices?.find(({ name }) => name === 'here')?.peer).toMatchObject({
      netns: second.ino,
      name: 'there',
      certainty: 'certain',
    });
  });

  it('stay as they were: looking assigns none', async () => {
    const { a, b } = cabled();
    const c = namespace();
    // Now a has an id for b, and none for c, where the other end of its cable is.
    run('ip', '-n', b, 'link', 'set', 'there', 'netns', c);
    const before = [ids(a), ids(b), ids(c)];
    const snapshot = await collect({ procRoot: '/proc', without, inside: without.length === 0 ? 'all' : ['nsids'] });
    expect([ids(a), ids(b), ids(c)]).toEqual(before);
    expect(named(snapshot, a).nsids).toEqual([{ nsid: 0, netns: named(snapshot, b).ino }]);
  });
});

describe('a namespace nobody knows but by the id another has for it', () => {
  it('gets a row with its addresses, without an id assigned', async () => {
    const { a, b } = cabled();
    run('ip', '-n', b, 'addr', 'add', '10.66.6.6/24', 'dev', 'there');
    const pair = socketPair();
    scene.defer(() => pair.forEach(close));
    // A descriptor in flight is out of userland's sight.
    queue(openAt(`/run/netns/${b}`), pair);
    run('ip', 'netns', 'del', b);
    const before = ids(a);
    const snapshot = await collect({ procRoot: '/proc', without: ['kernel', 'handles'], inside: ['nsids', 'links'] });
    expect(ids(a)).toEqual(before);
    const from = named(snapshot, a);
    expect(from.nsids).toEqual([{ nsid: 0, netns: null }]);
    const rows = snapshot.namespaces.filter(({ witnesses }) => witnesses.some((each) => each.source === 'nsids'));
    const [found] = rows.filter(({ ino }) => ino === null);
    expect(found).toMatchObject({
      ino: null,
      holders: [],
      witnesses: [{ source: 'nsids', from: from.ino, nsid: 0 }],
      addresses: [{ family: 'inet', address: '10.66.6.6', prefixLength: 24 }],
    });
    expect(['obscure', 'hidden']).toContain(found?.visibility);
    // The end of its cable that can be seen says where the other is.
    const cable = from.devices?.find(({ name }) => name === 'here');
    expect(cable?.peer).toMatchObject({ netns: null, nsid: 0 });

    const without = await collect({ procRoot: '/proc', without: ['kernel', 'handles', 'nsids'], inside: 'all' });
    expect(without.namespaces.some(({ ino }) => ino === null)).toBe(false);
  });
});
