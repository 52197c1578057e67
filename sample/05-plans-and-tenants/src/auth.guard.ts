import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { type Account, Accounts } from './accounts.js';

/** What is read and written of a request. */
interface AuthRequest {
  readonly headers: { readonly authorization?: string };
  user?: Account;
}

/** `Authorization: Bearer ada-key`. It runs between the two stages of the limits: after `ip`, before the others. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(private readonly accounts: Accounts) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthRequest>();
    const [, apiKey = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
    request.user = await this.accounts.find(apiKey);
    if (request.user === undefined) throw new UnauthorizedException('send Authorization: Bearer ada-key');
    return true;
  }
}
