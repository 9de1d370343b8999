import { type Key, KeyDecoder } from './keys.ts';

/** How long a lone Escape may turn out to be the beginning of a sequence. Local terminals send sequences in one piece. */
const ESCAPE_TIMEOUT_MS = 35;

/** The part of a terminal's input stream the keyboard needs. */
export interface KeyboardInput {
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  off(event: 'data', listener: (bytes: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

/**
 * Reads keys from a terminal in raw mode. All keys of one read are handed over in one turn of the event loop, so
 * that a burst costs one frame.
 *
 * @returns a function that stops reading.
 */
export function readKeys(input: KeyboardInput, onKey: (key: Key) => void): () => void {
  const decoder = new KeyDecoder();
  let timer: NodeJS.Timeout | undefined;
  const emit = (keys: readonly Key[]): void => {
    for (const key of keys) onKey(key);
  };
  const onData = (bytes: Buffer): void => {
    clearTimeout(timer);
    emit(decoder.feed(bytes));
    if (decoder.waiting) timer = setTimeout(() => emit(decoder.flush()), ESCAPE_TIMEOUT_MS);
  };
  input.on('data', onData);
  input.resume();
  return () => {
    clearTimeout(timer);
    input.off('data', onData);
    input.pause();
  };
}
