/** What was made of a table: its records, and how many of its lines could not be read. */
export interface Parsed<T> {
  readonly records: T[];
  readonly malformed: number;
}

/**
 * Reads a table of one record a line. The kernel ends every line: what comes after the last newline was cut off, and
 * half a number is worse than none.
 *
 * @param headers how many lines to pass over first.
 * @param read makes a record of a line; null when it is malformed.
 */
export function eachLine<T>(text: string, headers: number, read: (line: string) => T | null): Parsed<T> {
  const lines = text.split('\n');
  let malformed = lines.pop() === '' ? 0 : 1;
  const records: T[] = [];
  for (const line of lines.slice(headers)) {
    const record = read(line);
    if (record === null) malformed += 1;
    else records.push(record);
  }
  return { records, malformed };
}

/** The words of a line. Only blanks part them: what else JavaScript takes for white space may be in a name. */
export function words(line: string): string[] {
  return line.split(' ').filter((word) => word !== '');
}

/** A decimal number as the kernel prints them, up to 64 bits; null for anything else. */
export function decimal(word: string | undefined): number | null {
  return word !== undefined && /^-?\d{1,20}$/.test(word) ? Number(word) : null;
}

/** A hexadecimal number of up to 32 bits; null for anything else. */
export function hexadecimal(word: string | undefined): number | null {
  return word !== undefined && /^[0-9a-f]{1,8}$/i.test(word) ? Number.parseInt(word, 16) : null;
}

/** What dev_valid_name (net/core/dev.c) lets a device be called; bytes as characters. */
export function isDeviceName(name: string | undefined): name is string {
  return name !== undefined && /^[^\s/:]{1,15}$/.test(name);
}
