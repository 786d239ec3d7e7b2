// Looking into what nobody vouches for.

/** A property of a value of any kind; undefined where it has none of that name. */
export const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
