/** Exit codes, as DESIGN and the man page have them. */
export const EXIT = { done: 0, failed: 1, usage: 2, found: 3, notPermitted: 4 } as const;

/** A failure that the reader can do something about: the message says what. It ends the command with `exitCode`. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: string;
  readonly exitCode: number;

  constructor(code: string, message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.code = code;
    this.exitCode = exitCode;
  }
}
