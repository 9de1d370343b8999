import { safeText } from '../../src/terminal/sanitise.ts';
import type { Line } from '../../src/terminal/style.ts';
import type { Chart, ChartSize } from './chart.ts';
import { plainChart } from './plain.ts';

/** Below this a drawn chart says less than text does. */
const LEAST: ChartSize = { width: 40, height: 8 };

/** What `components/charts/contrib.ts` is loaded for. */
interface Drawer {
  drawChart(chart: Chart, size: ChartSize): readonly Line[];
}

/** What a chart came to when it was last drawn. */
interface Drawn extends ChartSize {
  readonly lines: readonly Line[];
  /** Who drew it; null for plain text. */
  readonly by: Drawer | null;
}

/**
 * Draws charts within a frame: as text until what draws them has been loaded, and where it cannot be. A chart that is
 * the same as before is not drawn again.
 */
export class ChartRenderer {
  readonly #import: () => Promise<Drawer>;
  #loading: Promise<void> | undefined;
  #drawer: Drawer | null = null;
  #failure: string | null = null;
  readonly #drawn = new WeakMap<Chart, Drawn>();

  constructor(load: () => Promise<Drawer> = () => import('./contrib.ts')) {
    this.#import = load;
  }

  /** Why charts are text; null while there is no reason. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Loads what draws charts, once. Settles when that is done or has failed: charts then look different. */
  readonly load = (): Promise<void> => {
    this.#loading ??= this.#import().then(
      (drawer) => {
        this.#drawer = drawer;
      },
      (error: unknown) => this.#fail(error),
    );
    return this.#loading;
  };

  /** A chart in exactly that many cells. Never waits, never throws. */
  readonly lines = (chart: Chart, { width, height }: ChartSize): readonly Line[] => {
    const by = width >= LEAST.width && height >= LEAST.height ? this.#drawer : null;
    const known = this.#drawn.get(chart);
    if (known !== undefined && known.by === by && known.width === width && known.height === height) return known.lines;
    const lines = this.#draw(chart, { width, height }, by);
    this.#drawn.set(chart, { width, height, by: this.#drawer === null ? null : by, lines });
    return lines;
  };

  #draw(chart: Chart, size: ChartSize, by: Drawer | null): readonly Line[] {
    try {
      if (by !== null) return by.drawChart(chart, size);
    } catch (error) {
      // A chart is no reason to end a program that has more to show.
      this.#fail(error);
    }
    return plainChart(chart, size);
  }

  #fail(error: unknown): void {
    this.#drawer = null;
    this.#failure = safeText(error instanceof Error ? error.message : String(error));
  }
}
