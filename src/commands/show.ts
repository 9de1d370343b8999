import type { InNamespace } from '../columns/column.ts';
import { ENTERS_BY, entersBy, overviewOf } from '../columns/overview.ts';
import { openSnapshotNamespace } from '../enter.ts';
import { CommandError, EXIT } from '../errors.ts';
import type { Namespace, Snapshot } from '../model/index.ts';
import { close } from '../os/libc.ts';
import { describeWay } from '../os/open-namespace.ts';
import { closeProcfs, openProcfs } from '../os/procfs.ts';
import { toJson } from '../report/json.ts';
import { SECTIONS, type Section } from '../sections.ts';
import { safeText } from '../terminal/sanitise.ts';
import { type CommandOptions, reportGaps, type Streams, splitList, takeSnapshot } from './command.ts';
import { arrange, type Choice, chooseRows, toText } from './rows.ts';
import { theNamespace } from './select.ts';

/** What `show` prints. */
interface Wanted {
  readonly sections: readonly Section[];
  /** Sections were named: they are printed even where there is nothing to say. */
  readonly named: boolean;
  /** What was chosen of the rows of the only section. */
  readonly choice: Choice<unknown, InNamespace> | null;
}

/**
 * The sections `--section` names, in the order they are printed.
 *
 * @throws CommandError for a name that is none, which lists those there are.
 */
function chooseSections(names: string): readonly Section[] {
  const wanted = splitList(names).map((name) => name.toLowerCase());
  const unknown = wanted.find((name) => !SECTIONS.some(({ id }) => id === name));
  if (unknown !== undefined || wanted.length === 0) {
    const known = SECTIONS.map(({ id }) => id).join(', ');
    const what = unknown === undefined ? 'no section' : `unknown section "${safeText(unknown)}"`;
    throw new CommandError('ERR_UNKNOWN_SECTION', `${what} in --section; sections are ${known}`, EXIT.usage);
  }
  return SECTIONS.filter(({ id }) => wanted.includes(id));
}

/** @throws CommandError for an unknown section or column, and for what makes sense of one section only. */
function choose(options: CommandOptions): Wanted {
  const { section: names, columns, sort, filter, csv } = options;
  const given = { '--csv': csv || undefined, '--columns': columns, '--sort': sort, '--filter': filter };
  const choosing = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  const sections = names === undefined ? SECTIONS : chooseSections(names);
  const [section] = sections;
  if (choosing === undefined) return { sections, named: names !== undefined, choice: null };
  if (section === undefined || sections.length > 1) {
    throw new CommandError(
      'ERR_SECTIONS',
      `${choosing} takes the rows of one section: name it with --section, as in --section sockets`,
      EXIT.usage,
    );
  }
  return { sections, named: true, choice: chooseRows(section.registry, options) };
}

/** Opens it, to say by which way that works, and lets go of it again: nothing is changed by that. */
function triedWay(ns: Namespace, snapshot: Snapshot, procRoot: string): string {
  const procfs = openProcfs(procRoot);
  try {
    if (!procfs.ofThisKernel) return entersBy(ns, snapshot);
    const opened = openSnapshotNamespace(procfs, ns, snapshot);
    if (opened.fd === null) {
      const left = opened.why === 'gone' || opened.why === 'replaced';
      return left ? '— it is gone' : entersBy(ns, snapshot);
    }
    close(opened.fd);
    return describeWay(opened.way);
  } finally {
    closeProcfs(procfs);
  }
}

function overviewText(ns: Namespace, snapshot: Snapshot, procRoot: string): string {
  const facts = overviewOf(ns, snapshot);
  const widest = Math.max(...facts.map(({ label }) => label.length));
  return facts
    .map(({ label, value }) => {
      const known = label === ENTERS_BY ? triedWay(ns, snapshot, procRoot) : (value ?? '?');
      return `${label.padEnd(widest)}  ${known || '—'}\n`;
    })
    .join('');
}

