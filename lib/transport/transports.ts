import type { ExecutionContext } from '@nestjs/common';
import { loadGraphqlTransport } from './graphql/graphql.transport.js';
import type { HttpTransport } from './http/http.transport.js';
import { MessageTransport } from './message.transport.js';
import { loadRpcTransport } from './rpc/rpc.transport.js';
import type { Transport } from './transport.js';
import { loadWsTransport } from './ws/ws.transport.js';

/** By what `ExecutionContext.getType()` answers. */
const LOADERS = { graphql: loadGraphqlTransport, ws: loadWsTransport, rpc: loadRpcTransport };

/** Kinds that nobody has told us of, as those of other libraries: the refusal itself is thrown. */
const otherTransport = new MessageTransport((_, cause) => cause);

/** The transport of a context. */
export class Transports {
  private constructor(
    private readonly http: HttpTransport,
    private readonly others: ReadonlyMap<string, Transport>,
  ) {}

  /**
   * Loads what the kinds of an application need, and nothing else: their packages are optional.
   * @throws RateLimitError `TRANSPORT_PACKAGE_MISSING`
   */
  static async load(http: HttpTransport, kinds: ReadonlySet<string>): Promise<Transports> {
    const others = new Map<string, Transport>();
    for (const [kind, load] of Object.entries(LOADERS)) if (kinds.has(kind)) others.set(kind, await load());
    return new Transports(http, others);
  }

  of(context: ExecutionContext): Transport {
    const kind = context.getType<string>();
    return kind === 'http' ? this.http : (this.others.get(kind) ?? otherTransport);
  }
}
