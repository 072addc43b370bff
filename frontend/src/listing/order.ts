/** Says which of two comes first, as `Array.sort` wants it; never 0 for two that differ. */
export type Compare<T> = (a: T, b: T) => number;

/**
 * Things in their order, kept as they come, move and go.
 *
 * What has changed its place is set down as loose; when the order is asked for, the rest is copied as it
 * stands, and each loose one finds its place by halving. A delta of d among n costs d log n comparisons, and one
 * pass over n references: sorting anew would cost n comparisons at least, and those are what is dear.
 */
export class Order<T> {
  #compare: Compare<T>;
  readonly #members = new Set<T>();
  readonly #loose = new Set<T>();
  #inOrder: readonly T[] = [];

  constructor(compare: Compare<T>) {
    this.#compare = compare;
  }

  /** Takes something in, or notes that it may have changed its place. */
  place(item: T): void {
    this.#members.add(item);
    this.#loose.add(item);
  }

  remove(item: T): void {
    if (this.#members.delete(item)) this.#loose.add(item);
  }

  /** Orders everything anew, by another rule. */
  sortBy(compare: Compare<T>): void {
    this.#compare = compare;
    this.#loose.clear();
    this.#inOrder = [...this.#members].sort(compare);
  }

  /** Everything, in order. The array is the same as long as nothing has come, moved or gone. */
  list(): readonly T[] {
    if (this.#loose.size === 0) return this.#inOrder;
    const staying = this.#inOrder.filter((item) => !this.#loose.has(item));
    const placed = [...this.#loose].filter((item) => this.#members.has(item)).sort(this.#compare);
    this.#loose.clear();
    this.#inOrder = merge(staying, placed, this.#compare);
    return this.#inOrder;
  }
}

/** Merges a few into many, both in order. */
function merge<T>(many: readonly T[], few: readonly T[], compare: Compare<T>): readonly T[] {
  if (few.length === 0) return many;
  const merged: T[] = [];
  let from = 0;
  for (const item of few) {
    const to = placeOf(item, many, from, compare);
    for (; from < to; from += 1) merged.push(many[from] as T);
    merged.push(item);
  }
  for (; from < many.length; from += 1) merged.push(many[from] as T);
  return merged;
}

/** The index of the first of `many`, from `from` on, that comes after `item`. */
function placeOf<T>(item: T, many: readonly T[], from: number, compare: Compare<T>): number {
  let low = from;
  let high = many.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(many[middle] as T, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
