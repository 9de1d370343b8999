import { describe, expect, test } from 'vitest';
import { parseContainer } from '../../collectors/containers.ts';
import {
  isNetfilterLink,
  isTun,
  namesRegisteredFilesByPath,
  parseFileFacts,
  parseQueuedDescriptors,
  parseRegisteredFiles,
  parseWatches,
} from '../../collectors/descriptors/fdinfo.ts';
import { parseMappings, parseTapMajors } from '../../collectors/descriptors/maps.ts';
import { parseNetPath } from '../../collectors/descriptors/procfiles.ts';
import { parseNumbers } from '../../collectors/host.ts';
import { parseCovers, parseNsfsMounts } from '../../collectors/mounts.ts';
import { parseCgroup, parseCmdline, parseNamespacePids, parsePasswd, parseStat } from '../../collectors/tasks.ts';
import { linesWith, parseMountLine } from '../../src/os/mountinfo.ts';
import { parseNamespaceLink } from '../../src/os/nsfs.ts';

const STAT =
  '4711 (sleep) S 1 4711 4711 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 3 0 62901 5500928 200 18446744073709551615';

describe('parseStat', () => {
  test('reads name, state, parent, flags, threads and start', () => {
    expect(parseStat(STAT)).toEqual({
      comm: 'sleep',
      state: 'S',
      ppid: 1,
      flags: 4194304,
      threads: 3,
      startTicks: 62901,
    });
  });

  test('takes a name with brackets, blanks and newlines for what it is', () => {
    expect(parseStat(STAT.replace('(sleep)', '(a) R 0 (b\n)'))).toMatchObject({ comm: 'a) R 0 (b\n', ppid: 1 });
  });

  test.each(['', '4711', '4711 (sleep', '4711 (sleep) S 1', `${STAT.slice(0, 60)}`, 'x'.repeat(10_000), '1 () '])(
    'refuses %j',
    (text) => {
      expect(parseStat(text)).toBeNull();
    },
  );
});

describe('parseNamespacePids', () => {
  test('lists the pid in every nested namespace', () => {
    expect(parseNamespacePids('Name:\tx\nNSpid:\t4711\t12\t1\nNSpgid:\t1\n')).toEqual([4711, 12, 1]);
  });

  test('is empty before Linux 4.1 and for a truncated file', () => {
    expect(parseNamespacePids('Name:\tx\nUid:\t0')).toEqual([]);
  });
});

describe('parseCgroup', () => {
  test('takes the only path of cgroup v2', () => {
    expect(parseCgroup('0::/system.slice/ssh.service\n')).toBe('/system.slice/ssh.service');
  });

  test('takes the longest path of cgroup v1, colons in it included', () => {
    expect(parseCgroup('12:memory:/docker/abc:def\n1:name=systemd:/\n0::/\n')).toBe('/docker/abc:def');
  });

  test('is empty for nonsense', () => {
    expect(parseCgroup('nonsense\n\n:')).toBe('');
  });
});

describe('parseCmdline', () => {
  test('joins arguments with blanks', () => {
    expect(parseCmdline('sleep\x00600\x00')).toBe('sleep 600');
  });

  test('keeps 4096 bytes of a command line of megabytes', () => {
    expect(parseCmdline('a'.repeat(3_000_000))).toHaveLength(4096);
  });

  test('is empty for a kernel thread', () => {
    expect(parseCmdline('')).toBe('');
  });
});

test('parsePasswd keeps the first name of a uid, sanitised, and skips what is no entry', () => {
  const names = parsePasswd('root:x:0:0::/root:/bin/sh\ntoor:x:0:0\n# comment\nbad:x:abc\n\x1b[31m:x:7\n');
  expect([...names]).toEqual([
    [0, 'root'],
    [7, '\\x1b[31m'],
  ]);
});

const NSFS = '47 30 0:4 net:[4026532177] /run/netns/blue rw shared:1 - nsfs nsfs rw';

