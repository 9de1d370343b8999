import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { BarChart, Chart, DonutChart, LineChart } from '../../components/charts/chart.ts';
import { drawChart } from '../../components/charts/contrib.ts';
import { plainChart } from '../../components/charts/plain.ts';
import { rateChart } from '../../components/charts/rate-chart.ts';
import { ChartRenderer } from '../../components/charts/renderer.ts';
import { Palette, parseSgr } from '../../components/charts/sgr.ts';
import { inColumns, timeAxis } from '../../components/charts/time-axis.ts';
import { loadEsbuild, ROOT, SLOPPY_COMMONJS } from '../../scripts/lib/bundle.mjs';
import { addSample, startSeries } from '../../src/store/series.ts';
import { type Line, lineWidth, STYLE } from '../../src/terminal/style.ts';
import { formatRate } from '../../src/terminal/units.ts';
import { cellWidth } from '../../src/terminal/width.ts';

const ESCAPE = '\u001b';
const HOSTILE = `${ESCAPE}]0;owned\u0007${ESCAPE}[2J{red-fg}\u202e\u0000\r\n漢字👍`;
const SIZES = [
  [40, 8],
  [57, 13],
  [80, 14],
  [161, 31],
] as const;

function textOf(lines: readonly Line[]): string[] {
  return lines.map((line) => line.map(({ text }) => text).join(''));
}

/** Text of the spans that have that foreground colour. */
function coloured(lines: readonly Line[], fg: string): string {
  return lines
    .flat()
    .filter(({ style }) => style?.fg === fg)
    .map(({ text }) => text)
    .join('');
}

/** Readings a second apart, `received` bytes each, null for unknown. */
function rates(received: readonly (number | null)[]): LineChart {
  const series = received.reduce(
    (before, rxBytes, index) =>
      addSample(
        before,
        (index + 1) * 1000,
        rxBytes === null ? null : { rxBytes, txBytes: 7, rxPackets: 1, txPackets: 1 },
        300,
      ),
    startSeries(0),
  );
  return rateChart(series, 'bytes');
}

function bars(...values: readonly (readonly [string, number | null])[]): BarChart {
  return {
    kind: 'bar',
    title: 'Sockets by state',
    bars: values.map(([label, value]) => ({ label, value })),
    style: STYLE.accent,
    format: formatRate,
  };
}

function donut(...shares: readonly (readonly [string, number | null])[]): DonutChart {
  return {
    kind: 'donut',
    title: 'Traffic',
    shares: shares.map(([label, fraction]) => ({ label, fraction, style: STYLE.odd })),
  };
}

const LINE = rates(Array.from({ length: 60 }, (_, second) => 1000 * second));
const BARS = bars(['ESTAB', 1200], ['LISTEN', 33], ['SYN-SENT', 0], ['CLOSE', null]);
const DONUT = donut(['web', 0.61], ['vpn', 0.004], ['rest', null]);
const CHARTS: readonly Chart[] = [LINE, BARS, DONUT];

const hostileCharts: readonly Chart[] = [
  { ...LINE, title: HOSTILE, curves: LINE.curves.map((curve) => ({ ...curve, name: HOSTILE })) },
  bars([HOSTILE, 5], [HOSTILE, Number.NaN], ['', Number.POSITIVE_INFINITY], ['x', -4]),
  donut([HOSTILE, 3], ['', Number.NaN], ['x', -1]),
];

/** Fills its size and holds nothing that a terminal would act on. */
function expectWellFormed(lines: readonly Line[], width: number, height: number): void {
  expect(lines).toHaveLength(height);
  for (const text of textOf(lines)) {
    expect(text).toMatch(/^[^\p{Cc}\p{Cf}\p{Co}\p{Cs}]*$/u);
    expect(cellWidth(text)).toBe(width);
  }
}

describe.each([
  ['drawn', drawChart],
  ['plain', plainChart],
] as const)('a %s chart', (_, draw) => {
  test.each(SIZES)('fills exactly %i×%i cells', (width, height) => {
    for (const chart of CHARTS) expectWellFormed(draw(chart, { width, height }), width, height);
  });

  test.each(SIZES)('makes text from outside harmless in %i×%i cells', (width, height) => {
    for (const chart of hostileCharts) expectWellFormed(draw(chart, { width, height }), width, height);
  });

  test('may have nothing to show', () => {
    const empty: Chart[] = [rates([]), { ...LINE, curves: [] }, bars(), donut(), rates([null]), rates([0])];
    for (const chart of empty) expectWellFormed(draw(chart, { width: 40, height: 8 }), 40, 8);
  });
});

