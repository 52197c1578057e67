import { type Answer, CAPACITY, PER_SECOND, Quota } from './quota.js';

/** A token as the provider keeps it: its quota, whether it is valid, and what came of its requests. */
export class Account {
  isValid = true;
  private readonly quota = new Quota();
  private served = 0;
  private refused = 0;
  private unauthorized = 0;

  /** Times of the first and the last request that was served, in microseconds. */
  first: number | undefined;
  last: number | undefined;

  /** Undefined: the token is not valid. */
  request(now: number): Answer | undefined {
    if (!this.isValid) {
      this.unauthorized++;
      return undefined;
    }
    const answer = this.quota.take(now);
    if (!answer.allowed) this.refused++;
    else {
      this.served++;
      this.first ??= now;
      this.last = now;
    }
    return answer;
  }

  /** Answered with 200, 429 and 401. */
  stats() {
    const { served, refused, unauthorized } = this;
    return { served, refused, unauthorized };
  }
}

/** What all accounts have served, and what they would have at most in the same time: from the first request to the last. */
export function summary(accounts: readonly Account[]) {
  const sum = (count: 'served' | 'refused' | 'unauthorized') =>
    accounts.reduce((total, account) => total + account.stats()[count], 0);
  const first = Math.min(...accounts.map((account) => account.first ?? Number.POSITIVE_INFINITY));
  const last = Math.max(...accounts.map((account) => account.last ?? 0));
  const seconds = Math.max(0, last - first) / 1e6;
  const allowed = accounts.length * (CAPACITY + PER_SECOND * seconds);
  return {
    served: sum('served'),
    refused: sum('refused'),
    unauthorized: sum('unauthorized'),
    seconds: round(seconds),
    allowed: round(allowed),
    used: round(sum('served') / allowed),
  };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
