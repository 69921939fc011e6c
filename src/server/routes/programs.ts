// Where a program finds the processor that it runs: for programs on this machine that may do everything.
import { z } from 'zod';
import { processorIdOf, StreamName } from '../../api/schema.ts';
import { SluiceError } from '../../core/errors.ts';
import type { ProgramDoors } from '../../processors/external/address.ts';
import type { RouteContext } from '../context.ts';
import { EXTERNAL } from '../processors.ts';

const Params = z.object({ stream: StreamName, processor: z.string().max(64) });

const Address = z.object({
  path: z.string().optional().describe('of the Unix socket'),
  host: z.string().optional().describe('where there are no Unix sockets'),
  port: z.number().optional(),
  token: z.string().describe('for the hello'),
});

export function programRoutes({ app, streams }: RouteContext, doors: ProgramDoors): void {
  app.post<{ Params: z.output<typeof Params> }>(
    '/api/streams/:stream/processors/:processor/program',
    {
      schema: {
        tags: ['streams'],
        summary: 'Local socket and token of an external processor, for the program that runs it',
        params: Params,
        response: { 200: Address },
      },
    },
    async (request) => {
      const { stream, processor } = request.params;
      const found = streams.registry.get(stream).config.processors.find((one) => processorIdOf(one) === processor);
      if (found?.use !== EXTERNAL) {
        throw new SluiceError('not-found', `${stream} has no processor { id: ${processor}, use: ${EXTERNAL} } in its configuration`);
      }
      return { ...doors.address(stream, processor), token: doors.token };
    },
  );
}
