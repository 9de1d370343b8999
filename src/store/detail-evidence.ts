import { describeConcealedTask, describeDisagreement } from '../model/describe.ts';
import { type Evidence, evidenceFor } from '../model/evidence.ts';
import { concealedIn } from '../model/explain.ts';
import type { Namespace, Snapshot, View } from '../model/index.ts';
import { type Line, lineWidth, type Span, STYLE, type Style, span } from '../terminal/style.ts';
import { fit, wrap } from '../terminal/width.ts';
import { heading, LABEL, labelled } from './detail-lines.ts';

/** Cells of a source's name, by view: the longest and a blank. */
const SOURCE = { userland: 14, kernel: 9 } as const;
/** Cells of what a source says: "no, 1000 missed". */
const SAID = 16;
/** Cells of the label of the second view, where both stand side by side. */
const SECOND = 8;
/** From here on both views fit side by side. */
const WIDE = 1 + LABEL + 2 + SOURCE.userland + SAID + SECOND + 2 + SOURCE.kernel + SAID;

const GLYPH = { yes: '●', no: '×', unknown: '?' } as const;

/** What a source says, in a word or two. A source with gaps may have missed it. */
function answerText({ sees, status, holders }: Evidence, missed: number): string {
  switch (sees) {
    case 'yes':
      return holders === null || holders === 0 ? 'yes' : `${holders} ${holders === 1 ? 'holder' : 'holders'}`;
    case 'no':
      return missed > 0 ? `no, ${missed} missed` : 'no';
    case 'unknown':
      return status === 'off' ? 'off' : 'could not look';
  }
}

function viewOf(source: string): View {
  return source === 'kernel' || source === 'handles' || source === 'listns' ? 'kernel' : 'userland';
}

/** Whether an answer is what makes the namespace stand out. */
function tellingStyle({ source, sees }: Evidence, { visibility }: Namespace): Style {
  if (sees === 'yes') return STYLE.good;
  if (sees === 'unknown') return STYLE.dim;
  if (source === 'kernel') return STYLE.alert;
  return visibility === 'hidden' && viewOf(source) === 'userland' ? STYLE.warn : STYLE.dim;
}

function answerSpans(evidence: Evidence, view: View, ns: Namespace, missed: number): Span[] {
  const said = evidence.sees === 'yes' ? STYLE.plain : STYLE.dim;
  return [
    span(`${GLYPH[evidence.sees]} `, tellingStyle(evidence, ns)),
    span(fit(evidence.source, SOURCE[view]), said),
    span(answerText(evidence, missed), said),
  ];
}

/** Which source sees a namespace and which does not: the two views side by side, or below each other. */
export function evidenceLines(ns: Namespace, snapshot: Snapshot, width: number): Line[] {
  const evidence = evidenceFor(ns, snapshot);
  const answers = (view: View): Span[][] =>
    evidence
      .filter(({ source }) => viewOf(source) === view)
      .map((answer) => {
        const coverage = snapshot.coverage.find(({ source }) => source === answer.source);
        return answerSpans(answer, view, ns, coverage?.missed.length ?? 0);
      });
  const userland = answers('userland');
  const kernel = answers('kernel');
  if (width < WIDE) {
    const block = (label: string, lines: Span[][]): Line[] =>
      lines.map((line, index) => labelled(index === 0 ? label : '', line));
    return [...block('Userland', userland), ...block('Kernel', kernel)];
  }
  return userland.map((left, index) =>
    labelled(index === 0 ? 'Userland' : '', [
      ...left,
      span(' '.repeat(Math.max(1, 2 + SOURCE.userland + SAID - lineWidth(left)))),
      ...(kernel[index] === undefined ? [] : [span(fit(index === 0 ? 'Kernel' : '', SECOND), STYLE.dim)]),
      ...(kernel[index] ?? []),
    ]),
  );
}

/** Tasks in it that one of the views conceals. */
export function concealedLines(ns: Namespace, snapshot: Snapshot): Line[] {
  const tasks = concealedIn(ns, snapshot);
  if (tasks.length === 0) return [];
  return [
    heading('! Concealed tasks', tasks.length, STYLE.alert),
    ...tasks.map(
      (task): Line => [
        span(`   ${describeConcealedTask(task)}`),
        span(`  uid ${task.uid ?? '?'}  ${describeDisagreement(task)}`, STYLE.dim),
      ],
    ),
  ];
}

/** What two ways of asking for the same thing do not agree on. */
export function discrepancyLines({ discrepancies }: Namespace, width: number): Line[] {
  if (discrepancies.length === 0) return [];
  const lines = discrepancies.flatMap(({ subject, shownBy, missingFrom }) =>
    wrap(`${subject}: ${shownBy} shows it, ${missingFrom} does not`, Math.max(10, width - 4)),
  );
  return [
    heading('! Discrepancies', discrepancies.length, STYLE.warn),
    ...lines.map((piece): Line => [span(`   ${piece}`, STYLE.warn)]),
  ];
}