describe('a line chart', () => {
  const drawn = drawChart(LINE, { width: 80, height: 14 });

  test('says what it shows, whose the curves are and where they have got to', () => {
    expect(textOf(drawn)[0]).toMatch(/^ Bytes\/s {3}━ rx 59\.0k {3}━ tx 7 +$/);
  });

  test('has short numbers beside it and times below', () => {
    const numbers = textOf(drawn)
      .map((line) => /^ *([0-9.]+[kM]?) ⡇/.exec(line)?.[1])
      .filter((number) => number !== undefined);
    expect(numbers).toEqual(['60.0k', '45.0k', '30.0k', '15.0k', '0']);
    expect(textOf(drawn).at(-1)).toMatch(/^ +-60s +-50s +-40s +-30s +-20s +-10s +$/);
  });

  test('rises from the left to the right', () => {
    const columns = drawn.slice(1, -2).map((line) => {
      const text = textOf([line])[0] ?? '';
      // tx stays at the bottom.
      return text.slice(8).search(/[⠁-⣿]/);
    });
    const rising = columns.slice(0, 9).filter((column) => column !== -1);
    expect(rising.length).toBeGreaterThan(5);
    expect(rising).toEqual(rising.toSorted((a, b) => b - a));
  });

  test('leaves a gap where a value is not known, and none elsewhere', () => {
    const bottom = (values: readonly (number | null)[]) => {
      const lines = drawChart(
        { ...rates(values), curves: rates(values).curves.slice(0, 1) },
        { width: 80, height: 14 },
      );
      return (textOf(lines)[11] ?? '').slice(7);
    };
    const level = new Array<number>(60).fill(0);
    expect(bottom(level)).toMatch(/^\S{70,} *$/);
    expect(bottom([...level.slice(0, 20), ...new Array<null>(20).fill(null), ...level.slice(40)])).toMatch(
      /^\S{20,} {20,}\S{20,} *$/,
    );
  });

  test('keeps the styles of its curves apart', () => {
    expect(coloured(drawn.slice(1), 'cyan')).toMatch(/^[⠁-⣿]+$/);
    expect(coloured(drawn.slice(1), 'magenta')).toMatch(/^[⠁-⣿]+$/);
  });

  test('spans a minute while there is less, and then what there is', () => {
    const span = ({ from, until }: LineChart) => until - from;
    expect(span(rates([1]))).toBe(60_000);
    expect(span(rates(new Array<number>(61).fill(1)))).toBe(60_000);
    expect(span(rates(new Array<number>(90).fill(1)))).toBe(120_000);
  });
});

describe('a bar chart', () => {
  test('has a bar, a value and a label for each, and no bar for nothing and for what is not known', () => {
    const drawn = drawChart(BARS, { width: 80, height: 14 });
    const [values = '', labels = ''] = textOf(drawn).slice(-2);
    expect(labels.trim().split(/ +/)).toEqual(['ESTAB', 'LISTEN', 'SYN-SENT', 'CLOSE']);
    expect(values).toMatch(/^ █1\.2k█+ +█33█+ +0 +\? *$/);
    const heights = [2, 18, 34, 50].map(
      (column) => textOf(drawn).filter((line) => line[column] === '1' || line[column] === '█').length,
    );
    expect(heights[0]).toBeGreaterThan(8);
    expect(heights.slice(2)).toEqual([0, 0]);
  });

  test('says how many have no room', () => {
    const many = bars(...Array.from({ length: 9 }, (_, index) => [`n${index}`, index] as const));
    expect(textOf(drawChart(many, { width: 40, height: 8 }))[0]).toContain('and 4 more');
    expect(textOf(plainChart(many, { width: 40, height: 4 }))[0]).toContain('and 6 more');
  });

  test('does not mistake a private character for the place of a label', () => {
    const drawn = drawChart(bars(['\ue000\ue001', 1], ['b', 2]), { width: 40, height: 8 });
    expect(textOf(drawn).at(-1)).toMatch(/^ {2}\?\? +b +$/);
  });

  test('cuts labels that are too long, wide characters included', () => {
    const long = bars(['a-very-long-label', 1], ['漢字漢字漢字', 2], ['c', 3], ['d', 4], ['e', 5]);
    expect(textOf(drawChart(long, { width: 40, height: 8 })).at(-1)).toMatch(/^ {2}a-ve… {3}漢字… {3}c {7}d {7}e +$/);
  });
});

