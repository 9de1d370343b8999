const MOST = 5;
/** Longer words are compared by their beginning. */
const COMPARED = 64;

/** Edits to turn one word into another (Levenshtein). */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(change, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** Which words may have been meant by one that is none of them, the likeliest first. */
export function nearestWords(given: string, words: readonly string[]): string[] {
  const wanted = given.toLowerCase().slice(0, COMPARED);
  return [...new Set(words)]
    .map((word) => ({
      word,
      far: word.toLowerCase().includes(wanted) ? 0 : distance(word.toLowerCase().slice(0, COMPARED), wanted),
    }))
    .filter(({ word, far }) => word !== given && far <= Math.max(2, Math.floor(word.length / 4)))
    .sort((a, b) => a.far - b.far)
    .slice(0, MOST)
    .map(({ word }) => word);
}
