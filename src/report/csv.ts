/** One CSV field (RFC 4180). */
function field(value: string): string {
  return /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** Rows as CSV with a header, lines ending in CRLF as RFC 4180 has it. */
export function toCsv(header: readonly string[], rows: Iterable<readonly string[]>): string {
  let text = `${header.map(field).join(',')}\r\n`;
  for (const row of rows) text += `${row.map(field).join(',')}\r\n`;
  return text;
}
