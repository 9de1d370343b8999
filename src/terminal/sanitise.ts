import type { SafeText } from '../model/index.ts';

/**
 * Code points that must not reach a terminal: C0 and C1 controls, DEL, line and paragraph separators, bidi
 * controls (Trojan Source), zero-width and tag characters that make two names look the same, lone surrogates.
 */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffd]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;

const PLAIN_ASCII = /^[\x20-\x7e]*$/;

/** Sanitised text and, only where sanitising changed something, the bytes it came from. */
export interface Sanitised {
  readonly text: SafeText;
  /** Printable ASCII as it is, everything else `\xNN`, backslash doubled: the exact bytes can be rebuilt. */
  readonly raw?: string;
}

function escapeCodePoint(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

function escapeBytes(bytes: Uint8Array): string {
  let escaped = '';
  for (const byte of bytes) {
    if (byte === 0x5c) escaped += '\\\\';
    else if (byte >= 0x20 && byte < 0x7f) escaped += String.fromCharCode(byte);
    else escaped += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return escaped;
}

/** Decodes UTF-8 and writes every byte that is not part of valid UTF-8 as `\xNN`. */
function decode(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!text.includes('\ufffd')) return text;
  // Rare: find the invalid bytes one at a time, so that valid text around them stays readable.
  let decoded = '';
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] ?? 0;
    const length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    const piece = bytes.subarray(at, at + length).toString('utf8');
    if (piece.length > 0 && !piece.includes('\ufffd')) {
      decoded += piece;
      at += length;
    } else {
      decoded += `\\x${lead.toString(16).padStart(2, '0')}`;
      at += 1;
    }
  }
  return decoded;
}

/**
 * Makes bytes from outside, one character each (latin1), safe to draw: what could move the cursor, change colours, reorder or hide text is
 * written as `\x1b`, `\u202e`… Everything else, any script included, stays as it is.
 */
export function sanitise(latin1: string): Sanitised {
  if (PLAIN_ASCII.test(latin1)) return { text: latin1 };
  const bytes = Buffer.from(latin1, 'latin1');
  const decoded = decode(bytes);
  const text = decoded.replace(UNSAFE, escapeCodePoint);
  return text === decoded && !/\\x[0-9a-f]{2}/.test(decoded) ? { text } : { text, raw: escapeBytes(bytes) };
}

/** `sanitise` for text that is a string already, such as an argument quoted back in an error message. */
export function safeText(text: string): SafeText {
  return PLAIN_ASCII.test(text) ? text : text.replace(UNSAFE, escapeCodePoint);
}