describe('a donut chart', () => {
  test('has the share in the middle and the label below, and no share where none is known', () => {
    const drawn = textOf(drawChart(DONUT, { width: 80, height: 14 })).join('\n');
    expect(drawn).toMatch(/ 61% .* <1% .* \? /);
    expect(drawn).toMatch(/ web +vpn +rest /);
  });

  test('is drawn round as far as the share goes', () => {
    const part = (fraction: number) =>
      coloured(drawChart(donut(['x', fraction]), { width: 40, height: 12 }), 'magenta').length;
    expect(part(0)).toBe(0);
    expect(part(1)).toBeGreaterThan(part(0.5));
    expect(part(0.5)).toBeGreaterThan(part(0.1));
  });
});

describe('plain charts', () => {
  test('are sparklines to one scale, or bars', () => {
    const [, rx = '', tx = '', scale = ''] = textOf(plainChart(LINE, { width: 40, height: 6 }));
    expect(rx).toMatch(/^ rx [▁-█]+ $/);
    expect(rx.trim().endsWith('█')).toBe(true);
    expect(tx).toMatch(/^ tx ▂+ $/);
    expect(scale).toContain('60 s, at most 59.0k');
    const rows = textOf(plainChart(BARS, { width: 40, height: 6 })).slice(1, 5);
    expect(rows[0]).toMatch(/^ ESTAB {4}1\.2k █+$/);
    expect(rows[1]).toMatch(/^ LISTEN {5}33 [▏▎▍▌▋▊▉█] +$/);
    expect(rows[2]).toMatch(/^ SYN-SENT {4}0 +$/);
    expect(rows[3]).toMatch(/^ CLOSE {7}\? +$/);
  });

  test('fit any size', () => {
    for (const chart of [...CHARTS, ...hostileCharts]) {
      for (let width = 1; width < 50; width += 3) {
        for (let height = 1; height < 7; height++) {
          const lines = plainChart(chart, { width, height });
          expect(lines).toHaveLength(height);
          for (const line of lines) expect(lineWidth(line)).toBe(width);
        }
      }
    }
  });
});

describe('drawing', () => {
  test('leaves no listeners behind', () => {
    const counts = () =>
      ['exit', 'uncaughtException', 'SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGCONT', 'SIGWINCH'].map((event) =>
        process.listenerCount(event),
      );
    const streams = () => [process.stdin, process.stdout].map((stream) => stream.eventNames().length);
    const before = [counts(), streams()];
    for (let index = 0; index < 50; index++) {
      for (const chart of CHARTS) drawChart(chart, { width: 40, height: 8 });
    }
    expect([counts(), streams()]).toEqual(before);
  });

  test('writes nothing to the terminal', () => {
    const written: unknown[] = [];
    const { write } = process.stdout;
    process.stdout.write = (chunk: unknown) => written.push(chunk) > 0;
    try {
      for (const chart of CHARTS) drawChart(chart, { width: 40, height: 8 });
    } finally {
      process.stdout.write = write;
    }
    expect(written).toEqual([]);
  });

  describe('from the bundle', () => {
    let directory: string;
    let drawn: readonly (readonly Line[])[];

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'nsleuth-charts-'));
      const esbuild = await loadEsbuild();
      await esbuild.build({
        ...SLOPPY_COMMONJS,
        entryPoints: [join(ROOT, 'components/charts/contrib.ts')],
        outfile: join(directory, 'charts.cjs'),
      });
      const program = `
        const { drawChart } = require('./charts.cjs');
        const charts = JSON.parse(process.argv[1]).map((chart) => ({ ...chart, format: (value) => value + '!' }));
        process.stdout.write(JSON.stringify(charts.map((chart) => drawChart(chart, { width: 60, height: 12 }))));`;
      const output = execFileSync(
        process.execPath,
        ['--throw-deprecation', '-e', program, JSON.stringify(CHARTS)],
        // Inside tmux, on a terminal nobody knows, without a home.
        { cwd: directory, env: { TMUX: '/nowhere', TERM: 'unheard-of', PATH: '/nowhere' }, encoding: 'utf8' },
      );
      drawn = JSON.parse(output) as Line[][];
      return () => rmSync(directory, { recursive: true, force: true });
    });

    test('looks the same, far from the packages and whatever the terminal', () => {
      const format = (value: number | null) => `${value}!`;
      const here = CHARTS.map((chart) => drawChart({ ...chart, format } as Chart, { width: 60, height: 12 }));
      expect(drawn).toEqual(JSON.parse(JSON.stringify(here)));
    });
  });
});

