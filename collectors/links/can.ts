import type { SettingValue } from '../../src/model/index.ts';
import { text } from '../../src/os/netlink/attributes.ts';
import { sanitise } from '../../src/terminal/sanitise.ts';
import { bitNames, type Draft, eachNumber, type Kind, number, several, structure, take, word } from './fields.ts';

/** CAN_CTRLMODE_…, include/uapi/linux/can/netlink.h. */
const MODES = [
  [0x0001, 'LOOPBACK'],
  [0x0002, 'LISTEN-ONLY'],
  [0x0004, 'TRIPLE-SAMPLING'],
  [0x0008, 'ONE-SHOT'],
  [0x0010, 'BERR-REPORTING'],
  [0x0020, 'FD'],
  [0x0080, 'FD-NON-ISO'],
  [0x0040, 'PRESUME-ACK'],
  [0x0100, 'CC-LEN8-DLC'],
  [0x0200, 'TDC-AUTO'],
  [0x0400, 'TDC-MANUAL'],
  [0x0800, 'RESTRICTED'],
  [0x1000, 'XL'],
  [0x2000, 'XL-TDC-AUTO'],
  [0x4000, 'XL-TDC-MANUAL'],
  [0x8000, 'TMS'],
] as const;

const STATES = {
  0: 'ERROR-ACTIVE',
  1: 'ERROR-WARNING',
  2: 'ERROR-PASSIVE',
  3: 'BUS-OFF',
  4: 'STOPPED',
  5: 'SLEEPING',
};

/** struct can_bittiming, in units of the time quantum but for the first three. */
function timing(key: string) {
  return structure(key, 32, (bytes, at) => ({
    bitrate: bytes.readUInt32LE(at),
    sample_point: (bytes.readUInt32LE(at + 4) / 1000).toFixed(3),
    tq: bytes.readUInt32LE(at + 8),
    prop_seg: bytes.readUInt32LE(at + 12),
    phase_seg1: bytes.readUInt32LE(at + 16),
    phase_seg2: bytes.readUInt32LE(at + 20),
    sjw: bytes.readUInt32LE(at + 24),
    brp: bytes.readUInt32LE(at + 28),
  }));
}

/** struct can_bittiming_const: what the controller is able to. */
function limits(key: string) {
  return structure(key, 48, (bytes, at) => {
    const range = (offset: number) => ({
      min: bytes.readUInt32LE(at + offset),
      max: bytes.readUInt32LE(at + offset + 4),
    });
    return {
      name: sanitise(text(bytes, at, at + 16)).text,
      tseg1: range(16),
      tseg2: range(24),
      sjw: { min: 1, max: bytes.readUInt32LE(at + 32) },
      brp: range(36),
      brp_inc: bytes.readUInt32LE(at + 44),
    };
  });
}

/** A controller that knows but a few rates has no use for the rest. */
function completeRates(draft: Draft, prefix: '' | 'data_'): void {
  if (draft[`${prefix}bitrate_const`] === undefined) return;
  const used = draft[`${prefix}bittiming`] as { readonly bitrate?: SettingValue } | undefined;
  draft[`${prefix}bittiming_bitrate`] = used?.bitrate ?? 0;
  delete draft[`${prefix}bittiming`];
  delete draft[`${prefix}bittiming_const`];
}

/** IFLA_CAN_…, include/uapi/linux/can/netlink.h. */
export const CAN: Kind = {
  fields: {
    1: timing('bittiming'),
    2: limits('bittiming_const'),
    3: number('clock'),
    4: word('state', STATES),
    // struct can_ctrlmode: mask, flags
    5: several(8, (draft, bytes, at) => {
      draft.modes = bytes.readUInt32LE(at + 4);
    }),
    6: number('restart_ms'),
    8: structure('berr_counter', 4, (bytes, at) => ({ tx: bytes.readUInt16LE(at), rx: bytes.readUInt16LE(at + 2) })),
    9: timing('data_bittiming'),
    10: limits('data_bittiming_const'),
    11: number('termination'),
    12: eachNumber('termination_const', 2),
    13: eachNumber('bitrate_const', 4),
    14: eachNumber('data_bitrate_const', 4),
  },
  complete: (draft) => {
    const modes = take(draft, 'modes');
    if (modes !== 0) draft.ctrlmode = bitNames(modes, MODES);
    if (draft.termination_const === undefined) delete draft.termination;
    completeRates(draft, '');
    completeRates(draft, 'data_');
  },
};
