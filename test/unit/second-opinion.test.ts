import { describe, expect, it } from 'vitest';
import type { Gathered, InsideData } from '../../collectors/index.ts';
import type { SocketRecord } from '../../collectors/sockets.ts';
import { askAgain, differencesOf } from '../../src/second-opinion.ts';
import { aSocket } from '../fixtures/snapshot.ts';

const NOTHING_READ = {
  devices: null,
  addresses: null,
  routes: null,
  neighbours: null,
  filters: null,
  sockets: null,
  protocols: null,
  vlans: null,
};

function listening(inode: number): SocketRecord {
  const { processes: _, ...record } = aSocket({ inode, state: 'listen', localPort: inode });
  return record;
}

/** A namespace whose sockets sock_diag and /proc/net/tcp were asked for. */
function asked(diag: readonly number[], table: readonly number[], answered = true): InsideData {
  return {
    at: 0,
    sockets: { sockets: diag.map(listening), counted: null, answered },
    procnet: { ...NOTHING_READ, secondOpinion: { tables: ['tcp'], sockets: table.map(listening) } },
  };
}

/** A run that finds one answer after the other in each namespace it looks into again. */
function finding(answers: ReadonlyMap<number, readonly InsideData[]>) {
  const looks: number[][] = [];
  const gathered: Gathered = { inside: new Map([...answers].map(([ino, [first]]) => [ino, first as InsideData])) };
  return {
    gathered,
    looks,
    inspect: (_: unknown, only?: ReadonlySet<number>) => {
      looks.push([...(only ?? [])]);
      const inside = new Map(gathered.inside);
      for (const ino of only ?? []) inside.set(ino, answers.get(ino)?.[looks.length] as InsideData);
      gathered.inside = inside;
    },
  };
}

describe('a second opinion', () => {
  it('is reported where it differs every time, and only those namespaces are asked again', async () => {
    const run = finding(
      new Map([
        [1, [asked([22, 80], [80]), asked([22, 80], [80]), asked([22, 80, 90], [80, 90])]],
        [2, [asked([22], [22])]],
      ]),
    );
    await askAgain(run);
    expect(run.looks).toEqual([[1], [1]]);
    expect([...(run.gathered.discrepancies ?? [])]).toMatchObject([
      [1, [{ shownBy: 'sock_diag', missingFrom: '/proc/net/tcp' }]],
    ]);
    expect(run.gathered.discrepancies?.get(1)).toHaveLength(1);
  });

  it('is not reported where it was the same in one of three looks', async () => {
    const run = finding(new Map([[1, [asked([22], []), asked([22], [22]), asked([22], [])]]]));
    await askAgain(run);
    expect(run.gathered.discrepancies?.get(1)).toEqual([]);
  });

  it('is none where the kernel did not answer', () => {
    expect(differencesOf(asked([], [22]))).toHaveLength(1);
    expect(differencesOf(asked([], [22], false))).toEqual([]);
  });
});
