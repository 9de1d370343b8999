/** As much of blessed and blessed-contrib as charts need; neither brings types. */

declare module 'blessed' {
  /** A terminal with elements on it. */
  class Screen {
    constructor(options: { readonly program: object });
    append(element: object): void;
    /** The cells from `left` to `right` and `top` to `bottom`, ends excluded, as lines of text with SGR sequences. */
    screenshot(left: number, right: number, top: number, bottom: number): string;
    destroy(): void;
  }
  const blessed: { readonly Screen: typeof Screen };
  export default blessed;
}

/** Each draws its data on being appended to a screen. */
declare module 'blessed-contrib/lib/widget/*' {
  const Widget: new (options: object) => { render(): unknown };
  export default Widget;
}

declare module 'blessed-contrib/lib/utils.js' {
  const utils: {
    /** How a line chart with `abbreviate` writes the numbers of its axis. */
    abbreviateNumber: (number: string) => string;
  };
  export default utils;
}
