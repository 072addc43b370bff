import * as v from 'valibot';

/** What a date can hold; anything else would make formatting it throw. */
export const time = v.pipe(v.number(), v.minValue(0), v.maxValue(8.64e15));
