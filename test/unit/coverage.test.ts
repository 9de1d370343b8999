import { describe, expect, test } from 'vitest';
import { probeKernelView } from '../../src/commands/doctor.ts';
import type { Coverage } from '../../src/model/index.ts';
import { coverageLines } from '../../src/store/coverage.ts';
import type { Line } from '../../src/terminal/style.ts';
import { aConcealedTask, fullCoverage } from '../fixtures/snapshot.ts';

const text = (line: Line): string => line.map((span) => span.text).join('');

/** Coverage in which some sources could see less. */
function coverage(...changes: readonly (Partial<Coverage> & { readonly source: string })[]): Coverage[] {
  return fullCoverage(3).map((entry) => ({ ...entry, ...changes.find(({ source }) => source === entry.source) }));
}

describe('coverage', () => {
  const failed = coverage({
    source: 'kernel',
    status: 'unavailable',
    seen: 0,
    missed: [{ subject: 'probe', reason: 'this kernel has no BTF' }],
    notes: [{ subject: 'cure', reason: 'needs a kernel with CONFIG_DEBUG_INFO_BTF' }],
  });

  test('the dialog begins with concealed tasks and the kernel view, with its cure', () => {
    const lines = coverageLines(failed, [aConcealedTask({ netns: null })], 100).map((line) => text(line).trimEnd());
    expect(lines.slice(0, 5)).toEqual([
      ' ! concealed tasks 1 that only one of the two views shows',
      '     × pid 666 lurker  uid 0, net:[?]: the kernel shows it, /proc does not',
      ' × kernel          unavailable 0 read, 1 missed, 1.0 ms',
      '     × probe: this kernel has no BTF',
      '     → cure: needs a kernel with CONFIG_DEBUG_INFO_BTF',
    ]);
  });

  test('the doctor says whether the kernel view works, why not, and what would help', () => {
    const row = (entries: Coverage[]) => {
      const { works, detail, cure } = probeKernelView(entries);
      return [works, detail, cure];
    };
    expect(row(coverage())).toEqual([true, 'BPF probe: 3 namespaces', '']);
    expect(row(failed)).toEqual([false, 'this kernel has no BTF', 'needs a kernel with CONFIG_DEBUG_INFO_BTF']);
    expect(row(coverage({ source: 'kernel', status: 'off' }))).toEqual([
      false,
      'switched off',
      'leave out --no-kernel-view, --without kernel',
    ]);
    const elsewhere = {
      status: 'unavailable',
      notes: [{ subject: '/mnt', reason: 'no procfs of this kernel' }],
    } as const;
    expect(row(coverage({ source: 'kernel', ...elsewhere }))).toEqual([
      false,
      'no procfs of this kernel',
      'leave out --proc',
    ]);
    const partial = { status: 'partial', missed: [{ subject: 'list_devices', reason: 'EINVAL' }] } as const;
    expect(row(coverage({ source: 'kernel', ...partial }))).toEqual([
      true,
      'BPF probe: 3 namespaces, without list_devices (EINVAL)',
      '',
    ]);
  });
});
