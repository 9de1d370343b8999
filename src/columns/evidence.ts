import { describeConcealedTask, describeDisagreement } from '../model/describe.ts';
import type { Evidence } from '../model/evidence.ts';
import type { ConcealedTask, Coverage, Discrepancy } from '../model/index.ts';
import type { InNamespace, Registry } from './column.ts';

const GLYPH = { yes: '●', no: '×', unknown: '?' } as const;

function coverageOf({ source }: Evidence, { snapshot }: InNamespace): Coverage | undefined {
  return snapshot.coverage.find((entry) => entry.source === source);
}

/** How many holders it showed; nothing where it only witnesses, or could not look. */
function heldText({ source, sees, holders }: Evidence): number | '' {
  if (holders === null || sees === 'unknown') return '';
  // The kernel's are those that nobody else shows: none of them says nothing of the others.
  return source === 'kernel' && holders === 0 ? '' : holders;
}

/** How much of its subject the source could read. */
function coverageText(evidence: Evidence, context: InNamespace): string {
  const { status } = evidence;
  const { missed = [], notes = [] } = coverageOf(evidence, context) ?? {};
  const why = status === 'unavailable' ? (missed[0] ?? notes[0])?.reason : undefined;
  if (why !== undefined) return `${status}: ${why}`;
  return missed.length === 0 ? status : `${status}, ${missed.length} missed`;
}

/** Which source sees a namespace, and which does not. */
export const EVIDENCE: Registry<Evidence, InNamespace> = {
  columns: [
    {
      id: 'mark',
      header: '',
      description: '`●` sees it, `×` does not, `?` could not look.',
      width: 1,
      align: 'left',
      value: ({ sees }) => GLYPH[sees],
      searched: false,
    },
    {
      id: 'source',
      header: 'SOURCE',
      description: 'Name of the source: docs/sources.md.',
      width: 14,
      align: 'left',
      value: ({ source }) => source,
    },
    {
      id: 'view',
      header: 'VIEW',
      description: '`userland` or `kernel`.',
      width: 8,
      align: 'left',
      value: (evidence, context) => coverageOf(evidence, context)?.view ?? '',
    },
    {
      id: 'sees',
      header: 'SEES IT',
      description: '`yes`, `no`, or `unknown` where it was off or could not look.',
      width: 7,
      align: 'left',
      value: ({ sees }) => sees,
    },
    {
      id: 'holders',
      header: 'HOLDERS',
      description: 'How many holders it showed; none where it only knows of the namespace.',
      width: 7,
      align: 'right',
      value: heldText,
      descendingFirst: true,
      searched: false,
    },
    {
      id: 'coverage',
      header: 'COVERAGE',
      description: 'How much it could read on this host, and why not more.',
      width: 12,
      maxWidth: 60,
      align: 'left',
      value: coverageText,
    },
  ],
  defaults: ['mark', 'source', 'view', 'sees', 'holders', 'coverage'],
};

/** Tasks that one view shows and the other does not. */
export const CONCEALED: Registry<ConcealedTask, InNamespace> = {
  columns: [
    {
      id: 'task',
      header: 'TASK',
      description: 'Process or thread, and its name.',
      width: 20,
      maxWidth: 48,
      align: 'left',
      value: describeConcealedTask,
    },
    { id: 'uid', header: 'UID', description: 'uid it runs as.', width: 6, align: 'right', value: ({ uid }) => uid },
    {
      id: 'why',
      header: 'WHY',
      description: 'Who shows it and who does not.',
      width: 24,
      maxWidth: 60,
      align: 'left',
      value: describeDisagreement,
    },
  ],
  defaults: ['task', 'uid', 'why'],
};

/** Things two ways of asking the kernel do not agree on. */
export const DISCREPANCIES: Registry<Discrepancy, InNamespace> = {
  columns: [
    {
      id: 'subject',
      header: 'SUBJECT',
      description: 'What it is about.',
      width: 24,
      maxWidth: 60,
      align: 'left',
      value: ({ subject }) => subject,
    },
    {
      id: 'shown-by',
      header: 'SHOWN BY',
      description: 'Who shows it.',
      width: 14,
      align: 'left',
      value: ({ shownBy }) => shownBy,
    },
    {
      id: 'missing-from',
      header: 'MISSING FROM',
      description: 'Who does not.',
      width: 14,
      align: 'left',
      value: ({ missingFrom }) => missingFrom,
    },
  ],
  defaults: ['subject', 'shown-by', 'missing-from'],
};