/** A title with a count, and a table or what is said where there is none. */
function sectionText(
  section: Section,
  choice: Choice<unknown, InNamespace>,
  context: InNamespace,
  width: number | undefined,
): string {
  const { ns, snapshot } = context;
  const rows = section.rows(ns, snapshot);
  if (rows === null) return `${section.title} ?\n${section.whyNone(ns, snapshot)}\n`;
  const chosen = arrange(choice, rows, context);
  const count = chosen.length === rows.length ? chosen.length : `${chosen.length} of ${rows.length}`;
  const none = rows.length === 0 ? section.whyNone(ns, snapshot) : 'none of them matches the filter';
  return [
    `${section.title} ${count}\n`,
    chosen.length === 0 ? `${none}\n` : toText(choice, chosen, context, { width }),
    ...section.gaps(ns, snapshot).map((gap) => `may not be all: ${gap}\n`),
  ].join('');
}

/** Sections nobody could read, those for the same reason together. */
function unreadText(sections: readonly Section[], { ns, snapshot }: InNamespace): string {
  const titles = new Map<string, string[]>();
  for (const section of sections) {
    const why = section.whyNone(ns, snapshot);
    titles.set(why, [...(titles.get(why) ?? []), section.title]);
  }
  return [...titles].map(([why, named]) => `${named.join(', ')} ?\n${why}\n`).join('\n');
}

/** Whether a section is worth its lines where nobody asked for it. */
function isWorthShowing(section: Section, { ns, snapshot }: InNamespace): boolean {
  return section.important || section.rows(ns, snapshot)?.length !== 0 || section.gaps(ns, snapshot).length > 0;
}

function render({ sections, named, choice }: Wanted, context: InNamespace, procRoot: string, width?: number): string {
  const { ns, snapshot } = context;
  const isUnread = (section: Section) => !named && section.rows(ns, snapshot) === null;
  const shown = sections.filter((section) => !isUnread(section) && (named || isWorthShowing(section, context)));
  const unread = sections.filter(isUnread);
  return [
    ...shown.map((section) =>
      section.id === 'overview' && choice === null
        ? overviewText(ns, snapshot, procRoot)
        : sectionText(section, choice ?? chooseRows(section.registry, {}), context, width),
    ),
    ...(unread.length === 0 ? [] : [unreadText(unread, context)]),
  ].join('\n');
}

/** @throws CommandError for what is not known: a header alone would say that there is nothing. */
function csv({ sections: [section], choice }: Wanted, context: InNamespace): string {
  if (section === undefined || choice === null) return '';
  const rows = section.rows(context.ns, context.snapshot);
  if (rows !== null) return toText(choice, arrange(choice, rows, context), context, 'csv');
  const why = section.whyNone(context.ns, context.snapshot);
  throw new CommandError('ERR_NOT_READ', `${section.title.toLowerCase()} not known: ${why}`);
}

/** The whole namespace, or its parts by the names of their sections. */
function json({ sections, named, choice }: Wanted, context: InNamespace): unknown {
  if (!named) return context.ns;
  const { ns, snapshot } = context;
  const part = (section: Section): unknown => {
    if (choice === null && section.json !== undefined) return section.json(ns, snapshot);
    const rows = section.rows(ns, snapshot);
    return rows === null || choice === null ? rows : arrange(choice, rows, context);
  };
  return Object.fromEntries(sections.map((section) => [section.id, part(section)]));
}

/** `nsleuth show NS`: one namespace in full, or the sections of it that are asked for. */
export async function show(selector: string, options: CommandOptions, { out, err, width }: Streams): Promise<number> {
  // What the user got wrong is said before anything is read.
  const wanted = choose(options);
  const snapshot = await takeSnapshot(options, {
    inside: ['nsids', 'links', 'addresses', 'routes'],
    focus: (found) => new Set([theNamespace(found, selector).ino].filter((ino) => ino !== null)),
  });
  const ns = theNamespace(snapshot, selector);
  const context = { ns, snapshot };
  if (options.json) out(toJson(json(wanted, context)));
  else if (options.csv) out(csv(wanted, context));
  else out(render(wanted, context, options.proc, width));
  if (!options.json) reportGaps(snapshot, err);
  return EXIT.done;
}
