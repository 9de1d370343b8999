// Writes dist/NAME.cache: `node scripts/lib/code-cache.mjs NAME`, by scripts/build.mjs. Runs `nsleuth list` over a small
// tree that looks like procfs, so that the functions every command needs are compiled, and saves what V8 made of them.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './bundle.mjs';

const NSFS = '22 1 0:4 net:[4026532177] /run/netns/a rw - nsfs nsfs rw\n';
const FILES = {
  stat: '7 (a) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 2 0 42 0 0',
  cmdline: 'a\0b\0',
  cgroup: '0::/system.slice/a.service\n',
  mountinfo: NSFS,
  maps: '',
};
const LINKS = {
  'ns/net': 'net:[4026532177]',
  'ns/mnt': 'mnt:[4026531832]',
  'fd/0': '/dev/null',
  'fd/1': '/a',
  'fd/2': 'net:[4026532178]',
};

const tree = mkdtempSync(join(tmpdir(), 'nsleuth-build-'));
for (const directory of ['ns', 'fd', 'fdinfo', 'task']) mkdirSync(join(tree, '7', directory), { recursive: true });
for (const [path, content] of Object.entries(FILES)) writeFileSync(join(tree, '7', path), content);
for (const [path, target] of Object.entries(LINKS)) symlinkSync(target, join(tree, '7', path));

const name = process.argv[2];
process.argv = [process.argv[0], join(ROOT, 'dist/cli.js'), 'list', '--no-kernel-view', '--proc', tree];
const { script, exports } = createRequire(import.meta.url)('../../dist/cli.js').launch(name, undefined);
// Before the command's own end, which ends the process.
const { exit } = process;
process.exit = async () => {
  process.exit = exit;
  await exports.rehearse(tree, 7, 4026532177);
  exit();
};
process.on('exit', () => {
  rmSync(tree, { recursive: true, force: true });
  writeFileSync(join(ROOT, `dist/${name}.cache`), script.createCachedData());
});
