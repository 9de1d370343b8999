import { describe, expect, test } from 'vitest';
import type { RulesetText } from '../../src/ruleset.ts';
import { reduce } from '../../src/store/reduce.ts';
import type { ScreenState } from '../../src/store/state.ts';
import { frameOf, press, screenOn } from '../fixtures/frame.ts';
import { aTown } from '../fixtures/town.ts';

const town = press(screenOn({}, aTown()), 'j');
const of = town.namespaces.selected ?? '';
const asked = reduce(town, { type: 'ruleset-asked', of });

function answered(state: ScreenState, ruleset: RulesetText): ScreenState {
  return reduce(state, { type: 'ruleset', of, ruleset });
}

describe('the ruleset', () => {
  test('is awaited, then shown, and scrolls', async () => {
    expect((await frameOf(asked)).join('\n')).toMatch(/Firewall of 4026531834 web.*\n asking nft…/);
    const text = `table inet filter {\n${'    counter\n'.repeat(100)}}\n`;
    const state = answered(asked, { text });
    const frame = await frameOf(press(state, 'end'));
    expect(frame.filter((line) => line.trim() === 'counter')).toHaveLength(17);
    expect(frame.join('\n')).toContain('\n }\n');
    expect(press(state, 'escape').dialog).toBeNull();
  });

  test('that nobody waits for any more opens nothing', () => {
    expect(answered(town, { text: 'table ip x {\n}\n' }).dialog).toBeNull();
    const another = reduce(town, { type: 'ruleset-asked', of: 'another' });
    expect(answered(another, { text: 'table ip x {\n}\n' })).toBe(another);
  });

  test('says why there is none', async () => {
    const shown = async (state: ScreenState) => (await frameOf(state)).join('\n');
    expect(await shown(answered(asked, { text: '' }))).toContain('nftables has no rules in it');
    const refused = answered(asked, { text: null, why: 'not installed', reason: 'nft is not installed' });
    expect(await shown(refused)).toContain('\n nft is not installed\n');
    const failed = reduce(asked, { type: 'collector-died', message: 'out of luck', retryMs: 500, at: 0 });
    expect(await shown(failed)).toContain('died (out of luck)');
  });

  test('is kept up to a bound, and broken to the width', () => {
    const long = answered(asked, { text: 'x\n'.repeat(30_000) });
    const lines = long.dialog?.kind === 'ruleset' ? long.dialog.answer?.lines : undefined;
    expect(lines).toHaveLength(20_001);
    expect(lines?.at(-1)).toContain('only the first 20000 lines');
    const wide = press(answered(asked, { text: 'y'.repeat(2000) }), 'end');
    expect(wide.dialog).toMatchObject({ top: 8 });
  });
});
