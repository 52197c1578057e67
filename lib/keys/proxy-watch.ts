import type { ExecutionContext } from '@nestjs/common';
import { callerOf } from '../caller/caller-of.js';
import { type Question, readsAddress } from './address-readers.js';
import { routeOf } from './key-resolver.js';

/** Waits for the first request that a proxy has forwarded and that is limited by its address. */
export class ProxyWatch {
  private report: ((route: string) => void) | undefined;
  private readonly watched = new WeakMap<Question, Question>();

  /** Calls the function once, with the route of such a request. */
  start(report: (route: string) => void): void {
    this.report = report;
  }

  /**
   * The same question, under watch if it reads an address. Equal questions stay equal. When the watch is over, what is
   * left is a look at a field.
   */
  over<Q extends Question>(question: Q): Q {
    if (!readsAddress(question)) return question;
    const known = this.watched.get(question) ?? this.watch(question);
    this.watched.set(question, known);
    return known as Q;
  }

  private watch(question: Question): Question {
    const watched: Question = (context) => {
      if (this.report !== undefined) this.look(context);
      return question(context);
    };
    // What is known of the question is written on it, its name too.
    return Object.defineProperties(watched, Object.getOwnPropertyDescriptors(question));
  }

  private look(context: ExecutionContext): void {
    const { report } = this;
    if (report === undefined || !isForwarded(context)) return;
    this.report = undefined;
    report(routeOf(context));
  }
}

/** No framework reads the field for a WebSocket connection, whatever it trusts. */
const isForwarded = (context: ExecutionContext): boolean =>
  context.getType<string>() !== 'ws' && callerOf(context)?.headers?.['x-forwarded-for'] !== undefined;
