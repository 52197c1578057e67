import { Observable } from 'rxjs';
import type { HandlerOutcome } from '../options/policy-options.js';

/** The same observable, with its end told: before the subscriber learns of it, and that of each subscription once. */
export function whenEnded<T>(source: Observable<T>, tell: (outcome: HandlerOutcome) => void): Observable<T> {
  return new Observable<T>((subscriber) => {
    let result: T | undefined;
    let hasEnded = false;
    const end = (outcome: HandlerOutcome) => {
      if (!hasEnded) tell(outcome);
      hasEnded = true;
    };
    const subscription = source.subscribe({
      next(value) {
        result = value;
        subscriber.next(value);
      },
      error(error) {
        end({ error, aborted: false });
        subscriber.error(error);
      },
      complete() {
        end({ result, aborted: false });
        subscriber.complete();
      },
    });
    return () => {
      subscription.unsubscribe();
      end({ aborted: true });
    };
  });
}
