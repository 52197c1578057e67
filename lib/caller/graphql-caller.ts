import type { Caller } from './caller.js';
import { type HttpRequest, httpCaller } from './http-caller.js';

/** What is read of the context value that an application gives its resolvers. */
interface GraphqlContext extends Holder {
  /** Apollo, and Mercurius below NestJS. */
  readonly req?: Holder;
  /** Mercurius: the request that opened the connection of a subscription. */
  readonly request?: Holder;
  /** Mercurius, over HTTP. */
  readonly reply?: { readonly request?: Holder };
}

/** A request, or the connection of graphql-ws: it stands where the request of other operations does. */
interface Holder extends Partial<HttpRequest> {
  readonly extra?: { readonly request?: Holder; readonly user?: unknown };
}

/** The caller of a resolver, by the request that the context value carries. */
export function graphqlCaller(args: readonly unknown[]): Caller {
  const context = contextOf(args);
  const holders = [context.req, context.request, context.reply?.request, context];
  const requests = holders.map((holder) => holder?.extra?.request ?? holder);
  const request = requests.find((candidate) => isObject(candidate?.headers)) as HttpRequest | undefined;
  const user = () => firstUser([request, ...holders, ...holders.map((holder) => holder?.extra)]);
  const caller = request && httpCaller(request);
  return {
    get ip() {
      return caller?.ip;
    },
    headers: caller?.headers,
    // Those of the path of the endpoint would be the same for all operations.
    params: undefined,
    get user() {
      return user();
    },
    get connection() {
      return caller?.connection;
    },
  };
}

/** The reference resolvers of a federation have no arguments, so their context stands one place earlier. */
function contextOf(args: readonly unknown[]): GraphqlContext {
  const context = args.length === 3 ? args[1] : args[2];
  return isObject(context) ? context : {};
}

const firstUser = (holders: readonly ({ readonly user?: unknown } | undefined)[]): unknown =>
  holders.find((holder) => holder?.user !== undefined && holder.user !== null)?.user;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
