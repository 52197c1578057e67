import type { ExecutionContext } from '@nestjs/common';
import { loadGraphqlTransport } from './graphql/graphql.transport.js';
import type { HttpTransport } from './http/http.transport.js';
import { MessageTransport, type ToError } from './message.transport.js';
import type { Refusals } from './refusals.js';
import { loadRpcTransport } from './rpc/rpc.transport.js';
import type { Transport } from './transport.js';
import { loadWsTransport } from './ws/ws.transport.js';

/** By what `ExecutionContext.getType()` answers. */
const LOADERS = { graphql: loadGraphqlTransport, ws: loadWsTransport, rpc: loadRpcTransport };

/** The transport of a context. */
export class Transports {
  private constructor(
    private readonly http: HttpTransport,
    private readonly others: ReadonlyMap<string, Transport>,
    private readonly unknown: Transport,
  ) {}

  /**
   * Loads what the kinds of an application need, and nothing else: their packages are optional.
   * @throws RateLimitError `TRANSPORT_PACKAGE_MISSING`
   */
  static async load(
    http: HttpTransport,
    kinds: ReadonlySet<string>,
    refusals: Refusals,
  ): Promise<Transports> {
    const others = new Map<string, Transport>();
    for (const [kind, load] of Object.entries(LOADERS)) {
      if (kinds.has(kind)) others.set(kind, await load(refusals));
    }
    return new Transports(http, others, new MessageTransport(itself, refusals));
  }

  of(context: ExecutionContext): Transport {
    const kind = context.getType<string>();
    return kind === 'http' ? this.http : (this.others.get(kind) ?? this.unknown);
  }
}

/** Of kinds that nobody has told us of, as those of other libraries: the refusal itself is thrown. */
const itself: ToError = ({ message }, cause) => Object.assign(cause, { message });
