import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PtyScreen } from '../terminal/harness.ts';
import { Scene } from './scene.ts';

let scene: Scene;
let screen: PtyScreen | undefined;

beforeEach(() => {
  scene = new Scene();
});

afterEach(async () => {
  screen?.close();
  await scene.end();
});

test('the screen lists a hidden namespace, says why, and lets it go when it is gone', async () => {
  screen = new PtyScreen(process.execPath, ['dist/cli.js'], { columns: 100, rows: 32 });
  await screen.shows(/● kernel/);
  const held = await scene.start(process.execPath, [
    join(process.env.NSLEUTH_TEST_PROGRAMS ?? '', 'hidden.mjs'),
    'inflight-descriptor',
  ]);
  const { ino, pid } = JSON.parse(held.line) as { ino: number; pid: number };
  const row = new RegExp(`${ino} .*◆ hidden .*nsfs desc`);
  screen.type('/visibility:hidden\r');
  await screen.shows(row);
  await screen.shows(/[1-9]\d* ◆/);
  screen.type('\r');
  await screen.shows(`net:[${ino}]`);
  await screen.shows(/× tasks +no/);
  await screen.shows(/● kernel +1 holder/);
  await screen.shows(/Enters by +nsfs handle/);
  await screen.shows(new RegExp(`in flight, pid ${pid} fd \\d+ \\(kernel\\)`));

  screen.type('\u001b');
  await screen.shows(row);
  await held.end();
  // Marked as gone for a few refreshes, then no more.
  await screen.until('it is gone', (text) => !row.test(text));
  screen.type('q');
  expect(await screen.ended()).toEqual({ code: 0, signal: 0 });
});
