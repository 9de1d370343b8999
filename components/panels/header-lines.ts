import { VISIBILITY_GLYPH } from '../../src/columns/namespaces.ts';
import type { Coverage, Visibility } from '../../src/model/index.ts';
import { inScreenOrder, lightOf } from '../../src/store/coverage.ts';
import { VISIBILITY_STYLE } from '../../src/store/detail.ts';
import type { LineInput, ScreenState } from '../../src/store/state.ts';
import { intervalText, shortDuration } from '../../src/store/time.ts';
import { justify, type Line, lineWidth, type Span, STYLE, span } from '../../src/terminal/style.ts';
import { truncate } from '../../src/terminal/width.ts';

const VISIBILITIES: readonly Visibility[] = ['plain', 'obscure', 'hidden', 'dying'];

/** What must not be overlooked: tasks that only one of the two views shows. */
function alarm({ snapshot }: ScreenState): Span[] {
  const number = snapshot?.concealedTasks.length ?? 0;
  return number === 0 ? [] : [span(`! ${number} concealed ${number === 1 ? 'task' : 'tasks'}   `, STYLE.alert)];
}

function hostLine(state: ScreenState): Line {
  const { host, paused, intervalMs, scanningMs, collector, size } = state;
  const up = host.uptimeSeconds === null ? '' : ` · up ${shortDuration(host.uptimeSeconds)}`;
  const left = [
    span(' nsleuth', STYLE.accentBold),
    span(`  ${truncate(host.hostname, Math.max(10, size.columns - 50))}`, STYLE.bold),
    span(` · Linux ${host.kernel}${up}`, STYLE.dim),
  ];
  const pace =
    collector === 'down'
      ? span('collector down ', STYLE.alert)
      : paused
        ? span('‖ paused ', STYLE.warn)
        : scanningMs !== null
          ? span(`⟳ scanning, ${shortDuration(scanningMs / 1000)} `, STYLE.warn)
          : span(`⟳ ${intervalText(intervalMs)} `, STYLE.dim);
  const guard = state.readOnly ? [span('read-only ', STYLE.warn)] : [];
  const right = [...alarm(state), ...guard, pace];
  // The host's name and kernel give way to an alarm, never the other way round.
  const fitting = right.length === 1 ? left.length : left.length - excess(left, right, size.columns);
  return justify(left.slice(0, fitting), right, size.columns);
}

/** How many of the last spans of `left` have to go so that `right` fits beside it. */
function excess(left: Line, right: Line, width: number): number {
  let dropped = 0;
  while (dropped < left.length && lineWidth(left.slice(0, left.length - dropped)) + lineWidth(right) + 1 > width)
    dropped++;
  return dropped;
}

/** `17 namespaces   14 ○ plain   2 ◐ obscure …`; without the words where every cell is needed. */
function countSpans({ snapshot, counts, marked }: ScreenState, gap: string, words: boolean): Span[] {
  const total = snapshot?.namespaces.length ?? 0;
  const spans: Span[] = [span(` ${total}`, STYLE.bold), span(total === 1 ? ' namespace' : ' namespaces')];
  if (marked.size > 0) spans.push(span(`${gap}${marked.size} marked`, STYLE.accentBold));
  for (const visibility of VISIBILITIES) {
    const number = counts[visibility];
    const style = number === 0 || visibility === 'plain' ? STYLE.dim : VISIBILITY_STYLE[visibility];
    spans.push(span(`${gap}${number} ${VISIBILITY_GLYPH[visibility]}${words ? ` ${visibility}` : ''}`, style));
  }
  return spans;
}

/** Cells below which a filter beside the counts would say nothing. */
const SHORTEST_FILTER = 24;

/** Shorter and shorter forms of the counts, so that what stands beside them fits. */
function countForms(state: ScreenState): readonly Span[][] {
  return [countSpans(state, '   ', true), countSpans(state, '  ', true), countSpans(state, '  ', false)];
}

