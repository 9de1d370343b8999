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

/** The words behind the name of the command. */
function positional({ action, targets, options: { devices = [], link, name } }: ActionRequest): string[] {
  const last = name === undefined || action === 'move-device' ? [] : [name];
  return [...targets, ...devices, ...(link === undefined ? [] : [link]), ...last];
}

/** The command line that asks for an action; the keys of namespaces are selectors as well. */
export function asCommand(request: ActionRequest): string {
  const { action, options } = request;
  const { sockets = [] } = options;
  // A filter has no "or".
  if (sockets.length > 1) {
    return sockets.map((cookie) => asCommand({ ...request, options: { ...options, sockets: [cookie] } })).join(' && ');
  }
  const words = positional(request);
  const given = [
    ...flags(options),
    ...(action === 'move-device' && options.name !== undefined ? ['--as', options.name] : []),
    ...sockets.flatMap((cookie) => ['--filter', `cookie=${cookie}`]),
  ];
  const line = words.some((word) => word.startsWith('-')) ? [...given, '--', ...words] : [...words, ...given];
  return `nsleuth ${[action, ...line].map(quoted).join(' ')}`;
}
