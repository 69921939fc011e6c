// Registration with an orchestrator of the Livepeer network, so that gateways find this processor: POST /capability/register.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { CapabilitySettings, type StreamProcessorSettings } from './settings.ts';
import type { ServerState } from './state.ts';

/** Everything decided. */
export interface Capability {
  readonly orchUrl: string;
  readonly secret: string;
  readonly retries: number;
  /** Seconds. */
  readonly delay: number;
  readonly timeout: number;
  readonly insecure: boolean;
  readonly body: {
    readonly url: string;
    readonly name: string;
    readonly description: string;
    readonly capacity: number;
    readonly price_per_unit: number;
    readonly price_scaling: number;
  };
}

export interface CapabilityPlace {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of this server. */
  readonly url: string;
  /** Name of the capability, if it has one. */
  readonly name: string;
}

/**
 * What is to be registered: settings, else the environment (ORCH_URL, ORCH_SECRET, ORCH_INSECURE, CAPABILITY_NAME, CAPABILITY_DESCRIPTION,
 * CAPABILITY_URL, CAPABILITY_CAPACITY, CAPABILITY_PRICE_PER_UNIT, CAPABILITY_PRICE_SCALING). null: nothing, as no orchestrator and secret are
 * given. Throws `bad-value` for a variable that is no number, or no address.
 */
export function capabilityOf(
  settings: Pick<StreamProcessorSettings, 'capability' | 'maxStreams' | 'name'>,
  place: CapabilityPlace,
): Capability | null {
  if (settings.capability === false) return null;
  const given = settings.capability ?? CapabilitySettings.parse({});
  const { env } = place;
  const orchUrl = given.orchUrl ?? addressOf(env, 'ORCH_URL');
  const secret = given.orchSecret ?? (env.ORCH_SECRET || undefined);
  if (!orchUrl || !secret) return null;
  const { retries, delay, timeout } = given;
  return {
    orchUrl,
    secret,
    retries,
    delay,
    timeout,
    insecure: given.insecure ?? /^(1|true|yes|on)$/i.test(env.ORCH_INSECURE ?? ''),
    body: {
      url: given.url ?? addressOf(env, 'CAPABILITY_URL') ?? place.url.replace(/\/$/, ''),
      name: given.name ?? (place.name || settings.name),
      description: given.description ?? (env.CAPABILITY_DESCRIPTION || `${settings.name}, a Sluice stream processor`),
      capacity: given.capacity ?? numberOf(env, 'CAPABILITY_CAPACITY', 1) ?? settings.maxStreams,
      price_per_unit: given.pricePerUnit ?? numberOf(env, 'CAPABILITY_PRICE_PER_UNIT', 0) ?? 0,
      price_scaling: given.priceScaling ?? numberOf(env, 'CAPABILITY_PRICE_SCALING', 1) ?? 1,
    },
  };
}

function addressOf(env: CapabilityPlace['env'], name: string): string | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new SluiceError(
    'bad-value',
    `The environment variable ${name}: ${JSON.stringify(text)} received; expected an address with http:// or https://`,
    {
      field: name,
    },
  );
}

function numberOf(env: CapabilityPlace['env'], name: string, least: number): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least) return value;
  throw new SluiceError(
    'bad-value',
    `The environment variable ${name}: ${JSON.stringify(text)} received; expected an integer from ${least} up`,
    {
      field: name,
    },
  );
}

/** Registers as soon as it is made, and tells the state how it went (component `capability`). */
export class Registration implements Disposable {
  readonly #abort = new AbortController();
  /** Whether it was taken. */
  readonly done: Promise<boolean>;

  constructor(capability: Capability, state: Pick<ServerState, 'component'>, log: Logger) {
    this.done = this.#run(capability, state, log);
  }

  async #run(capability: Capability, state: Pick<ServerState, 'component'>, log: Logger): Promise<boolean> {
    const { retries, delay, body } = capability;
    const { signal } = this.#abort;
    state.component('capability', 'STARTING');
    for (let attempt = 1; attempt <= retries && !signal.aborted; attempt++) {
      const result = await register(capability, signal).catch((error: Error) => ({ why: error.message, final: true }));
      if (signal.aborted) return false;
      if (result === null) {
        state.component('capability', 'RUNNING');
        log.info({ capability: body.name, url: body.url }, 'the capability is registered');
        return true;
      }
      const last = result.final || attempt === retries;
      state.component('capability', last ? 'ERROR' : 'STARTING', result.why);
      log.warn(
        { capability: body.name, attempt, error: result.why },
        last ? 'the capability could not be registered' : 'registration is tried again',
      );
      if (last) return false;
      await sleep(delay * 1000, undefined, { signal, ref: false }).catch(() => {});
    }
    return false;
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }
}

/** null: taken. `final`: trying again cannot help. Rejects for a secret that no header can carry. */
async function register(
  { orchUrl, secret, timeout, insecure, body }: Capability,
  ending: AbortSignal,
): Promise<{ readonly why: string; readonly final: boolean } | null> {
  const url = new URL(`${orchUrl.replace(/\/+$/, '')}/capability/register`);
  const text = JSON.stringify(body);
  const secure = url.protocol === 'https:';
  const { promise, resolve } = Promise.withResolvers<{ readonly why: string; readonly final: boolean } | null>();
  const failed = (why: string, final = false) => resolve({ why, final });
  const limit = AbortSignal.timeout(timeout * 1000);
  const call = (secure ? httpsRequest : httpRequest)(
    url,
    {
      method: 'POST',
      headers: { Authorization: secret, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
      agent: false,
      signal: AbortSignal.any([limit, ending]),
      ...(secure && { rejectUnauthorized: !insecure }),
    },
    (response) => {
      response.resume();
      const { statusCode } = response;
      if (statusCode === 200) resolve(null);
      else if (statusCode === 400) failed('the orchestrator does not take the secret (400)', true);
      else failed(`the orchestrator answered ${statusCode}`);
    },
  );
  call.on('error', (error: NodeJS.ErrnoException) => {
    if (limit.aborted) return failed(`the orchestrator did not answer within ${timeout} s`);
    const certificate = secure && /CERT|SIGNED|SIGNATURE/.test(error.code ?? '');
    failed(`${error.message}${certificate ? '; ORCH_INSECURE=1 takes its certificate as it is' : ''}`);
  });
  call.end(text);
  return await promise;
}
