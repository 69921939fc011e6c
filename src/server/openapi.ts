// OpenAPI 3.1 from the schemas of the routes, readable at `/docs`.
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';

export async function openApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sluice',
        version,
        description: 'Live frames and data from any program, in any browser, on one clock.',
        license: { name: 'MIT' },
      },
    },
    transform: jsonSchemaTransform,
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => ({
    ...app.swagger(),
    // Relative, so that the document holds under any path prefix.
    servers: [{ url: './' }],
  }));
  // The files of the page are addressed relative to `docs/`.
  app.addHook('onRequest', async (request, reply) => (request.url === '/docs' ? reply.redirect('docs/') : undefined));
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: false, uiConfig: { url: '../openapi.json' } });
}
