import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { aSnapshot } from '../fixtures/snapshot.ts';

const schema = JSON.parse(readFileSync(new URL('../../docs/snapshot.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv({ allErrors: true }).compile(schema);

describe('docs/snapshot.schema.json', () => {
  test('accepts a snapshot', () => {
    expect(validate(aSnapshot(3))).toBe(true);
  });

  test('accepts a suspected holder as a lead', () => {
    const leads = [{ kind: 'inflight', pid: 1, fd: 3, inode: 77, count: 2, suspected: true }] as const;
    expect(validate(aSnapshot(1, { leads }))).toBe(true);
  });

  test.each([
    ['another version', { schema: 'nsleuth/snapshot/2' }],
    ['a field it does not know', { surprise: 1 }],
    ['a holder of an unknown kind', { leads: [{ kind: 'ghost', pid: 1 }] }],
    ['a count that is no number', { durationMs: 'long' }],
  ])('refuses %s', (_what, over) => {
    expect(validate({ ...aSnapshot(1), ...over })).toBe(false);
  });
});
