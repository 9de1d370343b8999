import { describeReferences } from '../model/describe.ts';
import { explainVisibility } from '../model/explain.ts';
import type { Namespace, Snapshot } from '../model/index.ts';
import { describeBestWay, whyNoWay } from '../model/ways.ts';
import { containerText } from './cells.ts';
import type { InNamespace, Registry } from './column.ts';
import { VISIBILITY_GLYPH } from './namespaces.ts';
import { describeUplink } from './uplink.ts';

/** One thing worth knowing about a namespace itself. */
export interface Fact {
  readonly label: string;
  /** Null is "not known". */
  readonly value: string | null;
}

/** The label of how a namespace can be entered, which only trying tells for sure. */
export const ENTERS_BY = 'Enters by';

/** By what a namespace would be entered, or why nothing leads in. */
export function entersBy(ns: Namespace, snapshot: Snapshot): string {
  return describeBestWay(ns, snapshot) ?? `— ${whyNoWay(ns, snapshot)}`;
}

/** What a namespace is: everything that is no list. */
export function overviewOf(ns: Namespace, snapshot: Snapshot): readonly Fact[] {
  const { ino, owner, uplink, container } = ns;
  const number = ino === null ? '? (its number cannot be learned)' : `net:[${ino}]`;
  return [
    { label: 'Namespace', value: ns.initial ? `${number}, the initial one` : number },
    { label: 'Name', value: ns.names.join(', ') },
    {
      label: 'Visibility',
      value: `${VISIBILITY_GLYPH[ns.visibility]} ${ns.visibility}: ${explainVisibility(ns, snapshot)}`,
    },
    { label: ENTERS_BY, value: entersBy(ns, snapshot) },
    { label: 'Reaches', value: uplink === null ? null : describeUplink(uplink, { ns, snapshot }) },
    { label: 'Cookie', value: ns.cookie },
    { label: 'References', value: describeReferences(ns.references) },
    {
      label: 'Owner',
      value: owner === null ? null : `user namespace ${owner.userNamespace}, created by uid ${owner.uid ?? '?'}`,
    },
    { label: 'Mounted on', value: ns.paths.join(', ') },
    { label: 'Container', value: container === null ? '' : containerText(container) },
  ];
}

/** Facts about a namespace. */
export const OVERVIEW: Registry<Fact, InNamespace> = {
  columns: [
    { id: 'fact', header: 'FACT', description: 'What it is.', width: 10, align: 'left', value: ({ label }) => label },
    {
      id: 'value',
      header: 'VALUE',
      description: 'What is known of it.',
      width: 20,
      maxWidth: 100,
      align: 'left',
      value: ({ value }) => value,
    },
  ],
  defaults: ['fact', 'value'],
};
