import { StringDecoder } from 'node:string_decoder';

/**
 * One key press. `name` is what the action registry binds: a printable character itself (`j`, `G`, `/`), or a word
 * (`up`, `page-down`, `enter`, `escape`, `ctrl-c`, `f1`, `space`, `paste`).
 */
export interface Key {
  readonly name: string;
  /** What it would type into an input line; absent for keys that type nothing. */
  readonly text?: string;
}

/** Final bytes of `CSI … X` and `SS3 X`. */
const FINAL: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  Z: 'shift-tab',
  M: 'enter',
  P: 'f1',
  Q: 'f2',
  R: 'f3',
  S: 'f4',
};

/** Numbers of `CSI n ~`. */
const TILDE: Readonly<Record<string, string>> = {
  1: 'home',
  2: 'insert',
  3: 'delete',
  4: 'end',
  5: 'page-up',
  6: 'page-down',
  7: 'home',
  8: 'end',
  11: 'f1',
  12: 'f2',
  13: 'f3',
  14: 'f4',
  15: 'f5',
  17: 'f6',
  18: 'f7',
  19: 'f8',
  20: 'f9',
  21: 'f10',
  23: 'f11',
  24: 'f12',
};

const CONTROL: Readonly<Record<number, string>> = {
  0x00: 'ctrl-space',
  0x08: 'backspace',
  0x09: 'tab',
  0x0a: 'enter',
  0x0d: 'enter',
  0x1c: 'ctrl-\\',
  0x1d: 'ctrl-]',
  0x1e: 'ctrl-^',
  0x1f: 'ctrl-_',
  0x7f: 'backspace',
};

const PASTE_START = '\u001b[200~';
const PASTE_END = '\u001b[201~';
/** A terminator that never comes must not eat the keyboard for ever: sequences and pastes longer than this are dropped. */
const LONGEST_SEQUENCE = 64;
const LONGEST_PASTE = 4096;

/** Modifier parameter of xterm's `CSI 1;5A`: one more than a bit set of shift, alt, control. */
function withModifier(name: string, parameter: string | undefined): string {
  const bits = Number(parameter ?? 1) - 1;
  if (!(bits > 0)) return name;
  return `${bits & 4 ? 'ctrl-' : ''}${bits & 2 ? 'alt-' : ''}${bits & 1 ? 'shift-' : ''}${name}`;
}

function printable(character: string): Key {
  return { name: character === ' ' ? 'space' : character, text: character };
}

function control(code: number): Key {
  const name = CONTROL[code];
  return { name: name ?? `ctrl-${String.fromCharCode(code + 0x60)}` };
}

/** What a complete `CSI parameters final` means; undefined for mouse reports, focus reports and answers to queries. */
function csiKey(parameters: string, final: string): Key | undefined {
  const [first = '', second] = parameters.split(';');
  if (/[<?>=]/.test(first)) return undefined;
  const name = final === '~' ? TILDE[first] : FINAL[final];
  return name === undefined ? undefined : { name: withModifier(name, second) };
}

type Step = { readonly used: number; readonly key?: Key } | 'incomplete';

/**
 * Turns the bytes of a terminal into keys. Bytes may be cut anywhere: inside a sequence, inside a character.
 * An Escape that might be the start of a sequence is kept until more arrives or `flush` says that nothing will.
 */
export class KeyDecoder {
  readonly #utf8 = new StringDecoder('utf8');
  #pending = '';

  /** Keys completed by these bytes. */
  feed(bytes: Uint8Array): Key[] {
    this.#pending += this.#utf8.write(bytes);
    return this.#drain(false);
  }

  /** Whether an Escape is waiting to be told apart from a sequence; the caller should `flush` after a short while. */
  get waiting(): boolean {
    return this.#pending !== '' && !this.#pending.startsWith(PASTE_START);
  }

  /** Nothing more came: what is pending is taken as typed. */
  flush(): Key[] {
    return this.#drain(true);
  }

  #drain(final: boolean): Key[] {
    const keys: Key[] = [];
    while (this.#pending !== '') {
      const step = this.#step(final);
      if (step === 'incomplete') break;
      this.#pending = this.#pending.slice(step.used);
      if (step.key !== undefined) keys.push(step.key);
    }
    return keys;
  }

  #step(final: boolean): Step {
    const text = this.#pending;
    const code = text.codePointAt(0) ?? 0;
    if (code === 0x1b) return this.#escape(text, final);
    if (code < 0x20 || code === 0x7f) return { used: 1, key: control(code) };
    const character = String.fromCodePoint(code);
    // C1 controls and broken UTF-8 type nothing.
    if ((code >= 0x80 && code < 0xa0) || code === 0xfffd) return { used: character.length };
    return { used: character.length, key: printable(character) };
  }

  #escape(text: string, final: boolean): Step {
    if (text.startsWith(PASTE_START)) return this.#paste(text);
    // Escape and a key after it is also what Alt sends. Nothing is bound to Alt, and tmux holds an Escape back for up
    // to half a second: it must not swallow the key somebody typed next.
    const alone: Step = { used: 1, key: { name: 'escape' } };
    const second = text[1];
    if (second === '[') return this.#csi(text, final);
    if (second === undefined) return final ? alone : 'incomplete';
    if (second !== 'O') return alone;
    const letter = text[2];
    if (letter === undefined) return final ? alone : 'incomplete';
    const name = FINAL[letter];
    return name === undefined ? { used: 3 } : { used: 3, key: { name } };
  }

  #csi(text: string, final: boolean): Step {
    // X10 mouse: three bytes follow the M, whatever they are.
    if (text.startsWith('\u001b[M'))
      return text.length >= 6 ? { used: 6 } : final ? { used: text.length } : 'incomplete';
    // Linux console function keys: CSI [ A…E.
    if (text.startsWith('\u001b[[')) {
      if (text.length < 4) return final ? { used: text.length } : 'incomplete';
      const number = (text.charCodeAt(3) - 0x40) | 0;
      return number >= 1 && number <= 5 ? { used: 4, key: { name: `f${number}` } } : { used: 4 };
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence starts with Escape
    const match = /^\u001b\[([0-?]*)[ -/]*([@-~])/.exec(text);
    if (match !== null) {
      const key = csiKey(match[1] ?? '', match[2] ?? '');
      return key === undefined ? { used: match[0].length } : { used: match[0].length, key };
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
    const beginning = /^\u001b\[[0-?]*[ -/]*/.exec(text)?.[0] ?? '';
    if (beginning.length < text.length || text.length > LONGEST_SEQUENCE)
      return { used: Math.max(2, beginning.length) };
    if (!final) return 'incomplete';
    return beginning.length === 2 ? { used: 1, key: { name: 'escape' } } : { used: beginning.length };
  }

  #paste(text: string): Step {
    const end = text.indexOf(PASTE_END);
    if (end === -1) {
      if (text.length <= LONGEST_PASTE) return 'incomplete';
      return { used: text.length, key: { name: 'paste', text: text.slice(PASTE_START.length) } };
    }
    return { used: end + PASTE_END.length, key: { name: 'paste', text: text.slice(PASTE_START.length, end) } };
  }
}
