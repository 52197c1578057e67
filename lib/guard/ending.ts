import type { HandlerOutcome } from '../options/policy-options.js';

/** Called by an interceptor when what it has handed on ends. */
type Told = (outcome: HandlerOutcome) => void;

/**
 * How the handler of an invocation has ended. Several interceptors of ours may stand around it, with others between them
 * that wrap its answer or try it again. So the innermost says how it has ended, of several tries the last; and when no
 * other can follow, says the outermost.
 */
export class Ending {
  private entered = 0;
  private told = 0;
  private outcome: HandlerOutcome | undefined;

  /** For the next interceptor on the way in; `end` is called where it is the outermost. */
  watch(end: Told): Told {
    const place = ++this.entered;
    return (outcome) => {
      this.note(outcome, place);
      if (place === 1) end(this.outcome ?? outcome);
    };
  }

  /** Later places are further in, or of a later try. What was cut off from further out has not said how it ended. */
  private note(outcome: HandlerOutcome, place: number): void {
    if (place < this.told) return;
    this.told = place;
    this.outcome = outcome.aborted ? undefined : outcome;
  }
}