describe('mountinfo', () => {
  test('parses a namespace mount', () => {
    expect(parseMountLine(NSFS)).toEqual({
      mountId: 47,
      device: 4,
      root: 'net:[4026532177]',
      path: '/run/netns/blue',
      filesystem: 'nsfs',
      source: 'nsfs',
      superOptions: 'rw',
    });
  });

  test('undoes octal escapes', () => {
    expect(parseMountLine(NSFS.replace('blue', 'a\\040b\\012c\\134d'))?.path).toBe('/run/netns/a b\nc\\d');
  });

  test.each(['', '47', NSFS.slice(0, 40), NSFS.replace(' - ', ' '), `x${NSFS}`])('refuses %j', (line) => {
    expect(parseMountLine(line)).toBeNull();
  });

  test('finds namespace mounts among others, and counts malformed ones', () => {
    const text = `22 27 0:21 / /proc rw - proc proc rw\n${NSFS}\nbroken - nsfs \n25 24 0:23 / /a\\040-\\040nsfs rw - tmpfs nsfs rw\n`;
    const { mounts, malformed } = parseNsfsMounts(text);
    expect(mounts.map(({ mountId }) => mountId)).toEqual([47]);
    expect(malformed).toBe(1);
  });

  test('does not need a newline at the end', () => {
    expect(linesWith(NSFS, ' - nsfs ').mounts).toHaveLength(1);
  });

  test('tells a mount over /proc/<pid> from other mounts below /proc', () => {
    const line = (path: string) => `50 22 0:40 / ${path} rw - tmpfs none rw\n`;
    const text = line('/proc/4711') + line('/proc/12/fd') + line('/proc/sys/fs/binfmt_misc') + line('/process/5');
    expect(parseCovers(text, '/proc')).toEqual([
      { pid: 4711, path: '/proc/4711', filesystem: 'tmpfs' },
      { pid: 12, path: '/proc/12/fd', filesystem: 'tmpfs' },
    ]);
  });
});

describe('parseNamespaceLink', () => {
  test.each([
    ['net:[4026531833]', 4026531833],
    ['mnt:[4026531832]', 4026531832],
    ['/run/netns/x', null],
    ['net:[]', null],
    ['net:[12', null],
    ['net:[99999999999999999999]', null],
    ['', null],
  ])('%j', (text, ino) => {
    expect(parseNamespaceLink(text)).toBe(ino);
  });
});

describe('fdinfo', () => {
  test('mount and inode', () => {
    expect(parseFileFacts('pos:\t0\nflags:\t0100000\nmnt_id:\t47\nino:\t4026532177\n')).toEqual({
      mountId: 47,
      ino: 4026532177,
    });
    expect(parseFileFacts('pos:\t0\n')).toEqual({ mountId: null, ino: null });
    expect(parseFileFacts('')).toEqual({ mountId: null, ino: null });
  });

  test('tun, attached and not', () => {
    expect(isTun('pos:\t0\niff:\ttun0\n')).toBe(true);
    expect(isTun('pos:\t0\niff:\t\n')).toBe(true);
    expect(isTun('pos:\t0\n')).toBe(false);
  });

  test('descriptors queued in a unix socket', () => {
    expect(parseQueuedDescriptors('pos:\t0\nscm_fds: 3\n')).toBe(3);
    expect(parseQueuedDescriptors('scm_fds: many\n')).toBe(0);
  });

  test('BPF netfilter links, by name and by number', () => {
    expect(isNetfilterLink('link_type:\tnetfilter\nlink_id:\t1\n')).toBe(true);
    expect(isNetfilterLink('link_type:\t<10>\n')).toBe(true);
    expect(isNetfilterLink('link_type:\txdp\n')).toBe(false);
  });

  test('files registered with an io_uring end where the next section begins', () => {
    const text = 'SqThread:\t-1\nUserFiles:\t3\n    0: net:[4026532177]\n    2: /tmp/a b\nUserBufs:\t1\n    0: 0x1/1\n';
    expect(parseRegisteredFiles(text)).toEqual([
      { slot: 0, target: 'net:[4026532177]' },
      { slot: 2, target: '/tmp/a b' },
    ]);
    expect(parseRegisteredFiles('\nUserFiles:\t2\n    0: \n    1: net:[1]\n')).toEqual([
      { slot: 1, target: 'net:[1]' },
    ]);
    expect(parseRegisteredFiles('UserFiles')).toEqual([]);
  });

  test('bare names of registered files are not trusted where the kernel prints no paths', () => {
    expect(['6.1.0-54-amd64', '6.12.95', '5.14.0', ''].filter(namesRegisteredFilesByPath)).toEqual([]);
    expect(['6.18.44-fc', '6.19.0', '7.2.1'].filter((release) => !namesRegisteredFilesByPath(release))).toEqual([]);
  });

  test('watches on nsfs, with and without a handle that says which type of namespace', () => {
    // struct nsfs_file_handle as the kernel prints it: ns_id, ns_type, ns_inum, little endian.
    const handle = (type: number) => {
      const bytes = Buffer.alloc(16);
      bytes.writeUInt32LE(type, 8);
      return `fhandle-bytes:10 fhandle-type:f1 f_handle:${bytes.toString('hex')}`;
    };
    const text = [
      'pos:\t0',
      `inotify wd:1 ino:f0000051 sdev:4 mask:2 ignored_mask:0 ${handle(0x40000000)}`,
      `inotify wd:4 ino:f0000054 sdev:4 mask:2 ignored_mask:0 ${handle(0x20000)}`,
      'inotify wd:2 ino:f0000052 sdev:4 mask:2 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:6a17a8004ec2a3e1',
      'inotify wd:3 ino:9 sdev:800013 mask:2 ignored_mask:0',
      'fanotify ino:f0000053 sdev:4 mflags:0 mask:2 ignored_mask:0',
    ].join('\n');
    expect(parseWatches(text, 4)).toEqual([
      { ino: 0xf0000051, network: true },
      { ino: 0xf0000054, network: false },
      { ino: 0xf0000052, network: null },
      { ino: 0xf0000053, network: null },
    ]);
    expect(parseWatches('inotify wd:zz', 4)).toEqual([]);
  });
});