function countsLine(state: ScreenState): Line {
  const { snapshot, population, size } = state;
  const { items, filter, sort } = state.namespaces;
  if (snapshot === null) return [span(' scanning…', STYLE.dim)];
  const order =
    sort === null ? span('') : span(`sort ${sort.column.header} ${sort.descending ? '▼' : '▲'} `, STYLE.dim);
  // What is not listed must not be taken for not there: the filter is always named, the order where there is room.
  const filtered =
    filter.text === ''
      ? []
      : [span(`${items.length} of ${population.byKey.size}: `, STYLE.dim), span(filter.text, STYLE.accentBold)];
  const rights: Line[] =
    filter.text === ''
      ? [[order]]
      : [
          [...filtered, span('   '), order],
          [...filtered, span(' ')],
        ];
  const forms = countForms(state);
  for (const right of rights) {
    for (const left of forms) {
      if (lineWidth(left) + lineWidth(right) + 3 <= size.columns) return justify(left, right, size.columns);
    }
    if (filter.text === '') return forms.find((left) => lineWidth(left) <= size.columns) ?? forms[2] ?? [];
  }
  const shortest = forms[2] ?? [];
  const room = size.columns - lineWidth(shortest);
  return room >= SHORTEST_FILTER ? [...shortest, span('  '), ...filtered] : [span(' '), ...filtered];
}

/** One light and what to say beside it, `length` letters of the source's name. */
function lightSpans(coverage: Coverage, length: number): Span[] {
  const { source, status, missed } = coverage;
  const { glyph, style } = lightOf(coverage);
  const note = status === 'partial' ? ` (${missed.length})` : status === 'off' && length > 4 ? ' off' : '';
  const name = length === 0 ? '' : ` ${source.slice(0, length)}`;
  const telling = missed.length > 0 || (source === 'kernel' && status !== 'off');
  return [span(glyph, style), span(`${name}${note}`, telling ? STYLE.plain : STYLE.dim)];
}

/** Letters of a source's name that are shown where there is room, and how few say anything. */
const LONGEST_SOURCE = 20;
const SHORTEST_SOURCE = 3;

/**
 * A light per source, with as much of the sources' names as fits. The kernel's own view is named at any width, since
 * without it nothing can be told to be hidden; those with gaps give way last.
 */
export function coverageLine(coverage: readonly Coverage[], width: number): Line {
  const line = (length: number, lengthOfGappy: number, gap = ' '): Line => {
    const spans: Span[] = [];
    let bare = true;
    for (const entry of inScreenOrder(coverage)) {
      const wanted = entry.missed.length > 0 ? lengthOfGappy : length;
      const letters = entry.source === 'kernel' ? LONGEST_SOURCE : wanted;
      // A light without a name must not be taken for its neighbour's.
      const apart = length === 0 && !(bare && letters === 0) ? '  ' : gap;
      spans.push(span(spans.length === 0 ? ' ' : apart), ...lightSpans(entry, letters));
      bare = letters === 0;
    }
    return spans;
  };
  const lengths = [
    ...Array.from({ length: LONGEST_SOURCE - SHORTEST_SOURCE + 1 }, (_, index) => LONGEST_SOURCE - index),
    0,
  ];
  const forms = function* (): Generator<Line> {
    yield line(LONGEST_SOURCE, LONGEST_SOURCE, '  ');
    for (const length of lengths) yield line(length, LONGEST_SOURCE);
    for (const length of lengths) yield line(0, length);
  };
  for (const form of forms()) if (lineWidth(form) <= width) return form;
  return line(0, 0);
}

/** The header: host and pace, counts and filter, coverage. */
export function headerLines(state: ScreenState, height: number): readonly Line[] {
  return [hostLine(state), countsLine(state), coverageLine(state.coverage, state.size.columns)].slice(0, height);
}

/** What stands before what is typed; it leaves half of the line to that. */
function promptOf({ purpose }: LineInput, width: number): string {
  if (purpose.kind === 'filter') return '/';
  const text = purpose.kind === 'question' ? purpose.label : 'To do it, type what the plan asks for:';
  return `${truncate(text, Math.floor(width / 2))} `;
}

/** The line above the footer: the input line while a filter is typed, else what just happened. */
export function statusLine(state: ScreenState, clock: (at: number) => string): Line {
  const { input, status, size } = state;
  if (input !== null) {
    const after = input.text.slice(input.cursor);
    const under = [...after][0] ?? ' ';
    return [
      span(` ${promptOf(input, size.columns)}`, STYLE.accentBold),
      span(input.text.slice(0, input.cursor)),
      span(under, { inverse: true }),
      span(after.slice(after === '' ? 0 : under.length)),
      ...(input.error === null ? [] : [span(`   ${input.error}`, STYLE.warn)]),
    ];
  }
  if (status === null) return [];
  const style = { plain: STYLE.plain, warn: STYLE.warn, alert: STYLE.alert }[status.tone];
  return [span(` ${clock(status.at)}  `, STYLE.dim), span(status.text, style)];
}
