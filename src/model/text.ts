/**
 * Text that came from outside (a command name, a mount path, an interface name) and is safe to draw.
 *
 * Anybody who may start a process chooses these bytes, so no model field holds them unsanitised: see
 * `sanitise` in `src/terminal/sanitise.ts`. Where sanitising changed something, the field's sibling
 * `raw<Field>` keeps the original bytes, escaped C-style with every backslash doubled, so nothing is lost.
 */
export type SafeText = string;
