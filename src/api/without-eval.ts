// Imported before any schema is made: a page whose Content-Security-Policy forbids eval would report zod's trial of it as a violation.
import { z } from 'zod';

if ('document' in globalThis) z.config({ jitless: true });