test('parseNetPath knows files under /proc/<pid>/net and nothing else', () => {
  expect(parseNetPath('/proc/4711/net/tcp')).toEqual({ pid: 4711, file: 'tcp' });
  expect(parseNetPath('/proc/1/task/4712/net/stat/nf_conntrack')).toEqual({ pid: 1, file: 'stat/nf_conntrack' });
  expect(parseNetPath('/4711/net/tcp')).toEqual({ pid: 4711, file: 'tcp' });
  expect(parseNetPath('/proc/4711/net')).toBeNull();
  expect(parseNetPath('/proc/4711/net/dev_snmp6/lo')).toBeNull();
  expect(parseNetPath('/var/log/net/x')).toBeNull();
});

test('parseMappings finds sockets and rings once each', () => {
  const text = [
    '55d0c0000000-55d0c0001000 r--p 00000000 fe:00 131 /usr/bin/socket:[9]',
    '7f0000000000-7f0000001000 rw-s 00000000 00:08 3333                       socket:[3333]',
    '7f0000001000-7f0000002000 rw-s 00001000 00:08 3333                       socket:[3333]',
    '7f0000002000-7f0000003000 rw-s 00000000 00:0e 1041                       anon_inode:[io_uring]',
    '7f00',
  ].join('\n');
  expect(parseMappings(text)).toEqual([
    { target: 'socket:[3333]', ino: 3333 },
    { target: 'anon_inode:[io_uring]', ino: 1041 },
  ]);
});

test('parseTapMajors reads the majors of macvtap and ipvtap', () => {
  expect([
    ...parseTapMajors('Character devices:\n  1 mem\n236 macvtap\n235 ipvtap\n\nBlock devices:\n254 virtblk\n'),
  ]).toEqual([236, 235]);
  expect([...parseTapMajors('')]).toEqual([]);
});

test('parseNumbers takes numbers or nothing', () => {
  expect(parseNumbers('0.50 0.40 0.30 1/99 4711', 3)).toEqual([0.5, 0.4, 0.3]);
  expect(parseNumbers('0.50 x', 3)).toEqual([]);
  expect(parseNumbers('', 1)).toEqual([]);
});

describe('parseContainer', () => {
  const id = 'a'.repeat(64);
  const pod = '0f3c5a1e-1111-2222-3333-444455556666';
  test.each([
    [`/docker/${id}`, { engine: 'docker', id }],
    [`/system.slice/docker-${id}.scope`, { engine: 'docker', id }],
    [`/machine.slice/libpod-${id}.scope/container`, { engine: 'podman', id }],
    [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope`, { engine: 'podman', id }],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${pod.replaceAll('-', '_')}.slice/cri-containerd-${id}.scope`,
      { engine: 'containerd', id, pod },
    ],
    [`/kubepods.slice/kubepods-pod${pod.replaceAll('-', '_')}.slice/crio-${id}.scope`, { engine: 'cri-o', id, pod }],
    [`/kubepods/besteffort/pod${pod}/${id}`, { engine: 'kubernetes', id, pod }],
    [`/system.slice/nerdctl-${id}.scope`, { engine: 'containerd', id }],
    [`/default/${id}`, { engine: 'containerd', id }],
    ['/lxc/web1/init.scope', { engine: 'lxc', id: 'web1' }],
    ['/lxc.payload.web2/system.slice/nginx.service', { engine: 'lxc', id: 'web2' }],
    ['/machine.slice/systemd-nspawn@deb\\x2d12.service/payload', { engine: 'nspawn', id: 'deb-12' }],
    ['/system.slice/nginx.service', { engine: 'systemd', id: 'nginx.service' }],
    ['/system.slice/system-a\\x1bb.slice/a\\x1b.service', { engine: 'systemd', id: 'a\\x1b.service' }],
  ])('%s', (cgroup, expected) => {
    expect(parseContainer(cgroup)).toEqual({ name: null, pod: null, ...expected });
  });

  test.each(['', '/', '/user.slice', '/process_api/81a9'])('%j is nobody’s', (cgroup) => {
    expect(parseContainer(cgroup)).toBeNull();
  });
});
