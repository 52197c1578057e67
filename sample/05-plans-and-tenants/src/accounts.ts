import { Injectable } from '@nestjs/common';

/** A user of the API, as authentication finds them. */
export interface Account {
  readonly id: string;
  readonly tenant: string;
}

/** Who has which API key. Yours are in a database, and hashed. */
@Injectable()
export class Accounts {
  private readonly byKey = new Map<string, Account>([
    ['ada-key', { id: 'ada', tenant: 'acme' }],
    ['bob-key', { id: 'bob', tenant: 'acme' }],
    ['eve-key', { id: 'eve', tenant: 'umbrella' }],
  ]);

  async find(apiKey: string): Promise<Account | undefined> {
    return this.byKey.get(apiKey);
  }
}
