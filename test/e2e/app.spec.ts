import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { TokenBucket } from '../../lib/index.js';
import { adapters, bootApp, closeApps } from '../support/app.js';
import { ManualClock } from '../support/manual-clock.js';

@Controller('cats')
class CatsController {
  @Get()
  @TokenBucket({ capacity: 2, rate: 1 })
  find() {
    return [];
  }
}

afterEach(closeApps);

describe.each(adapters)('on %s', (adapter) => {
  it('admits a burst of the capacity, then refuses until the clock has moved', async () => {
    const clock = new ManualClock(1);
    const { statuses } = await bootApp({ controllers: [CatsController], adapter, clock });
    expect(await statuses(3, '/cats')).toEqual([200, 200, 429]);
    clock.now += 1_000_000;
    expect(await statuses(2, '/cats')).toEqual([200, 429]);
  });
});
