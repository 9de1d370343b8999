import { describe, expect, test } from 'vitest';
import { decodeAddress } from '../../collectors/addresses.ts';
import { type Attribute, encodeAttributes } from '../../src/os/netlink/attributes.ts';

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_PROTO = 11;

/** An RTM_NEWADDR message of device 7 after its header: struct ifaddrmsg and attributes. */
function message(family: number, flags: number, attributes: readonly Attribute[]): Buffer {
  return Buffer.concat([Buffer.from([family, 24, flags, 0, 7, 0, 0, 0]), encodeAttributes(attributes)]);
}

function decoded(bytes: Buffer) {
  return decodeAddress(bytes, 0, bytes.length);
}

const OWN = Buffer.from([10, 0, 0, 1]);
const PERMANENT = 0x80;

describe('decodeAddress', () => {
  test('takes the local address, and the other end for a peer only where it is another one', () => {
    const same: readonly Attribute[] = [
      [IFA_ADDRESS, OWN],
      [IFA_LOCAL, OWN],
    ];
    const other: readonly Attribute[] = [
      [IFA_ADDRESS, Buffer.from([10, 0, 0, 2])],
      [IFA_LOCAL, OWN],
    ];
    expect(decoded(message(2, PERMANENT, same))).toMatchObject({ ifindex: 7, address: '10.0.0.1', peer: null });
    expect(decoded(message(2, PERMANENT, other))).toMatchObject({ address: '10.0.0.1', peer: '10.0.0.2' });
  });

  test('calls the first flag by what it means to the family', () => {
    expect(decoded(message(2, PERMANENT | 1, [[IFA_LOCAL, OWN]]))?.flags).toEqual(['secondary']);
    expect(decoded(message(10, 1, [[IFA_ADDRESS, Buffer.alloc(16, 1)]]))?.flags).toEqual(['temporary', 'dynamic']);
  });

  test('prefers the wide flags, and shows those without a word as a number', () => {
    expect(
      decoded(
        message(2, 1, [
          [IFA_LOCAL, OWN],
          [IFA_FLAGS, 0x4000_0280],
        ]),
      )?.flags,
    ).toEqual(['noprefixroute', '0x40000000']);
  });

  test('knows lifetimes without end, and protocols without a word', () => {
    const lifetimes = Buffer.alloc(16, 0xff);
    lifetimes.writeUInt32LE(500, 0);
    expect(
      decoded(
        message(2, 0, [
          [IFA_LOCAL, OWN],
          [IFA_CACHEINFO, lifetimes],
          [IFA_PROTO, Buffer.from([0x20])],
        ]),
      ),
    ).toMatchObject({ preferredSeconds: 500, validSeconds: null, protocol: '0x20' });
  });

  test('sanitises a label', () => {
    expect(
      decoded(
        message(2, 0, [
          [IFA_LOCAL, OWN],
          [IFA_LABEL, Buffer.from('e\x1b[2J\0')],
        ]),
      )?.label,
    ).toBe('e\\x1b[2J');
  });

  test('survives a message that ends anywhere, and values that are too short', () => {
    const whole = message(10, 0, [
      [IFA_ADDRESS, Buffer.alloc(16, 1)],
      [IFA_CACHEINFO, Buffer.alloc(16)],
      [IFA_FLAGS, 0x80],
      [IFA_PROTO, Buffer.from([1])],
    ]);
    for (let length = 0; length < whole.length; length++) {
      const cut = Buffer.from(whole.subarray(0, length));
      expect(decoded(cut) === null).toBe(length < 8);
    }
    const short = message(
      2,
      0,
      [IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO, IFA_FLAGS, IFA_PROTO].map((type) => [type, Buffer.alloc(0)] as const),
    );
    expect(decoded(short)).toMatchObject({ validSeconds: null, preferredSeconds: null });
  });
});
