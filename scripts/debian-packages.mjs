// Installs the Debian packages whose commands the tests or the benchmark start, if they are missing.
//
//   node scripts/debian-packages.mjs [PACKAGE…]
//
// Node's own modules only: this runs before anything else can be relied on.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';

/** Commands, or other files, by the package that has them. A package counts as present when all of these are. */
const COMMANDS = {
  iproute2: ['ip', 'ss'],
  'util-linux': ['unshare', 'nsenter', 'lsns'],
  mount: ['mount', 'umount'],
  procps: ['ps', 'pgrep'],
  nftables: ['nft'],
  tcpdump: ['tcpdump'],
  hyperfine: ['hyperfine'],
  clang: ['clang'],
  llvm: ['llvm-strip'],
  'libbpf-dev': ['/usr/include/bpf/bpf_helpers.h'],
};

const DEFAULT = ['iproute2', 'util-linux', 'mount', 'procps', 'nftables', 'tcpdump'];

/** Debian keeps administrators' commands out of ordinary users' PATH, but the tests may run as one. */
const DIRECTORIES = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

function isPresent(command) {
  if (command.startsWith('/')) return existsSync(command);
  return DIRECTORIES.some((directory) => {
    try {
      accessSync(join(directory || '.', command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function missingCommands(packages) {
  return packages.flatMap((name) => COMMANDS[name].filter((command) => !isPresent(command)));
}

function apt(...args) {
  const { status, error } = spawnSync('apt-get', ['-q', ...args], {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (error) throw error;
  return status === 0;
}

/** Returns the exit code. */
function main(packages) {
  const unknown = packages.filter((name) => !(name in COMMANDS));
  if (unknown.length > 0) {
    console.error(`debian-packages: unknown ${unknown.join(', ')}; known are ${Object.keys(COMMANDS).join(', ')}`);
    return 2;
  }
  const wanted = packages.filter((name) => missingCommands([name]).length > 0);
  if (wanted.length === 0) return 0;

  const complaint = `missing commands: ${missingCommands(wanted).join(', ')}; they are in Debian's ${wanted.join(', ')}`;
  if (!isPresent('apt-get')) {
    console.error(`debian-packages: ${complaint}. There is no apt-get here: install them another way.`);
    return 1;
  }
  if (process.getuid() !== 0) {
    console.error(`debian-packages: ${complaint}. As root: apt-get install ${wanted.join(' ')}`);
    return 1;
  }
  console.error(`debian-packages: ${complaint}; installing`);
  // An outdated list names files the mirrors no longer have. If it cannot be had, the old one may still do.
  apt('update');
  apt('install', '--yes', '--no-install-recommends', ...wanted);
  const still = missingCommands(wanted);
  if (still.length > 0) console.error(`debian-packages: still missing after apt-get install: ${still.join(', ')}`);
  return still.length > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.length > 2 ? process.argv.slice(2) : DEFAULT);