describe('ChartRenderer', () => {
  const size = { width: 60, height: 12 };

  test('draws plain charts until it is loaded, and drawn ones from then on', async () => {
    const renderer = new ChartRenderer();
    expect(renderer.lines(LINE, size)).toEqual(plainChart(LINE, size));
    await renderer.load();
    expect(renderer.failure).toBeNull();
    expect(renderer.lines(LINE, size)).toEqual(drawChart(LINE, size));
  });

  test('draws plain charts where there is little room', async () => {
    const renderer = new ChartRenderer();
    await renderer.load();
    for (const little of [
      { width: 39, height: 12 },
      { width: 60, height: 7 },
    ]) {
      expect(renderer.lines(LINE, little)).toEqual(plainChart(LINE, little));
    }
  });

  test('loads once and draws a chart once for each size', async () => {
    let loaded = 0;
    let drawn = 0;
    const renderer = new ChartRenderer(async () => {
      loaded += 1;
      return {
        drawChart: () => {
          drawn += 1;
          return [];
        },
      };
    });
    await Promise.all([renderer.load(), renderer.load()]);
    expect(renderer.lines(LINE, size)).toBe(renderer.lines(LINE, size));
    expect([loaded, drawn]).toEqual([1, 1]);
    renderer.lines({ ...LINE }, size);
    renderer.lines(LINE, { ...size, height: 13 });
    expect(drawn).toBe(3);
  });

  test('stays with plain charts where it cannot be loaded, and says why', async () => {
    const renderer = new ChartRenderer(() => Promise.reject(new Error(`no such\n${ESCAPE}[2Jmodule`)));
    await renderer.load();
    expect(renderer.failure).toBe('no such\\x0a\\x1b[2Jmodule');
    expect(renderer.lines(LINE, size)).toEqual(plainChart(LINE, size));
  });

  test('goes back to plain charts when drawing fails', async () => {
    const renderer = new ChartRenderer(async () => ({
      drawChart: () => {
        throw 'error: canvas context does not exist';
      },
    }));
    await renderer.load();
    expect(renderer.lines(LINE, size)).toEqual(plainChart(LINE, size));
    expect(renderer.failure).toBe('error: canvas context does not exist');
  });
});

describe('parseSgr', () => {
  const palette = new Palette();
  const red = palette.colour(STYLE.alert);

  test('knows the 256 colours and how to reset them, and nothing else', () => {
    const line = parseSgr(
      `a${ESCAPE}[38;5;${red}mb${ESCAPE}[1;4;31mc${ESCAPE}[39md${ESCAPE}[38;5;${red}me${ESCAPE}[mf${ESCAPE}[38;5;200mg`,
      palette,
    );
    expect(line.map(({ text, style }) => [text, style?.fg])).toEqual([
      ['a', undefined],
      ['b', 'red'],
      ['c', 'red'],
      ['d', undefined],
      ['e', 'red'],
      ['f', undefined],
      ['g', undefined],
    ]);
  });

  test('makes blocks of blanks on a coloured ground and inverts the rest', () => {
    expect(parseSgr(`${ESCAPE}[48;5;${red}m  7 ${ESCAPE}[49m `, palette)).toEqual([
      { text: '██', style: STYLE.alert },
      { text: '7', style: { ...STYLE.alert, inverse: true } },
      { text: '█', style: STYLE.alert },
      { text: ' ' },
    ]);
  });

  test('drops every other sequence and control character', () => {
    const hostile = `a${ESCAPE}[2Jb${ESCAPE}]0;title\u0007c${ESCAPE}]8;;x${ESCAPE}\\d${ESCAPE}e\u009b\u0000\r\nf${ESCAPE}[?25lg`;
    expect(textOf([parseSgr(hostile, palette)])).toEqual(['abcdefg']);
  });
});

describe('a time axis', () => {
  test('has round labels, evenly apart, as many as have room', () => {
    expect(timeAxis(0, 60_000, 130, 20)).toEqual({
      columns: 126,
      every: 21,
      labels: ['-60s', '-50s', '-40s', '-30s', '-20s', '-10s', 'now'],
    });
    expect(timeAxis(0, 300_000, 60, 20).labels).toEqual(['-5m', '-3m', '-1m']);
    expect(timeAxis(0, 7_200_000, 60, 20).labels).toEqual(['-2h', '-1h', 'now']);
  });

  test('has every column show the most that was in it', () => {
    const point = (since: number, at: number, value: number | null) => ({ since, at, value });
    const points = [point(0, 10, 1), point(10, 12, 9), point(12, 20, 2), point(20, 30, null), point(30, 40, 4)];
    expect(inColumns(points, 0, 40, 4)).toEqual([1, 9, null, 4]);
    expect(inColumns(points, 0, 40, 2)).toEqual([9, 4]);
    expect(inColumns(points, 0, 40, 8)).toEqual([1, 1, 9, 2, null, null, 4, 4]);
    expect(inColumns(points, -20, 40, 3)).toEqual([null, 9, 4]);
    expect(inColumns([], 0, 40, 2)).toEqual([null, null]);
  });
});
