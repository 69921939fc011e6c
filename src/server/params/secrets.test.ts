import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { jsonSchemaOf } from '../../api/json-schema.ts';
import { StreamConfig } from '../../api/schema.ts';
import { ParamSet, type ParamValues } from '../../pipeline/params/param-set.ts';
import { masked, publishWithSecrets, unmasked, withoutSecrets } from './secrets.ts';

const params = { url: 'http://me:word@host/', headers: { Authorization: 'Bearer word', 'X-Key': 'word' } };

describe('secrets of processors', () => {
  it('are not in what is shown', () => {
    const config = StreamConfig.parse({ source: { type: 'push' }, processors: [{ use: 'http', params }] });
    for (const shown of [withoutSecrets(config), masked({ url: params.url, 'http.headers': params.headers })]) {
      expect(JSON.stringify(shown)).not.toContain('word');
      expect(JSON.stringify(shown)).toContain('Authorization');
    }
  });

  it('of places that streams are sent to: not shown, and kept when what was shown comes back', () => {
    const publish = [
      { url: 'https://me:word@host/a?token=word', token: 'word-token' },
      { url: 'https://other/b', token: 'other-word' },
    ];
    const config = StreamConfig.parse({ publish });
    const shown = withoutSecrets(config).publish;
    expect(JSON.stringify(shown)).not.toContain('word');
    expect(publishWithSecrets(shown, config.publish)).toEqual(config.publish);
    // Another address never gets the token of this one.
    const moved = shown.map((one) => ({ ...one, url: one.url.replace('host', 'evil').replace('other', 'evil') }));
    expect(JSON.stringify(publishWithSecrets(moved, config.publish))).not.toContain('word');
    const [changed] = publishWithSecrets([{ ...shown[0]!, bitrate: 100_000, token: 'new' }], config.publish);
    expect(changed).toMatchObject({ url: publish[0]!.url, token: 'new', bitrate: 100_000 });
  });

  it('stay what they are when what was shown comes back', () => {
    const schema = z.looseObject({ url: z.string(), headers: z.record(z.string(), z.string()) });
    const check = (values: ParamValues) => values;
    const set = new ParamSet([{ id: 'http', use: 'http', schema: jsonSchemaOf(schema), values: params, live: true, check }]);
    expect(unmasked(set, masked(params))).toEqual(params);
    expect(unmasked(set, { headers: { Authorization: '***', 'X-Key': 'new' } })).toEqual({
      headers: { Authorization: 'Bearer word', 'X-Key': 'new' },
    });
  });
});
