/** Compares two items, as for `Array.sort`; never 0 for different items. */
export type Compare<T> = (a: T, b: T) => number;

/**
 * Items in sorted order, updated incrementally.
 *
 * Changed items are collected; when the list is requested, each is inserted at its place by binary search. A delta of
 * d changes among n items costs d log n comparisons and one copy of n references. Sorting again would take at least n
 * comparisons, which are the expensive part.
 */
export class Order<T> {
  #compare: Compare<T>;
  readonly #members = new Set<T>();
  readonly #unplaced = new Set<T>();
  #inOrder: readonly T[] = [];

  constructor(compare: Compare<T>) {
    this.#compare = compare;
  }

  /** Adds an item, or marks it as changed. */
  put(item: T): void {
    this.#members.add(item);
    this.#unplaced.add(item);
  }

  remove(item: T): void {
    if (this.#members.delete(item)) this.#unplaced.add(item);
  }

  /** Sorts everything by another comparison. */
  setCompare(compare: Compare<T>): void {
    this.#compare = compare;
    this.#unplaced.clear();
    this.#inOrder = [...this.#members].sort(compare);
  }

  /** All items in order; the same array until something changes. */
  list(): readonly T[] {
    if (this.#unplaced.size === 0) return this.#inOrder;
    const staying = this.#inOrder.filter((item) => !this.#unplaced.has(item));
    const placed = [...this.#unplaced].filter((item) => this.#members.has(item)).sort(this.#compare);
    this.#unplaced.clear();
    this.#inOrder = merge(staying, placed, this.#compare);
    return this.#inOrder;
  }
}

/** Merges two sorted lists; the second one is short. */
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

/** Index of the first of `many`, starting at `from`, that comes after `item`. */
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
