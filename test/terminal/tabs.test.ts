import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { aNamespace, aProcess, aSnapshot, aSocket } from '../fixtures/snapshot.ts';
import { aTown } from '../fixtures/town.ts';
import { type PtyScreen, Stage } from './harness.ts';

const stage = new Stage();

beforeAll(() => stage.build());
afterAll(() => stage.remove());
afterEach(() => stage.clear());

/** The line the keys act on: the last one that is marked. */
const current = (screen: PtyScreen): string => screen.lines().findLast((line) => line.startsWith('▌')) ?? '';

/** Median of how long keys take until what they do is on the screen. */
async function latency(screen: PtyScreen, keys: readonly string[]): Promise<number> {
  const took: number[] = [];
  for (const key of keys) {
    const before = screen.text();
    const at = performance.now();
    screen.type(key);
    await screen.until(`something else after ${key}`, (text) => text !== before);
    took.push(performance.now() - at);
  }
  return took.sort((a, b) => a - b)[Math.floor(took.length / 2)] ?? 0;
}

describe('tabs', () => {
  test('are chosen by number and bracket, follow the selected namespace, and fit after a resize', async () => {
    const { screen } = await stage.start(aTown());
    screen.type('5');
    await screen.shows('[Sockets ?]');
    screen.type('j');
    await screen.shows('[Sockets 2]');
    await screen.shows(/tcp +listen +0\.0\.0\.0:443/);
    screen.type(']');
    await screen.shows('[Routes 1]');
    screen.type('[[');
    await screen.shows('[Addresses 1]');
    screen.resize(160, 48);
    await screen.shows(/Processes 2 +Devices 2 +\[Addresses 1\] ?Sockets 2/);
    screen.resize(40, 10);
    await screen.until('no detail', (text) => !text.includes('Addresses') && text.includes('q quit'));
    screen.resize(80, 24);
    await screen.shows('[Addresses 1]');
    expect(screen.scrolledOut).toBe(0);
  });

  test('a row leads on, b leads back', async () => {
    const { screen } = await stage.start(aTown());
    screen.type('jj5\t\r');
    await screen.until('nginx in web', () => / 811 +root .* nginx -g daemon/.test(current(screen)));
    await screen.shows('── ○ 4026531834 web ──');
    screen.type('b');
    await screen.shows('── ○ 4026531835 db ──  1 2 3 4 [Sockets 1]');
    screen.type('3j\r');
    await screen.until('the other end', () => /^▌ {2}v-1 /.test(current(screen)));
    await screen.shows('[Devices 5]');
  });

  test('keep the selected row when others come and go', async () => {
    const sockets = (...inodes: number[]) =>
      aSnapshot(0, {
        namespaces: [aNamespace({ sockets: inodes.map((inode) => aSocket({ inode, localPort: inode })) })],
      });
    const { screen, scene } = await stage.start(sockets(10, 20, 30));
    screen.type('5\tj');
    await screen.until('the second', () => current(screen).includes('0.0.0.0:20'));
    scene.set({ snapshot: sockets(1, 2, 3, 10, 20, 30) });
    screen.type('r');
    await screen.shows('[Sockets 6]');
    expect(current(screen)).toContain('0.0.0.0:20');
  });
});

describe('the topology', () => {
  test('opens with t, finds, and leads to a namespace', async () => {
    const { screen } = await stage.start(aTown());
    screen.type('t');
    await screen.shows('On the wire, and what reaches it');
    screen.type('/v-1\r');
    await screen.until('its line', () => current(screen).includes('v-1 ⇄ eth0'));
    screen.type('\r');
    await screen.shows('── ○ 4026531835 db ──  1 2 [Devices 2]');
    screen.type('tt');
    await screen.shows('NAMESPACE▲');
  });
});

describe('the ruleset', () => {
  test('is fetched with f and closed with Escape', async () => {
    const { screen, scene } = await stage.start(aTown());
    scene.set({ snapshot: aTown(), ruleset: { text: 'table inet filter {\n    chain input {\n    }\n}\n' } });
    screen.type('f');
    await screen.shows('Firewall of 4026531833 init, as nft lists it');
    await screen.shows('\n     chain input {\n');
    screen.type('\u001b');
    await screen.shows('NAMESPACE▲');
    scene.set({ snapshot: aTown(), fail: 'EMFILE' });
    screen.type('f');
    await screen.shows('\n EMFILE\n');
  });
});

describe('with a thousand namespaces', () => {
  const crowd = aSnapshot(1000, {});
  const [first, ...rest] = crowd.namespaces;
  const processes = Array.from({ length: 5000 }, (_, pid) => aProcess({ pid: 10_000 + pid }));
  const namespaces = [{ ...(first ?? aNamespace()), processes }, ...rest];

  test('keys are answered at once, whatever is shown', async () => {
    const { screen } = await stage.start({ ...crowd, namespaces });
    expect(await latency(screen, [...'2jkjkjkjkj'])).toBeLessThan(50);
    screen.type('g\t');
    await screen.until('the first of them', () => / 10000 /.test(current(screen)));
    expect(await latency(screen, [...'jjjjjjjjjjj'])).toBeLessThan(50);
    screen.type('v');
    await screen.shows('[Traffic]');
    expect(await latency(screen, [...'jjjjjjjjjjj'])).toBeLessThan(50);
    screen.type('t');
    await screen.shows('Topology');
    expect(await latency(screen, [...'jjjjjjjjjjj'])).toBeLessThan(50);
  });
});
