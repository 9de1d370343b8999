/** What is made of a thing once and remembered for as long as the thing itself is: an index of a list. */
export function oncePer<Thing extends object, Made>(make: (thing: Thing) => Made): (thing: Thing) => Made {
  const remembered = new WeakMap<Thing, { readonly made: Made }>();
  return (thing) => {
    let entry = remembered.get(thing);
    if (entry === undefined) {
      entry = { made: make(thing) };
      remembered.set(thing, entry);
    }
    return entry.made;
  };
}
