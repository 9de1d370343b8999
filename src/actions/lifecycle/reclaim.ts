import { CommandError } from '../../errors.ts';
import { TO, word, words } from './arguments.ts';
import { aboutTargets } from './here.ts';
import type { Lifecycle } from './lifecycle.ts';
import {
  Destination,
  deviceNamed,
  devicesOf,
  hardwareOf,
  homeNamespace,
  movableOf,
  moveDevices,
  type Wanted,
} from './moving.ts';
import { labelOf, makePlan, namespaceOf, nameTargets, type Part, protect, targetOf, targetsOf } from './parts.ts';

/** Brings devices home: those of hardware, those that are named, or all that can be moved. */
export const reclaim: Lifecycle = {
  id: 'reclaim',
  title: 'Bring physical devices home',
  inside: ['links', 'addresses', 'routes', 'neighbours'],
  plan: (request, facts) => {
    const { to, devices, all = false } = request.options;
    const home = to === undefined ? homeNamespace(facts) : namespaceOf(to, facts.snapshot);
    const found = targetsOf(request, facts);
    const targets = found.map(targetOf);
    const destination = new Destination(home, facts);
    const parts = found.map((ns): Part => {
      protect(ns, facts, 'its devices are where they belong; move-device moves one of them');
      const known = devicesOf(ns, facts);
      const named = devices?.map((name): Wanted => ({ device: deviceNamed(ns, name, facts), name: null }));
      const wanted = named ?? (all ? movableOf(ns, facts) : hardwareOf(ns));
      if (wanted.length === 0 && devices === undefined && found.length === 1) {
        const others = known.map(({ name }) => name).filter((name) => name !== 'lo');
        const rest =
          others.length === 0 ? 'it has none but lo' : `it has ${others.slice(0, 10).join(', ')}: name one to move it`;
        throw new CommandError('ERR_NO_DEVICE', `no physical device in ${labelOf(ns)}; ${rest}`);
      }
      return moveDevices(ns, destination, wanted);
    });
    return makePlan(`Move devices of ${nameTargets(targets)} to ${labelOf(home)}`, targets, request, facts, ...parts);
  },
  command: {
    usage: '<NS> [DEV...]',
    options: [
      TO,
      {
        flags: '--all',
        description: 'all devices that can be moved, not the physical ones only',
        read: () => ({ all: true }),
      },
    ],
    read: (args, found) => {
      const devices = words(args, 1);
      return { targets: [found.namespace(word(args, 0))], options: devices.length === 0 ? {} : { devices } };
    },
  },
  screen: { keys: ['H'], ask: (here) => aboutTargets(here) },
};
