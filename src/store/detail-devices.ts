import { describeLinks, deviceKind, deviceState, whyNoDevices } from '../model/device-text.ts';
import type { Namespace, Snapshot } from '../model/index.ts';
import { type Line, STYLE, span } from '../terminal/style.ts';
import { cellWidth, fit, wrap } from '../terminal/width.ts';
import { heading } from './detail-lines.ts';

const HEADERS = ['NAME', 'KIND', 'STATE', 'MAC'] as const;
/** Widest useful cells: an interface name has at most 15 bytes, which sanitising may make longer. */
const WIDEST = [15, 12, 14, 17] as const;
const INDENT = '   ';
const GAP = '  ';
/** Cells below which what a device is connected to gets lines of its own. */
const LEAST_LINKS = 24;

/** The devices of a namespace and what each is connected to, in whatever namespace that is. */
export function deviceLines(ns: Namespace, { namespaces }: Snapshot, width: number): Line[] {
  const { devices } = ns;
  if (devices === null) return [heading('Devices', null), [span(`   ${whyNoDevices(ns)}`, STYLE.dim)]];
  if (devices.length === 0) return [heading('Devices', 0), [span('   none', STYLE.dim)]];
  const rows = devices.map((device) => ({
    cells: [device.name, deviceKind(device), deviceState(device), device.address ?? '—'],
    links: describeLinks(device, ns, namespaces),
  }));
  const widths = HEADERS.map((header, column) =>
    rows.reduce(
      (widest, { cells }) => Math.max(widest, Math.min(cellWidth(cells[column] ?? ''), WIDEST[column] ?? 0)),
      header.length,
    ),
  );
  const line = (cells: readonly string[]): string =>
    `${INDENT}${cells.map((cell, column) => fit(cell, widths[column] ?? 0)).join(GAP)}${GAP}`;
  const fixed = cellWidth(line(HEADERS));
  const beside = width - fixed >= LEAST_LINKS;
  return [
    heading('Devices', devices.length),
    [span(`${line(HEADERS)}${beside ? 'CONNECTED TO' : ''}`, STYLE.dim)],
    ...rows.flatMap(({ cells, links }): Line[] => {
      const row = span(line(cells));
      if (links === '') return [beside ? [row, span('—', STYLE.dim)] : [row]];
      if (!beside) {
        return [
          [row],
          ...wrap(links, Math.max(10, width - 6)).map((piece): Line => [span(`     ${piece}`, STYLE.dim)]),
        ];
      }
      return wrap(links, width - fixed).map(
        (piece, index): Line => [index === 0 ? row : span(' '.repeat(fixed)), span(piece)],
      );
    }),
  ];
}
