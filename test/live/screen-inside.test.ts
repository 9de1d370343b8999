import { afterEach, beforeEach, expect, test } from 'vitest';
import { PtyScreen } from '../terminal/harness.ts';
import { run, Scene } from './scene.ts';

let scene: Scene;
let screen: PtyScreen | undefined;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  screen?.close();
  await scene.end();
});

const namespace = (): string => scene.namespace();

/** Whether a row that the keys act on is this one. */
function onRow(text: string, wanted: RegExp): boolean {
  return text.split('\n').some((line) => wanted.test(line));
}

/** A listener that sends itself datagrams over the veth, so that there is traffic. */
const BUSY = `
  const dgram = require('node:dgram').createSocket('udp4');
  setInterval(() => dgram.send(Buffer.alloc(1000), 9, '10.213.0.2'), 20);
  require('node:net').createServer().listen(8213, () => console.log('ready'));
`;

test('tabs, jumps, the topology and charts on real namespaces', async () => {
  const [near, far] = [namespace(), namespace()];
  run('ip', '-n', near, 'link', 'add', 'vnear', 'type', 'veth', 'peer', 'name', 'vfar', 'netns', far);
  run('ip', '-n', near, 'address', 'add', '10.213.0.1/24', 'dev', 'vnear');
  run('ip', '-n', far, 'address', 'add', '10.213.0.2/24', 'dev', 'vfar');
  run('ip', '-n', near, 'link', 'set', 'vnear', 'up');
  run('ip', '-n', far, 'link', 'set', 'vfar', 'up');
  const { pid } = await scene.start('ip', ['netns', 'exec', near, process.execPath, '-e', BUSY]);

  screen = new PtyScreen(process.execPath, ['dist/cli.js'], { columns: 100, rows: 32 });
  await screen.shows(/● kernel/);
  screen.type(`/name:${near}\r`);
  await screen.shows(`name:${near}`);

  // Devices, and the other end of the veth, which the filter hides.
  screen.type('3\t');
  await screen.shows('[Devices 2]');
  screen.type('G');
  await screen.until('the veth', (text) => onRow(text, /^▌ {2}vnear /));
  screen.type('\r');
  await screen.until('its peer', (text) => onRow(text, /^▌ {2}vfar /));
  await screen.shows('it was hidden by the filter, which is cleared');
  screen.type('b');
  await screen.until('back', (text) => onRow(text, /^▌ {2}vnear /));

  // A socket, and who has it open.
  screen.type('5/listen\r');
  await screen.shows(/tcp +listen +.*:8213 /);
  screen.type('\r');
  await screen.shows(new RegExp(`▌ +${pid} +root `));

  screen.type('t');
  await screen.shows(/vfar|vnear/);
  screen.type('/vfar\r\r');
  await screen.until('the line leads there', (text) => onRow(text, /^▌ {2}vfar /));

  screen.type('bv');
  await screen.shows('[Traffic]');
  await screen.shows(/bytes\/s +━ rx \d+ +━ tx \d/);
  screen.type('v');
  await screen.shows('All namespaces, bytes/s');
  screen.resize(160, 48);
  await screen.shows(/TRAFFIC[\s\S]*All namespaces, bytes\/s/);
  // Drawn, not written.
  await screen.shows(/[⠁-⣿]{5}/u);

  screen.type('f');
  await screen.shows(/as nft lists it[\s\S]*(nftables has no rules in it|nft is not installed)/);
  screen.type('\u001bq');
  expect(await screen.ended()).toEqual({ code: 0, signal: 0 });
});
