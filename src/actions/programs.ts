/** Programs that run inside a namespace and get the terminal for as long as they do. */
import type { Device } from '../model/index.ts';
import { namespaceKey } from '../model/index.ts';
import { rowOf } from './lifecycle/here.ts';
import type { Here } from './lifecycle/lifecycle.ts';
import { labelOf } from './lifecycle/parts.ts';

/** What is started: nsleuth itself, with these arguments. */
export interface Start {
  readonly argv: readonly string[];
  /** What has to be typed first; it becomes further arguments. */
  readonly question?: { readonly label: string; readonly initial: string };
}

/** A program the screen hands the terminal to. */
export interface Program {
  readonly id: 'shell' | 'exec' | 'capture';
  readonly title: string;
  readonly keys: readonly string[];
  readonly hint?: string;
  readonly start: (here: Here) => Start | null;
}

/** The device that is meant: the selected one, or the first that is no loopback. */
function deviceOf(here: Here): Device | undefined {
  const devices = here.selected?.devices ?? [];
  return rowOf(here, 'devices') ?? devices.find(({ flags }) => !flags.includes('loopback')) ?? devices[0];
}

/** A namespace that can be named; its key is a selector as well. */
function selected({ selected: ns }: Here) {
  return ns === null || ns.ino === null || ns.visibility === 'dying' ? null : ns;
}

export const PROGRAMS: readonly Program[] = [
  {
    id: 'shell',
    title: 'A shell in the namespace; exit comes back',
    keys: ['e'],
    hint: 'shell',
    start: (here) => {
      const ns = selected(here);
      return ns === null ? null : { argv: ['shell', namespaceKey(ns)] };
    },
  },
  {
    id: 'exec',
    title: 'Run a command in the namespace',
    keys: ['E'],
    start: (here) => {
      const ns = selected(here);
      if (ns === null) return null;
      return {
        argv: ['exec', namespaceKey(ns), '--'],
        question: { label: `Run in ${ns.names[0] ?? labelOf(ns)}:`, initial: '' },
      };
    },
  },
  {
    id: 'capture',
    title: 'Capture packets of a device, with tcpdump or tshark',
    keys: ['C'],
    start: (here) => {
      const ns = selected(here);
      const device = deviceOf(here);
      return ns === null || device === undefined ? null : { argv: ['capture', namespaceKey(ns), device.name] };
    },
  },
];
