import type { SpawnSyncReturns } from 'node:child_process';
import { openSnapshotNamespace } from './enter.ts';
import type { Namespace, SafeText, Snapshot } from './model/index.ts';
import { describeBestWay, whyNoWay } from './model/ways.ts';
import { SystemError } from './os/errors.ts';
import { findProgram, SYSTEM_PATH } from './os/find-program.ts';
import { hasKernelPart } from './os/kernel-modules.ts';
import { close } from './os/libc.ts';
import { inNetworkNamespace } from './os/network-namespace.ts';
import type { Procfs } from './os/procfs.ts';
import { safeText, sanitise } from './terminal/sanitise.ts';

const PATIENCE_MS = 10_000;
/** A set of a million IPv4 addresses is some 15 MiB of text. */
const LARGEST = 64 * 1024 * 1024;
/** nft indents by tabs, which are as wide as each terminal pleases. */
const INDENT = '    ';

export type NoRuleset = 'gone' | 'no way' | 'not permitted' | 'not installed' | 'timed out' | 'too long' | 'failed';

/** What nft(8) says of a namespace, safe to draw, or why it says nothing, in a word and in a sentence. */
export type RulesetText =
  | { readonly text: string }
  | { readonly text: null; readonly why: NoRuleset; readonly reason: SafeText };

export interface RulesetOptions {
  /** As nft's JSON (libnftables-json(5)) instead of its own language. */
  readonly json?: boolean;
  /** Directories to look for nft in, separated by colons. */
  readonly path?: string;
  readonly timeoutMs?: number;
}

/** nft's own language, line by line. What is no indentation of nft's own is somebody's name or comment. */
export function safeRuleset(output: Buffer): string {
  const lines = output.toString('latin1').split('\n');
  return lines
    .map((line) => {
      const rest = line.replace(/^\t+/, '');
      return INDENT.repeat(line.length - rest.length) + sanitise(rest).text;
    })
    .join('\n');
}

/** JSON in ASCII, which says the same: no character of somebody's name or comment reaches a terminal as it is. */
export function safeJson(output: Buffer): string {
  const text = output.toString('utf8');
  return text.replace(/[^\n\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function none(why: NoRuleset, reason: string): RulesetText {
  return { text: null, why, reason: safeText(reason) };
}

/** Runs nft in the namespace this thread is in. */
function list(nft: string, { json, path, timeoutMs }: Required<RulesetOptions>): SpawnSyncReturns<Buffer> {
  // Loaded here: it takes every other command 2 ms.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  return spawnSync(nft, [...(json ? ['-j'] : []), '-a', 'list', 'ruleset'], {
    cwd: '/',
    env: { PATH: path, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: LARGEST,
  });
}

function interpret(
  { status, signal, stdout, stderr, error }: SpawnSyncReturns<Buffer>,
  { json, timeoutMs }: Required<RulesetOptions>,
): RulesetText {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ETIMEDOUT') return none('timed out', `nft took longer than ${timeoutMs / 1000} s`);
  if (code === 'ENOBUFS') return none('too long', `nft printed more than ${LARGEST / 1024 / 1024} MiB`);
  if (error !== undefined) return none('failed', `nft could not be started: ${code ?? error.message}`);
  if (status === 0) return { text: json ? safeJson(stdout) : safeRuleset(stdout) };
  const complaint = sanitise(stderr.toString('latin1').trim().split('\n')[0] ?? '').text;
  if (complaint.includes('Operation not permitted')) {
    return none('not permitted', 'nft needs CAP_NET_ADMIN over the namespace');
  }
  return none('failed', complaint || `nft ended with ${signal ?? status}`);
}

/**
 * The full ruleset of a namespace of a snapshot, as nft(8) lists it with handles. Only ever called on the collecting
 * thread, which waits inside for as long as nft runs and comes home whatever becomes of it.
 *
 * Where nf_tables is not loaded there is no ruleset, and nft, which would load it, is not started.
 */
export function rulesetOf(
  procfs: Procfs,
  ns: Namespace,
  snapshot: Pick<Snapshot, 'mountNamespaces' | 'coverage'>,
  { json = false, path = SYSTEM_PATH, timeoutMs = PATIENCE_MS }: RulesetOptions = {},
): RulesetText {
  if (!procfs.ofThisKernel) return none('no way', 'it is not of this kernel');
  const opened = openSnapshotNamespace(procfs, ns, snapshot);
  if (opened.fd === null) {
    if (opened.why === 'gone' || opened.why === 'replaced') return none('gone', 'the namespace is gone');
    if (opened.why === 'activates') {
      return none('no way', 'only a socket or tun leads to it, and asking would make it active');
    }
    const led = describeBestWay(ns, snapshot) !== null;
    return none('no way', led ? 'what led into it is gone, or is not ours to open' : whyNoWay(ns, snapshot));
  }
  try {
    if (!hasKernelPart('nfnetlink') || !hasKernelPart('nf_tables')) {
      return { text: json ? '{"nftables": []}\n' : '' };
    }
    const nft = findProgram('nft', path);
    if (nft === null) return none('not installed', 'nft is not installed; it is in the package nftables');
    const options = { json, path, timeoutMs };
    const ended = inNetworkNamespace(procfs.fd, opened.fd, `net:[${ns.ino}]`, () => list(nft, options));
    return interpret(ended, options);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.code !== 'EPERM') return none('failed', error.message);
    return none('not permitted', `${error.message}; entering needs CAP_SYS_ADMIN over the namespace`);
  } finally {
    close(opened.fd);
  }
}
