import { posix } from 'node:path';
import { CommandError } from '../../errors.ts';
import type { MountHolder, Namespace, Snapshot } from '../../model/index.ts';
import type { ActionOptions, MountPlace } from '../../model/plan.ts';
import { safeText } from '../../terminal/sanitise.ts';
import type { PlanFacts } from './lifecycle.ts';
import { labelOf, type Part, type StepDraft, targetOf } from './parts.ts';

/** The mounts that are meant: those at the given paths, or all. @throws CommandError for a path where there is none. */
function chosen(ns: Namespace, paths: readonly string[] | undefined, netnsDir: string): readonly MountHolder[] {
  const mounts = ns.holders.filter((holder): holder is MountHolder => holder.kind === 'mount');
  if (paths === undefined) return mounts;
  const wanted = paths.map((path) => (path.includes('/') ? posix.normalize(path) : posix.join(netnsDir, path)));
  const missing = wanted.find((path) => !mounts.some((mount) => mount.path === path));
  if (missing !== undefined) {
    const known =
      mounts.length === 0 ? 'it is mounted nowhere' : `it is mounted at ${mounts.map(({ path }) => path).join(', ')}`;
    throw new CommandError('ERR_NO_MOUNT', `${labelOf(ns)} is not mounted at ${safeText(missing)}; ${known}`);
  }
  return mounts.filter(({ path }) => wanted.includes(path));
}

/** The mounts by path, those of nsleuth's own mount namespace first: they take along what is mounted from there. */
function byPath(mounts: readonly MountHolder[], { snapshot: { mountNamespaces }, self }: PlanFacts) {
  const own = mountNamespaces.find(({ pids }) => pids.includes(self.pid))?.ino ?? null;
  const paths = new Map<string, { mount: MountHolder; places: (MountPlace & { mountIds: number[] })[] }>();
  for (const mount of mounts) {
    const { mountNamespace, mountId } = mount;
    const key = mount.rawPath ?? mount.path;
    const known = paths.get(key) ?? { mount, places: [] };
    paths.set(key, known);
    const place = known.places.find((each) => each.mountNamespace === mountNamespace);
    if (place !== undefined) {
      place.mountIds.push(mountId);
      continue;
    }
    const seenBy = mountNamespaces.find(({ ino }) => ino === mountNamespace)?.pids ?? [];
    const added = { mountNamespace, mountIds: [mountId], seenBy };
    if (mountNamespace === own) known.places.unshift(added);
    else known.places.push(added);
  }
  return { own, paths: [...paths.values()] };
}

/** What was opened by a mount keeps that mount busy. By which, if there are several, the kernel does not say. */
function busyWarnings({ holders }: Namespace): readonly string[] {
  const pids = holders.flatMap((each) => (each.kind === 'descriptor' && each.form === 'bound' ? [each.pid] : []));
  if (pids.length === 0) return [];
  const who = [...new Set(pids)].map((pid) => `pid ${pid}`).join(', ');
  return [`${who} has it open by a mount, which is busy as long as it is: --lazy detaches it all the same`];
}

/** Namespaces by the names of the files they are mounted on; of hundreds with hundreds of mounts, found out once. */
const mountedOn = new WeakMap<Snapshot, ReadonlyMap<string, ReadonlySet<Namespace>>>();

function namespacesByFile(snapshot: Snapshot): ReadonlyMap<string, ReadonlySet<Namespace>> {
  const known = mountedOn.get(snapshot);
  if (known !== undefined) return known;
  const found = new Map<string, Set<Namespace>>();
  for (const ns of snapshot.namespaces) {
    for (const holder of ns.holders) {
      if (holder.kind !== 'mount') continue;
      const name = posix.basename(holder.path);
      const there = found.get(name);
      if (there === undefined) found.set(name, new Set([ns]));
      else there.add(ns);
    }
  }
  mountedOn.set(snapshot, found);
  return found;
}

/**
 * Another namespace that is mounted on a file of that name: in another mount namespace it may be the same file, and
 * removing a file takes along what is mounted on it elsewhere (detach_mounts, fs/namespace.c, Linux 3.18).
 */
function mountedOnTheSame({ path }: MountHolder, ns: Namespace, snapshot: Snapshot): Namespace | null {
  const there = namespacesByFile(snapshot).get(posix.basename(path)) ?? [];
  return [...there].find((other) => other !== ns) ?? null;
}

/** Removes bind mounts of a namespace, in every mount namespace, and then the files its names were mounted on. */
export function unmountAll(ns: Namespace, facts: PlanFacts, options: ActionOptions, why = ''): Part {
  const { snapshot, netnsDir } = facts;
  const { lazy = false } = options;
  const namespace = targetOf(ns);
  const { own, paths } = byPath(chosen(ns, options.paths, netnsDir), facts);
  const where = (places: readonly MountPlace[]) => {
    const [only] = places;
    if (places.length > 1) return `, in ${places.length} mount namespaces`;
    const number = only?.mountNamespace ?? null;
    return number === null || number === own ? '' : `, in mount namespace ${number}`;
  };
  const step = ({ mount: { path, rawPath }, places }: (typeof paths)[number]) => ({
    namespace,
    path,
    ...(rawPath === undefined ? {} : { rawPath }),
    places,
    subject: `${path}${where(places)}`,
    risk: 'destructive' as const,
  });
  const unmounts = paths.map(
    ({ mount, places }): StepDraft => ({
      ...step({ mount, places }),
      kind: 'unmount',
      lazy,
      effect: lazy ? 'detached even if something uses the mount' : '',
      why,
      // Into another mount namespace one gets with a root of one's own (setns(2)).
      needs: places.every(({ mountNamespace }) => mountNamespace === null || mountNamespace === own)
        ? ['CAP_SYS_ADMIN']
        : ['CAP_SYS_ADMIN', 'CAP_SYS_CHROOT'],
    }),
  );
  const names = paths.filter(({ mount }) => posix.dirname(mount.path) === netnsDir);
  const shared = names.flatMap((each) => {
    const other = mountedOnTheSame(each.mount, ns, snapshot);
    return other === null ? [] : [{ each, other }];
  });
  const removals = names
    .filter((name) => !shared.some(({ each }) => each === name))
    .map(
      (each): StepDraft => ({
        ...step(each),
        kind: 'remove-name',
        effect: 'the file it was mounted on, if it is plain and empty',
        why: '',
        needs: [],
      }),
    );
  return {
    steps: [...unmounts, ...removals],
    warnings: lazy || unmounts.length === 0 ? [] : busyWarnings(ns),
    untouched: shared.map(({ each: { mount }, other }) => ({
      subject: `the file ${mount.path}`,
      why: `${labelOf(other)} is mounted on it in another mount namespace, and would go with it`,
    })),
    expectations: paths.map(({ mount: { path }, places }) => ({
      kind: 'unmounted',
      namespace,
      path,
      mountIds: places.flatMap(({ mountIds }) => mountIds),
    })),
  };
}
