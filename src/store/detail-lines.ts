import { type Line, type Span, STYLE, type Style, span } from '../terminal/style.ts';
import { fit, wrap } from '../terminal/width.ts';

/** Cells of the label column, the blank before it not counted. */
export const LABEL = 11;

/** A label and what it stands for. */
export function labelled(label: string, value: readonly Span[]): Line {
  return [span(` ${fit(label, LABEL)}`, STYLE.dim), ...value];
}

/** A label and a text that may take several lines. */
export function paragraph(label: string, text: string, width: number, style?: Style): Line[] {
  return wrap(text, Math.max(10, width - LABEL - 2)).map((piece, index) =>
    labelled(index === 0 ? label : '', [span(piece, style)]),
  );
}

/** The title of a part and how many things it lists; null is not known. */
export function heading(title: string, number: number | null, style: Style = STYLE.accent): Line {
  return [span(` ${title} `, style), span(number === null ? '?' : String(number), { ...style, bold: true })];
}
