import type { ActionOptions, ActionRequest } from '../../model/plan.ts';

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function flags({
  pids,
  descendants,
  freeze,
  graceMs,
  lazy,
  paths = [],
  all,
  to,
  oldName,
  filter,
}: ActionOptions): string[] {
  return [
    ...(pids === undefined ? [] : ['--pid', pids.join(',')]),
    ...(descendants ? ['--descendants'] : []),
    ...(freeze ? ['--freeze'] : []),
    ...(graceMs === undefined ? [] : ['--grace', String(graceMs / 1000)]),
    ...(lazy ? ['--lazy'] : []),
    ...paths.flatMap((path) => ['--at', path]),
    ...(all ? ['--all'] : []),
    ...(to === undefined ? [] : ['--to', to]),
    ...(oldName === undefined ? [] : ['--old', oldName]),
    ...(filter === undefined ? [] : ['--filter', filter]),
  ];
}

/** The command line that asks for an action; the keys of namespaces are selectors as well. */
export function asCommand({ action, targets, options }: ActionRequest): string {
  const { devices = [], link, name } = options;
  const last = action === 'move-device' ? (name === undefined ? [] : ['--as', name]) : name === undefined ? [] : [name];
  const words = [action, ...targets, ...devices, ...(link === undefined ? [] : [link]), ...last, ...flags(options)];
  return `nsleuth ${words.map(quoted).join(' ')}`;
}
