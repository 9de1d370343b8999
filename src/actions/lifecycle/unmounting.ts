import { posix } from 'node:path';
import { CommandError } from '../../errors.ts';
import type { MountHolder, Namespace, Snapshot } from '../../model/index.ts';
import type { ActionOptions, MountPlace } from '../../model/plan.ts';
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
    throw new CommandError('ERR_NO_MOUNT', `${labelOf(ns)} is not mounted at ${missing}; ${known}`);
  }
  return mounts.filter(({ path }) => wanted.includes(path));
}

/** The mounts by path, those of nsleuth's own mount namespace first: they take along what is mounted from there. */
function byPath(mounts: readonly MountHolder[], { mountNamespaces }: Snapshot) {
  const own = mountNamespaces.find(({ pids }) => pids.includes(process.pid))?.ino ?? null;
  const paths = new Map<string, { mount: MountHolder; places: MountPlace[] }>();
  for (const mount of mounts) {
    const { mountNamespace, mountId } = mount;
    const seenBy = mountNamespaces.find(({ ino }) => ino === mountNamespace)?.pids ?? [];
    const place = { mountNamespace, mountId, seenBy };
    const key = mount.rawPath ?? mount.path;
    const known = paths.get(key);
    if (known === undefined) paths.set(key, { mount, places: [place] });
    else if (mountNamespace === own) known.places.unshift(place);
    else known.places.push(place);
  }
  return { own, paths: [...paths.values()] };
}

/** Removes bind mounts of a namespace, in every mount namespace, and then the files its names were mounted on. */
export function unmountAll(ns: Namespace, { snapshot, netnsDir }: PlanFacts, options: ActionOptions, why = ''): Part {
  const { lazy = false } = options;
  const namespace = targetOf(ns);
  const { own, paths } = byPath(chosen(ns, options.paths, netnsDir), snapshot);
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
    (each): StepDraft => ({
      ...step(each),
      kind: 'unmount',
      lazy,
      effect: lazy ? 'detached even if something uses the mount' : '',
      why,
      needs: ['CAP_SYS_ADMIN'],
    }),
  );
  const names = paths.filter(({ mount }) => posix.dirname(mount.path) === netnsDir);
  const removals = names.map(
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
    expectations: paths.map(({ mount: { path }, places }) => ({
      kind: 'unmounted',
      namespace,
      path,
      mountIds: places.map(({ mountId }) => mountId),
    })),
  };
}
