import type { Rule } from '../model/index.ts';
import type { Column, InNamespace, Registry } from './column.ts';

function range([first, last]: readonly [number, number]): string {
  return first === last ? String(first) : `${first}-${last}`;
}

/** `0x1`, or `0x1/0xff` where not every bit counts. */
function markText({ mark, mask }: Rule): string {
  if (mark === null) return '';
  const hex = (number: number) => `0x${number.toString(16)}`;
  return mask === null || mask === 0xffff_ffff ? hex(mark) : `${hex(mark)}/${hex(mask)}`;
}

/** What it holds for besides source and destination, in the words of ip-rule(8). */
function conditions(rule: Rule): string[] {
  const { incoming, outgoing, tos, l3mdev, ipProtocol, sourcePorts, destinationPorts, uids, tunnelId } = rule;
  const mark = markText(rule);
  return [
    ...(rule.inverted ? ['not'] : []),
    ...(incoming === null ? [] : [`iif ${incoming}`]),
    ...(outgoing === null ? [] : [`oif ${outgoing}`]),
    ...(mark === '' ? [] : [`fwmark ${mark}`]),
    ...(tos === 0 ? [] : [`tos ${tos}`]),
    ...(l3mdev ? ['l3mdev'] : []),
    ...(ipProtocol === null ? [] : [`ipproto ${ipProtocol}`]),
    ...(sourcePorts === null ? [] : [`sport ${range(sourcePorts)}`]),
    ...(destinationPorts === null ? [] : [`dport ${range(destinationPorts)}`]),
    ...(uids === null ? [] : [`uidrange ${range(uids)}`]),
    ...(tunnelId === null ? [] : [`tun_id ${tunnelId}`]),
    ...(rule.further ?? []),
  ];
}

/** What it does with what it holds for, in the words of ip-rule(8). */
function actionText(rule: Rule): string {
  const { action, table, goto, suppressPrefixLength, suppressGroup } = rule;
  return [
    action,
    ...(action === 'lookup' && table !== null ? [table] : []),
    ...(goto === null ? [] : [String(goto)]),
    ...(suppressPrefixLength === null ? [] : [`suppress_prefixlength ${suppressPrefixLength}`]),
    ...(suppressGroup === null ? [] : [`suppress_ifgroup ${suppressGroup}`]),
    ...(rule.flags ?? []).map((flag) => `[${flag}]`),
  ].join(' ');
}

/** One field that few rules have. */
function field(
  id: string,
  header: string,
  description: string,
  value: Column<Rule, InNamespace>['value'],
): Column<Rule, InNamespace> {
  return { id, header, description, width: Math.max(6, header.length), align: 'left', value };
}

/** Rules of policy routing of a namespace. */
export const RULES: Registry<Rule, InNamespace> = {
  columns: [
    {
      id: 'priority',
      header: 'PRIO',
      description: 'Lower is asked first.',
      width: 6,
      align: 'right',
      value: ({ priority }) => priority,
      searched: false,
    },
    {
      id: 'family',
      header: 'FAMILY',
      description: '`inet` or `inet6`.',
      width: 6,
      align: 'left',
      value: ({ family }) => family,
      searched: false,
    },
    {
      id: 'source',
      header: 'FROM',
      description: 'Source it holds for.',
      width: 12,
      maxWidth: 44,
      align: 'left',
      value: ({ source }) => source,
    },
    {
      id: 'destination',
      header: 'TO',
      description: 'Destination it holds for.',
      width: 12,
      maxWidth: 44,
      align: 'left',
      value: ({ destination }) => destination,
    },
    {
      id: 'where',
      header: 'WHERE',
      description: 'What else it holds for, in the words of ip-rule(8).',
      width: 12,
      maxWidth: 48,
      align: 'left',
      value: conditions,
      text: (rule) => conditions(rule).join(' ') || '—',
    },
    {
      id: 'action',
      header: 'ACTION',
      description: 'What it does: `lookup main`, `goto 100`, `blackhole`…',
      width: 14,
      maxWidth: 40,
      align: 'left',
      value: actionText,
    },
    field('table', 'TABLE', 'The table it looks up.', ({ table }) => table ?? ''),
    field('incoming', 'IIF', 'Device it came in by.', ({ incoming }) => incoming ?? ''),
    field('outgoing', 'OIF', 'Device its socket is bound to.', ({ outgoing }) => outgoing ?? ''),
    field('mark', 'FWMARK', 'Firewall mark, and which of its bits count.', markText),
    field('uids', 'UIDS', 'uids whose sockets it holds for.', ({ uids }) => (uids === null ? '' : range(uids))),
    field('protocol', 'PROTO', 'Who made it: `kernel`, `static`…', ({ protocol }) => protocol),
    field('inverted', 'NOT', 'Whether it holds for all that is not described.', ({ inverted }) => inverted),
  ],
  defaults: ['priority', 'family', 'source', 'destination', 'where', 'action'],
};
