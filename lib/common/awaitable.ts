/** A value now, or a promise of it: what needs no I/O should make nobody wait. */
export type Awaitable<T> = T | Promise<T>;

/** Goes on with a value, at once where it is there already. */
export function chain<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(next) : next(value);
}

/** What a function makes of each item, at once where nothing has to be awaited. */
export function mapAll<T, U>(items: readonly T[], make: (item: T) => Awaitable<U>): Awaitable<U[]> {
  const values: Awaitable<U>[] = [];
  try {
    for (const item of items) values.push(make(item));
  } catch (error) {
    // What is under way has lost its listener: a second failure must not end the process.
    for (const value of values) if (isPromise(value)) value.catch(() => undefined);
    throw error;
  }
  return values.some(isPromise) ? Promise.all(values) : (values as U[]);
}

/** Goes on where making a value fails, at once or later; the failure stays what it is. */
export function onFailure<T>(make: () => Awaitable<T>, handle: () => void): Awaitable<T> {
  return orElse(make, (error) => {
    handle();
    throw error;
  });
}

/** A value, or what stands for it where making it fails, at once or later. */
export function orElse<T>(make: () => Awaitable<T>, instead: (error: unknown) => Awaitable<T>): Awaitable<T> {
  try {
    const value = make();
    return isPromise(value) ? value.catch(instead) : value;
  } catch (error) {
    return instead(error);
  }
}

/** A failure at once as one later. */
export function attempt<T, Made extends Awaitable<T>>(make: () => Made): Made | Promise<never> {
  try {
    return make();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** By shape: a promise of another library, or of another realm, is one too. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === 'function';
}
