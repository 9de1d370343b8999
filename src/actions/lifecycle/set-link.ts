import { CommandError, EXIT } from '../../errors.ts';
import { deviceState } from '../../model/device-text.ts';
import { safeText } from '../../terminal/sanitise.ts';
import { word } from './arguments.ts';
import { aboutSelected, rowOf } from './here.ts';
import type { Lifecycle } from './lifecycle.ts';
import { deviceBytes, deviceNamed } from './moving.ts';
import { count, labelOf, makePlan, protect, targetOf, targetsOf } from './parts.ts';

/** Sets a device up or down, lo included. */
export const setLink: Lifecycle = {
  id: 'set-link',
  title: 'Set a device up or down',
  inside: ['links', 'addresses', 'routes'],
  plan: (request, facts) => {
    const { devices = [], link = 'up' } = request.options;
    const up = link === 'up';
    const found = targetsOf(request, facts);
    const parts = found.map((ns) => {
      if (!up) protect(ns, facts, 'its devices are not set down: that could cut off whoever does it');
      const namespace = targetOf(ns);
      return {
        steps: devices.map((name) => {
          const device = deviceNamed(ns, name, facts);
          const routes = (ns.routes ?? []).filter(
            ({ nextHops, protocol }) =>
              protocol !== 'kernel' && nextHops.some(({ ifindex }) => ifindex === device.ifindex),
          );
          const lost = !up && routes.length > 0 ? `; the kernel forgets ${count(routes.length, 'route')} over it` : '';
          return {
            kind: 'set-link' as const,
            namespace,
            ifindex: device.ifindex,
            name: deviceBytes(device),
            up,
            subject: `${device.name} ${link}`,
            effect: `it is ${deviceState(device)} now${lost}`,
            risk: lost === '' ? ('reversible' as const) : ('destructive' as const),
            why: '',
            needs: ['CAP_NET_ADMIN' as const, 'CAP_SYS_ADMIN' as const],
          };
        }),
        expectations: devices.map((name) => {
          const device = deviceNamed(ns, name, facts);
          return { kind: 'link' as const, namespace, ifindex: device.ifindex, name: device.name, up };
        }),
      };
    });
    const title = `Set ${devices.join(', ')} of ${found.map(labelOf).join(', ')} ${link}`;
    return makePlan(title, found.map(targetOf), request, facts, ...parts);
  },
  command: {
    usage: '<NS> <DEV> <up|down>',
    options: [],
    read: (args, found) => {
      const link = word(args, 2);
      if (link !== 'up' && link !== 'down') {
        throw new CommandError('ERR_OPTION', `"${safeText(link)}" is neither up nor down`, EXIT.usage);
      }
      return { targets: [found.namespace(word(args, 0))], options: { devices: [word(args, 1)], link } };
    },
  },
  screen: {
    keys: ['L'],
    hint: 'up/down',
    ask: (here) => {
      const device = rowOf(here, 'devices');
      if (device === undefined) return null;
      return aboutSelected(here, { devices: [device.name], link: device.flags.includes('up') ? 'down' : 'up' });
    },
  },
};
