import { existsSync } from 'node:fs';
import { monotonic } from '../src/clock.ts';
import type { Container, Issue, SafeText } from '../src/model/index.ts';
import { safeText, sanitise } from '../src/terminal/sanitise.ts';
import type { CollectContext, Collected, Collector } from './contract.ts';
import type { Gathered } from './index.ts';

export interface ContainersData {
  /** Container of a process, by its cgroup path. */
  readonly byCgroup: ReadonlyMap<string, Container>;
}

/** How long the docker daemon may take: names are a courtesy, and a hung daemon may be what is being looked into. */
const DOCKER_TIMEOUT_MS = 1000;
/** Ask again for ids that had no name only after this long. */
const DOCKER_RETRY_MS = 30_000;

const ID = '[0-9a-f]{64}';

/** One pattern per way an engine names its cgroups; the first that matches wins. */
const ENGINES: readonly { readonly engine: string; readonly pattern: RegExp }[] = [
  { engine: 'docker', pattern: new RegExp(`/docker[-/](${ID})(?:\\.scope)?(?:/|$)`) },
  { engine: 'podman', pattern: new RegExp(`/libpod-(${ID})(?:\\.scope)?(?:/|$)`) },
  { engine: 'cri-o', pattern: new RegExp(`/crio-(${ID})(?:\\.scope)?(?:/|$)`) },
  { engine: 'containerd', pattern: new RegExp(`/(?:cri-containerd|nerdctl)[-:](${ID})(?:\\.scope)?(?:/|$)`) },
  // cgroupfs driver: /kubepods/burstable/pod<uid>/<id>
  { engine: 'kubernetes', pattern: new RegExp(`/kubepods[^/]*/.*pod[0-9a-f_-]{36}[^/]*/(${ID})(?:/|$)`) },
  {
    engine: 'containerd',
    pattern: new RegExp(`/(?:default|moby|k8s\\.io|system\\.slice:containerd)[/:](${ID})(?:/|$)`),
  },
  { engine: 'lxc', pattern: /\/lxc(?:\.payload)?[./]([^/]+?)(?:\/|$)/ },
  { engine: 'nspawn', pattern: /\/machine\.slice\/(?:machine-|systemd-nspawn@)([^/]+?)\.(?:scope|service)(?:\/|$)/ },
];

/**
 * The container or unit a cgroup path belongs to (cgroups(7); the naming schemes of docker, podman, containerd,
 * CRI-O, kubelet's systemd and cgroupfs drivers, LXC and systemd). Null for the root cgroup and for others' schemes.
 */
export function parseContainer(cgroup: string): Container | null {
  const pod =
    /\/(?:[^/]*-)?pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})(?:\.slice)?\//.exec(
      cgroup,
    );
  for (const { engine, pattern } of ENGINES) {
    const id = pattern.exec(cgroup)?.[1];
    if (id !== undefined)
      return { engine, id: unescapeUnit(id), name: null, pod: pod?.[1]?.replaceAll('_', '-') ?? null };
  }
  const unit = cgroup
    .split('/')
    .filter((part) => /\.(?:service|scope|socket|mount)$/.test(part))
    .at(-1);
  return unit === undefined ? null : { engine: 'systemd', id: unescapeUnit(unit), name: null, pod: null };
}

/** systemd writes `-` in a name as `\x2d` (systemd-escape(1)); the result is sanitised again. */
function unescapeUnit(name: string): string {
  if (!name.includes('\\x')) return name;
  const bytes = name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return sanitise(bytes).text;
}

const dockerNames = new Map<string, string>();
let askedDockerAt = Number.NEGATIVE_INFINITY;
let dockerIssue: Issue | null = null;

function dockerSocket(): SafeText {
  return safeText(process.env.DOCKER_SOCKET || '/var/run/docker.sock');
}

/** Fills `dockerNames` through the docker socket, when it is there and answers in time. */
async function askDocker(): Promise<Issue | null> {
  const socket = process.env.DOCKER_SOCKET || '/var/run/docker.sock';
  if (!existsSync(socket)) return { subject: dockerSocket(), reason: 'no docker socket: container names unknown' };
  let timer: NodeJS.Timeout | undefined;
  try {
    // Read when the module is loaded: without it a hung daemon keeps the process waiting for 30 s after we gave up.
    process.env.DOCKER_SOCKET_TIMEOUT ??= String(DOCKER_TIMEOUT_MS + 50);
    const { default: systeminformation } = await import('systeminformation');
    const containers = await Promise.race([
      systeminformation.dockerContainers(true),
      new Promise<null>((resolve) => {
        timer = setTimeout(() => resolve(null), DOCKER_TIMEOUT_MS);
      }),
    ]);
    if (containers === null) return { subject: dockerSocket(), reason: `no answer within ${DOCKER_TIMEOUT_MS} ms` };
    for (const { id, name } of containers) dockerNames.set(id, safeText(String(name)));
    return null;
  } catch (error) {
    return { subject: dockerSocket(), reason: safeText(String(error)) };
  } finally {
    clearTimeout(timer);
  }
}

async function collectContainers(_: CollectContext, { tasks }: Gathered): Promise<Collected<ContainersData>> {
  const byCgroup = new Map<string, Container>();
  for (const cgroup of new Set(tasks?.processes.map((task) => task.cgroup))) {
    const container = parseContainer(cgroup);
    if (container !== null) byCgroup.set(cgroup, container);
  }

  const missed: Issue[] = [];
  const docker = [...byCgroup].filter(([, { engine }]) => engine === 'docker');
  const unnamed = docker.some(([, { id }]) => !dockerNames.has(id));
  if (unnamed && monotonic() - askedDockerAt > DOCKER_RETRY_MS) {
    askedDockerAt = monotonic();
    dockerIssue = await askDocker();
  }

  for (const [cgroup, container] of docker) {
    byCgroup.set(cgroup, { ...container, name: dockerNames.get(container.id) ?? null });
  }
  if (docker.some(([, { id }]) => !dockerNames.has(id))) {
    missed.push(dockerIssue ?? { subject: dockerSocket(), reason: 'does not name every container' });
  }
  return { data: { byCgroup }, seen: byCgroup.size, missed, notes: [] };
}

/** Which container, pod or unit a process belongs to. */
export const containers = {
  name: 'containers',
  view: 'userland',
  reads: 'the cgroup path of every process; docker container names from the docker socket',
  needs: 'nothing; access to the docker socket for names',
  collect: collectContainers,
} as const satisfies Collector<'containers', ContainersData>;
