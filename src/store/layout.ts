/** The terminal's size in cells. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Smaller than this nothing useful can be drawn. */
export const SMALLEST: Size = { columns: 40, rows: 10 };

/** How many rows each part of the screen gets. Together they fill the terminal. */
export interface Layout {
  readonly tooSmall: boolean;
  readonly header: number;
  /** A blank row under the header, where there is room for air. */
  readonly air: number;
  /** Everything between header and status line. */
  readonly body: number;
  /** Rows of the table below its header; 0 while the detail is opened. */
  readonly table: number;
  /** Rows of the detail pane below its title; 0 where there is no room for it. */
  readonly detail: number;
}

/** Table rows that are kept before the detail pane gets any. */
const TABLE_FIRST = 8;
/** A detail pane of fewer rows than this says too little. */
const SMALLEST_DETAIL = 4;

/** Divides the terminal between header, table, detail pane, status line and footer. */
export function layoutScreen({ columns, rows }: Size, opened: boolean): Layout {
  const tooSmall = columns < SMALLEST.columns || rows < SMALLEST.rows;
  const header = rows >= 16 ? 3 : 2;
  const air = rows >= 30 ? 1 : 0;
  const body = Math.max(0, rows - header - air - 2);
  if (opened) return { tooSmall, header, air, body, table: 0, detail: Math.max(0, body - 1) };
  const shared = body - 2;
  if (shared < TABLE_FIRST + SMALLEST_DETAIL) {
    return { tooSmall, header, air, body, table: Math.max(0, body - 1), detail: 0 };
  }
  const table = Math.max(TABLE_FIRST, Math.ceil(shared * 0.55));
  return { tooSmall, header, air, body, table, detail: shared - table };
}

/** From this width on a chart stands beside the detail instead of in its place. */
const WIDE = 140;

/** Cells of the detail's lines and of those of the chart, where both are shown, a blank between them included. */
export interface Halves {
  /** 0 where the chart is in its place. */
  readonly detail: number;
  /** 0 where there is no chart. */
  readonly chart: number;
}

/** Divides the width between the detail and a chart. */
export function layoutChart({ columns }: Size, charted: boolean): Halves {
  if (!charted) return { detail: columns, chart: 0 };
  if (columns < WIDE) return { detail: 0, chart: columns };
  const detail = Math.ceil(columns * 0.58);
  return { detail, chart: columns - detail };
}

/** The scroll offset nearest to `top` that shows row `index` in a window of `height` rows and leaves no blank end. */
export function scrollTo(top: number, index: number, height: number, count: number): number {
  const last = Math.max(0, count - height);
  let next = Math.min(Math.max(0, top), last);
  if (index < next) next = index;
  else if (index >= next + height) next = index - height + 1;
  return Math.min(Math.max(0, next), last);
}
