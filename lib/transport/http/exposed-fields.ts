// In lower case, as it is looked for: Fastify would make that of it for every response.
const ALLOWED = 'access-control-allow-origin';
const CREDENTIALS = 'Access-Control-Allow-Credentials';
const EXPOSED = 'Access-Control-Expose-Headers';

export type HeaderValue = string | number | readonly string[] | undefined;

/** What is used of Node's response. */
interface RawHeaders {
  getHeader(name: string): HeaderValue;
  setHeader(name: string, value: string): unknown;
}

/** Fastify's own response keeps headers until it is sent, and they replace those of Node's. */
export interface ReplyHeaders {
  getHeader(name: string): HeaderValue;
  header(name: string, value: string): unknown;
}

/** Fields of ours that scripts of other origins may read, where the response is one that they may have at all. */
export class ExposedFields {
  private before = '';
  private after: string;

  constructor(private readonly names: readonly string[]) {
    this.after = names.join(', ');
  }

  /** `reply` looks into Node's response as well. */
  exposeOn(raw: RawHeaders, reply?: ReplyHeaders): void {
    const response = reply ?? raw;
    if (this.names.length === 0 || response.getHeader(ALLOWED) === undefined) return;
    const exposed = String(response.getHeader(EXPOSED) ?? '');
    // All fields, but for those who send credentials: to them it is the name of a field.
    if (exposed.trim() === '*' && response.getHeader(CREDENTIALS) === undefined) return;
    const list = this.addedTo(exposed);
    if (raw.getHeader(ALLOWED) !== undefined) raw.setHeader(EXPOSED, list);
    reply?.header(EXPOSED, list);
  }

  /** The responses of an application have mostly one list: it is worked out once. */
  private addedTo(exposed: string): string {
    if (exposed !== this.before && exposed !== this.after) {
      this.before = exposed;
      this.after = this.join(exposed);
    }
    return this.after;
  }

  private join(exposed: string): string {
    const known = exposed.toLowerCase().split(/\s*,\s*/);
    const missing = this.names.filter((name) => !known.includes(name.toLowerCase()));
    return [exposed, ...missing].filter((part) => part !== '').join(', ');
  }
}
