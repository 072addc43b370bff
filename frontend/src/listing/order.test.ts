import { expect, it } from 'vitest';
import { Order } from './order';

interface Thing {
  name: number;
  rank: number;
}

const byRank = (a: Thing, b: Thing) => a.rank - b.rank || a.name - b.name;

it('equals a sorted array after any number of insertions, moves and removals', () => {
  const order = new Order<Thing>(byRank);
  const things = new Set<Thing>();
  let state = 1;
  const below = (limit: number) => (state = (state * 48_271) % 2_147_483_647) % limit;
  for (let step = 0; step < 3_000; step += 1) {
    const all = [...things];
    const some = all[below(all.length + 1)];
    const what = below(4);
    if (what < 2 || some === undefined) {
      const thing = { name: step, rank: below(40) };
      things.add(thing);
      order.put(thing);
    } else if (what === 2) {
      some.rank = below(40);
      order.put(some);
    } else {
      things.delete(some);
      order.remove(some);
    }
    if (below(3) === 0) expect(order.list()).toEqual([...things].sort(byRank));
  }
  expect(things.size).toBeGreaterThan(100);
  order.setCompare((a, b) => byRank(b, a));
  expect(order.list()).toEqual([...things].sort(byRank).reverse());
});

it('stays the same array while nothing changes', () => {
  const order = new Order<Thing>(byRank);
  order.put({ name: 1, rank: 1 });
  const before = order.list();
  expect(order.list()).toBe(before);
  order.remove({ name: 2, rank: 2 });
  expect(order.list()).toBe(before);
});

it('makes few comparisons per insertion, however many items there are', () => {
  let compared = 0;
  const order = new Order<number>((a, b) => {
    compared += 1;
    return a - b;
  });
  for (let number = 0; number < 10_000; number += 1) order.put(number * 2);
  order.list();
  compared = 0;
  order.put(7_777);
  order.list();
  expect(compared).toBeLessThan(20);
});
