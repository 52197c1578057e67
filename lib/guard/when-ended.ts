import { defer, type Observable } from 'rxjs';
import { finalize, tap } from 'rxjs/operators';
import type { HandlerOutcome } from '../options/policy-options.js';

/** The same observable, with its end told: before the subscriber learns of it, and that of each subscription once. */
export function whenEnded<T>(source: Observable<T>, tell: (outcome: HandlerOutcome) => void): Observable<T> {
  return defer(() => {
    let result: T | undefined;
    let hasEnded = false;
    const end = (outcome: HandlerOutcome) => {
      if (!hasEnded) tell(outcome);
      hasEnded = true;
    };
    return source.pipe(
      tap({
        next: (value) => {
          result = value;
        },
        error: (error) => end({ error, aborted: false }),
        complete: () => end({ result, aborted: false }),
      }),
      finalize(() => end({ aborted: true })),
    );
  });
}
