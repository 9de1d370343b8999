import { TO, word } from './arguments.ts';
import { aboutSelected, rowOf } from './here.ts';
import type { Lifecycle } from './lifecycle.ts';
import { Destination, deviceNamed, homeNamespace, moveDevices } from './moving.ts';
import { checkDeviceName } from './names.ts';
import { join, labelOf, makePlan, namespaceOf, protectedAs, targetOf, targetsOf } from './parts.ts';

/** Moves one device to another namespace. */
export const moveDevice: Lifecycle = {
  id: 'move-device',
  title: 'Move a device to another namespace',
  inside: ['links', 'addresses', 'routes', 'neighbours'],
  plan: (request, facts) => {
    const { to, devices = [], name } = request.options;
    const there = to === undefined ? homeNamespace(facts) : namespaceOf(to, facts.snapshot);
    if (name !== undefined) checkDeviceName(name);
    const found = targetsOf(request, facts);
    const destination = new Destination(there, facts);
    const parts = found.map((ns) => {
      const wanted = devices.map((device) => ({ device: deviceNamed(ns, device, facts), name: name ?? null }));
      const which = protectedAs(ns, facts);
      const warnings =
        which === null ? [] : [`${labelOf(ns)} is ${which}: whoever comes in by ${devices.join(', ')} is cut off`];
      return join({ steps: [], warnings }, moveDevices(ns, destination, wanted));
    });
    const title = `Move ${devices.join(', ')} of ${found.map(labelOf).join(', ')} to ${labelOf(there)}`;
    return makePlan(title, found.map(targetOf), request, facts, ...parts);
  },
  command: {
    usage: '<NS> <DEV>',
    options: [
      TO,
      { flags: '--as <name>', description: 'what it is called there', read: (value) => ({ name: String(value) }) },
    ],
    read: (args, found) => ({ targets: [found.namespace(word(args, 0))], options: { devices: [word(args, 1)] } }),
  },
  screen: {
    keys: ['M'],
    hint: 'move',
    ask: (here) => {
      const device = rowOf(here, 'devices');
      const asked = device === undefined ? null : aboutSelected(here, { devices: [device.name] });
      if (asked === null || device === undefined) return null;
      return { ...asked, question: { label: `Move ${device.name} to which namespace?`, field: 'to', initial: 'init' } };
    },
  },
};
