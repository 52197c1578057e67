import { RateLimitError } from '../errors/rate-limit.error.js';

/**
 * Loads a package that only some applications have. The loader is `() => import('…')` with the name written out, for
 * bundlers look for that.
 * @throws RateLimitError `TRANSPORT_PACKAGE_MISSING`
 */
export async function loadPackage<T>(name: string, loader: () => Promise<T>): Promise<T> {
  try {
    return await loader();
  } catch (cause) {
    throw new RateLimitError(
      'TRANSPORT_PACKAGE_MISSING',
      `RateLimitModule.forRoot: the application limits what the package ${name} serves, and that package cannot be loaded from here; run npm install ${name}`,
      { cause },
    );
  }
}
