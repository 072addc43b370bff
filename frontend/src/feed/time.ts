import * as v from 'valibot';

/** A time that a `Date` can hold; formatting any other one would throw. */
export const time = v.pipe(v.number(), v.minValue(0), v.maxValue(8.64e15));
